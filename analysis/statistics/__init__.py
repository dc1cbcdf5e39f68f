"""From differences to a verdict.

crossed             replicates by photos, and their intervals
rule                the rule of the verdict
contrasts           every contrast and its verdict

Imports `tables`.
"""
