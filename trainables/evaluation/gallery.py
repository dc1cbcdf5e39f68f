"""What a confirmed network painted: a sheet of a few photos for people, and one small picture a photo for the report.

The report chooses its examples by rule, over all settings and replicates, so pictures of the whole pool must be there.
"""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torchvision.utils import make_grid

from trainables.data.images import Images
from trainables.evaluation.measure import colorize, grey
from trainables.network.joint_network import JointNetwork

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
    # Small photos are enlarged by whole factors, so that every pixel stays a square.
    scale = max(1, 96 // pixels_NHW3.shape[1])
    cells_MHW3 = np.stack(list(columns.values()), axis=1).reshape(-1, *pixels_NHW3.shape[1:])
    cells_M3HW = torch.from_numpy(cells_MHW3.repeat(scale, axis=1).repeat(scale, axis=2)).permute(0, 3, 1, 2)
    grid_3HW = make_grid(cells_M3HW, nrow=len(columns), padding=GAP, pad_value=255)
    grid = Image.fromarray(grid_3HW.permute(1, 2, 0).numpy())
    sheet = Image.new("RGB", (grid.width, HEADING + grid.height), "white")
    sheet.paste(grid, (0, HEADING))
    draw = ImageDraw.Draw(sheet)
    for column, name in enumerate(columns):
        draw.text((GAP + column * (cells_M3HW.shape[-1] + GAP), 1), name, fill="black")
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def pool_pictures(network: JointNetwork, images: Images, indices_N: NDArray[np.int64]) -> dict[str, list[str | bytes]]:
    """One row a photo of the pool, by column: `photo`, and as JPEG `grey`, `truth` and `painted`."""
    columns: dict[str, list[str | bytes]] = {"photo": [], "grey": [], "truth": [], "painted": []}
    chosen_M = choose_photos(indices_N, MAX_PICTURES)
    for part in np.array_split(chosen_M, max(1, len(chosen_M) // PHOTOS_AT_ONCE)):
        pixels_BHW3 = np.array(images.pixels_NHW3[part])
        columns["photo"] += [images.photo_names[index] for index in part]
        painted = {"grey": grey(pixels_BHW3), "truth": pixels_BHW3, "painted": colorize(network, pixels_BHW3)}
        for name, photos_BHW3 in painted.items():
            columns[name] += [to_jpeg(photo_HW3) for photo_HW3 in photos_BHW3]
    return columns


def to_jpeg(photo_HW3: NDArray[np.uint8]) -> bytes:
    """Colours at full resolution: they are what is looked at."""
    picture = Image.fromarray(photo_HW3)
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()
