"""A table, drawn.

style               colours, marks and lines that all figures share
effects             differences between arms
curves              what changes by epoch
search              what the search saw
concepts            whether colouring uses the class
data_colors         colours of the data

Imports `summaries`, `statistics`.
"""
