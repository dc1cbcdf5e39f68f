"""The command.

main                the application, and the wording of errors
options             what several commands take
launch              launch
studies             status, report, sync, ui, reproduce, compare
comparison_tables   what compare found, for people
data                data prepare, data check, data colors
models              colorize, export
setup               init, schema, doctor

Loads nothing heavy before a command is chosen. Imports everything.
"""
