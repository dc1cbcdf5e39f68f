"""What a script shows, and the page it is bound into.

show                show() for Jupyter and the report
html                one self-contained HTML page

Imports `tables`.
"""
