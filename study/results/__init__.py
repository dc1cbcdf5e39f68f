"""What is made of a ledger, and can be made again.

export              the ledger as tables
data_summaries      colours of the photos themselves
status              how far a study is, what it has cost
model_choice        which network stands for a study
model_card          what to know before using one
comparison          two studies side by side
reproduce           one trial trained again

Imports `search.selection`, `ledger`, `definition`, `storage`; `analysis.report` from `export`.
"""
