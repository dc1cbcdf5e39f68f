"""What we learned: load, summarize, draw, write. Reads the exported tables alone.

report              runs notebooks/ and binds the report; the one door for `study`
tables              loads the exported tables

Imports neither `trainables` nor `study`.
"""
