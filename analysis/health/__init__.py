"""What a sceptic checks first.

checks              every check, in order
trial_checks        trials run as planned, and alike
answer_checks       what the answer rests on

Imports `summaries`, `statistics`.
"""
