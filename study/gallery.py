"""The gallery picture of a confirmed network: grey, truth and prediction side by side."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from trainables.images import Images
from trainables.measure import colorize, grey
from trainables.network import JointNetwork

NUM_PHOTOS = 8
GAP, HEADING = 4, 14
"""Pixels between pictures, and above the columns for their names."""


def choose_photos(images: Images, indices_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same photos for every network: evenly spaced through the pool, which is ordered by class and name."""
    ordered_N = np.sort(indices_N)
    positions = np.linspace(0, len(ordered_N) - 1, min(NUM_PHOTOS, len(ordered_N))).round().astype(int)
    chosen: NDArray[np.int64] = ordered_N[positions]
    return chosen


def draw_gallery(network: JointNetwork, images: Images, indices_N: NDArray[np.int64]) -> bytes:
    """A PNG with one row per photo and the columns grey, truth, prediction."""
    pixels_NHW3 = np.array(images.pixels_NHW3[choose_photos(images, indices_N)])
    columns = {"grey": grey(pixels_NHW3), "truth": pixels_NHW3, "prediction": colorize(network, pixels_NHW3)}
    num_photos, side = pixels_NHW3.shape[:2]
    # Small photos are enlarged by whole factors, so that every pixel stays a square.
    scale = max(1, 96 // side)
    cell = side * scale + GAP
    sheet = Image.new("RGB", (cell * len(columns) + GAP, HEADING + cell * num_photos + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (name, photos_NHW3) in enumerate(columns.items()):
        draw.text((GAP + column * cell, 1), name, fill="black")
        for row, photo_HW3 in enumerate(photos_NHW3):
            picture = Image.fromarray(photo_HW3).resize((side * scale, side * scale), Image.Resampling.NEAREST)
            sheet.paste(picture, (GAP + column * cell, HEADING + GAP + row * cell))
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
