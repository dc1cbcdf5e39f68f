"""The CIELAB chroma of 8-bit photos, from tables and whole numbers: the same on every machine, and without torch.

`color_space.py` converts everything else. Loading torch takes a second and 200 MB, which whoever merely prepares photos
would pay in every process. Letters: N photos, P pixels of a photo.
"""

import functools

import numpy as np
from numpy.typing import NDArray

# Constants of skimage.color 0.26 (its matrix has six digits, its inverse sixteen): other sources round differently.
XYZ_FROM_RGB = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE_XYZ = (0.95047, 1.0, 1.08883)

COLORFUL_SHARE = 0.05
"""The chroma of a photo is what this share of its pixels exceed: objects on white are mostly white."""

STEPS = 2**20
"""Of a coordinate between black and white: chroma is at most 0.01 off, near black."""


def measure_chroma(pixels_NHW3: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The CIELAB chroma that `COLORFUL_SHARE` of each photo's pixels exceed; float32, N, rounded to hundredths."""
    chroma = [_chroma_of_one(pixels_HW3.reshape(-1, 3)) for pixels_HW3 in pixels_NHW3]
    return np.array(chroma, np.float32).round(2)


def _chroma_of_one(pixels_P3: NDArray[np.uint8]) -> float:
    shares, curve = _tables()
    red_P, green_P, blue_P = (np.ascontiguousarray(pixels_P3[:, channel]) for channel in range(3))
    fx_P, fy_P, fz_P = (
        curve[of_red[red_P] + of_green[green_P] + of_blue[blue_P]] for of_red, of_green, of_blue in shares
    )
    squares_P = (500 * (fx_P - fy_P)) ** 2 + (200 * (fy_P - fz_P)) ** 2
    position = int((1 - COLORFUL_SHARE) * len(squares_P))
    return float(np.sqrt(np.partition(squares_P, position)[position]))


@functools.cache
def _tables() -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """What each 8-bit value of a channel adds to each coordinate, in steps (3 x 3 x 256), and Lab's curve by step."""
    values = np.arange(256) / 255
    linear = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    weights = np.array(XYZ_FROM_RGB) / np.array(WHITE_XYZ)[:, None]
    shares = np.rint(weights[:, :, None] * linear * STEPS).astype(np.int32)
    ratios = np.arange(STEPS + 4) / STEPS
    curve = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16 / 116)
    return shares, curve.astype(np.float32)
