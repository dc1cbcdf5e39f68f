"""sRGB, CIELAB and the network's scale.

color_space         the one place that converts
recolor             what a screen shows of colours on a photo's own lightness
chroma              how colourful a photo is, without torch

Imports no other package.
"""
