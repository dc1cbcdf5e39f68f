"""Folders and object stores alike.

path                a folder, or an object store, by one kind of path
files               files replaced whole, JSON and tables
checkpoint_file     a checkpoint on this machine
failures            full, gone or read-only, in words

Imports `errors`.
"""
