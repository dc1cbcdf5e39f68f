"""Which trials, where, and kept how: from a study file to its report.

launch              checked, placed on what there is, driven
drive               search, try again, confirm look by look, explain
plan                what a launch would do
power               what it will find
folder              a study's folder: refused, opened, read
terminal            how a command talks
errors              every exception, and how a mistake is said

Imports `trainables`; of `analysis` only the report, from `results.export` and `cli.studies`, and the power of a design,
from `power`.
"""
