"""A study's photos, for people.

photos              archives and folders to a root; prepared with a bar
check_page          what is odd about photos
colors_page         their colours, and what painting by rule costs
html_page           one page from a command

Imports `definition`.
"""
