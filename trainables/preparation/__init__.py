"""Photos decoded once for all studies, and found again.

prepare             what names a folder of prepared photos, and who fills it
decode              from files to arrays, part by part
photo_readers       processes that read photos and may die of them
prepared_folder     folders that appear whole
content_groups      which photos show the same content
near_links          near pairs without comparing all
photo_check         what is odd about photos, without writing

Imports `datasets`, `data`, `color`.
"""
