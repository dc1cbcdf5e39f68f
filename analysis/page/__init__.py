"""What a script shows, and the page it is bound into.

show                show() for Jupyter and the report
words               what a reader sees where a table has the name of a column
html                one self-contained HTML page

Imports `tables`.
"""
