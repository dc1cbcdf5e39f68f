"""What a confirmed network painted: a sheet of a few photos for people, and one small picture a photo for the report.

The report chooses its examples by rule, over all settings and replicates, so pictures of the whole pool must be there.
"""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from trainables.images import Images
from trainables.measure import colorize, grey
from trainables.network import JointNetwork

NUM_PHOTOS = 8
MAX_PICTURES, MAX_SIDE, JPEG_QUALITY = 256, 128, 90
"""Photos with small pictures, evenly spaced where the pool has more; their longest side in pixels. NCD's pool of 174
photos takes 0.9 MB a setting at 64 px; 256 photos at 128 px take about 4 MB."""
PHOTOS_AT_ONCE = 32
GAP, HEADING = 4, 14
"""Pixels between pictures, and above the columns for their names."""


def choose_photos(indices_N: NDArray[np.int64], num_photos: int = NUM_PHOTOS) -> NDArray[np.int64]:
    """The same photos for every network: evenly spaced through the pool, which is ordered by class and name."""
    ordered_N = np.sort(indices_N)
    positions = np.linspace(0, len(ordered_N) - 1, min(num_photos, len(ordered_N))).round().astype(int)
    chosen: NDArray[np.int64] = ordered_N[positions]
    return chosen


def draw_gallery(network: JointNetwork, images: Images, indices_N: NDArray[np.int64]) -> bytes:
    """A PNG with one row per photo and the columns grey, truth, prediction."""
    pixels_NHW3 = np.array(images.pixels_NHW3[choose_photos(indices_N)])
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


def pool_pictures(network: JointNetwork, images: Images, indices_N: NDArray[np.int64]) -> bytes:
    """A Parquet table with one row a photo of the pool: `photo`, and as JPEG `grey`, `truth` and `painted`."""
    columns: dict[str, list[object]] = {"photo": [], "grey": [], "truth": [], "painted": []}
    chosen_M = choose_photos(indices_N, MAX_PICTURES)
    for part in np.array_split(chosen_M, max(1, len(chosen_M) // PHOTOS_AT_ONCE)):
        pixels_BHW3 = np.array(images.pixels_NHW3[part])
        columns["photo"] += [images.photo_names[index] for index in part]
        painted = {"grey": grey(pixels_BHW3), "truth": pixels_BHW3, "painted": colorize(network, pixels_BHW3)}
        for name, photos_BHW3 in painted.items():
            columns[name] += [_jpeg(photo_HW3) for photo_HW3 in photos_BHW3]
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def _jpeg(photo_HW3: NDArray[np.uint8]) -> bytes:
    """Colours at full resolution: they are what is looked at."""
    picture = Image.fromarray(photo_HW3)
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()
