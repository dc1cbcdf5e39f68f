"""From differences to a verdict.

rule                the rule of the verdict
crossed             one fold: replicates by photos, and their intervals
folds               fold means, and how far single trainings, photos and searches spread
roles               whose settings stand for an arm in each fold, and whether their trainings ended
differences         treatment minus control, photo by photo
trivial_rules       what costs nothing to reach
needed              what another study would need
power               what a design will find
contrasts           every contrast and its verdict

Imports `tables`.
"""
