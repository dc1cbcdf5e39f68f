"""A table, drawn.

style               colours, marks and lines that all figures share
effects             differences between arms
photos              treatment against control, photo by photo
trade_off           both tasks at once
curves              what changes by epoch
search              what became of the search's trials
parallel            every trial a line over its settings
loss_weight         both tasks by loss weight
concepts            whether colouring uses the class
data_colors         colours of the data

Imports `summaries`, `statistics`, `page.show`.
"""
