"""What to try, who goes on, what is confirmed. Knows no Ray.

arm_search          one Optuna study an arm
samplers            who suggests settings
early_stopping      who goes on, among an arm's trials
warm_start          another study's best, tried early
importance          which settings went with the score
selection           from search trials to confirm trials

Imports `ledger`, `definition`, `search_space`, `storage`.
"""
