"""Which trials, where, and kept how: from a study file to its report.

launch              search, choose, confirm, export
plan                what a launch would do
folder              a study's folder: refused, opened, read
terminal            how a command talks
errors              every exception, and how a mistake is said

Imports `trainables`; of `analysis` only the report, from `results.export` and `cli.studies`.
"""
