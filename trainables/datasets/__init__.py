"""Photos as they come, read with care.

photo               one file to an upright square
class_folders       folders of photos by class, and a person's own split
annotations         bounding boxes from XML, carried to the square
stanford_dogs       120 breeds, official lists, boxes
archives            zip and tar, not trusted
orchard             the built-in data set, drawn in code

Loads no torch. Imports `data.images`, `color.chroma`.
"""
