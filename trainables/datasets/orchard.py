"""The built-in data set: shapes on white whose hue follows the class as strongly as one asks, drawn in code.

Its truth is known. With probability `coupling` a photo has its class's hue (plus a little jitter), otherwise a hue
drawn evenly from the circle: at 0 colour carries nothing about the class, at 1 everything. Lightness shows the shape
and nothing of the hue: all hues have the same lightness, brightness and shading are drawn without looking at the hue.

Letters: N photos, H and W height and width, E corners of a polygon.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from trainables.seeds import derive_seed

ORCHARD_DEFAULTS: Mapping[str, float] = MappingProxyType({"num_classes": 6, "photos_per_class": 60, "coupling": 0.9})
"""What a field of `DataConfig` means where it is None."""

HUES_RGB = np.array(
    [
        *([235, 144, 172], [239, 145, 155], [237, 147, 138], [231, 151, 124], [222, 157, 112], [209, 163, 105]),
        *([194, 169, 101], [177, 175, 103], [158, 179, 110], [138, 183, 121], [117, 186, 135], [94, 188, 152]),
        *([69, 189, 170], [42, 190, 188], [17, 189, 204], [26, 187, 219], [58, 184, 230], [90, 180, 237]),
        *([121, 174, 240], [149, 169, 238], [175, 162, 231], [197, 156, 220], [214, 150, 206], [227, 146, 190]),
    ]
)
"""The circle of hues in steps of 15 degrees: sRGB of CIELAB lightness 70 and chroma 38, the strongest colour that every
hue still has there. Were their lightness not the same, a network could read the hue off the grey photo."""

HUE_JITTER = 0.012
"""Standard deviation of a photo's hue around its class's hue, in turns of the circle."""

DISPLAY_GAMMA = 2.2
"""Shape and white mix in linear light, close enough: mixed in sRGB, a blurred edge's lightness would tell the hue."""


@dataclass(frozen=True, kw_only=True)
class Orchard:
    """Drawn photos, in order of class, and the hue each of them got."""

    pixels_NHW3: NDArray[np.uint8]
    """uint8 sRGB."""
    labels_N: NDArray[np.int64]
    """int64, into `class_names`."""
    hues_N: NDArray[np.float64]
    """Turns of the circle of `HUES_RGB`, in [0, 1)."""
    photo_names: tuple[str, ...]
    class_names: tuple[str, ...]


def draw_orchard(*, num_classes: int, photos_per_class: int, coupling: float, image_size: int, seed: int) -> Orchard:
    """Draw the data set; the same arguments give the same bits.

    Class c has shape c of `SHAPES` and hue c / num_classes. Position, size, rotation, brightness and the direction of
    the shading are drawn evenly. Raises ValueError for more classes than there are shapes.
    """
    if not 2 <= num_classes <= len(SHAPES):
        raise ValueError(f"num_classes must lie in [2, {len(SHAPES)}] for orchard, but got {num_classes!r}.")
    if not 0 <= coupling <= 1:
        raise ValueError(f"coupling must lie in [0, 1], but got {coupling!r}.")
    generator = np.random.default_rng(derive_seed(seed, "orchard"))
    class_names = tuple(SHAPES)[:num_classes]
    labels_N = np.repeat(np.arange(num_classes, dtype=np.int64), photos_per_class)
    num_photos = len(labels_N)

    own_hues_N = labels_N / num_classes + generator.normal(0.0, HUE_JITTER, num_photos)
    any_hues_N = generator.random(num_photos)
    hues_N = np.where(generator.random(num_photos) < coupling, own_hues_N, any_hues_N) % 1.0
    radii_N = generator.uniform(0.24, 0.44, num_photos)  # in image sides; the shape never leaves the picture
    centers_N2 = radii_N[:, None] + generator.random((num_photos, 2)) * (1 - 2 * radii_N[:, None])
    angles_N = generator.uniform(0.0, 2 * np.pi, num_photos)
    brightness_N = generator.uniform(0.8, 1.0, num_photos)
    light_angles_N = generator.uniform(0.0, 2 * np.pi, num_photos)

    rows_HW, columns_HW = (np.mgrid[:image_size, :image_size] + 0.5) / image_size
    colors_N3 = hue_to_rgb(hues_N)
    pixels_NHW3 = np.empty((num_photos, image_size, image_size, 3), dtype=np.uint8)
    for photo in range(num_photos):
        x_HW = (columns_HW - centers_N2[photo, 0]) / radii_N[photo]
        y_HW = (rows_HW - centers_N2[photo, 1]) / radii_N[photo]
        cos, sin = np.cos(angles_N[photo]), np.sin(angles_N[photo])
        distance_HW = SHAPES[class_names[labels_N[photo]]](cos * x_HW + sin * y_HW, cos * y_HW - sin * x_HW)
        cover_HW = np.clip(0.5 - distance_HW * radii_N[photo] * image_size, 0.0, 1.0)
        slope_HW = np.cos(light_angles_N[photo]) * x_HW + np.sin(light_angles_N[photo]) * y_HW
        grain_HW = generator.normal(0.0, 0.01, (image_size, image_size))
        shade_HW = np.clip(brightness_N[photo] * (1 - 0.1 * (1 + slope_HW)) + grain_HW, 0.0, 1.0)
        light_HW3 = (colors_N3[photo] * shade_HW[..., None]) ** DISPLAY_GAMMA
        mixed_HW3 = 1 + cover_HW[..., None] * (light_HW3 - 1)
        pixels_NHW3[photo] = np.rint(255 * mixed_HW3 ** (1 / DISPLAY_GAMMA))
    return Orchard(
        pixels_NHW3=pixels_NHW3,
        labels_N=labels_N,
        hues_N=hues_N,
        photo_names=tuple(
            f"{name}/{name}{number}" for name in class_names for number in range(1, photos_per_class + 1)
        ),
        class_names=class_names,
    )


def hue_to_rgb(hues_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB in [0, 1], N x 3, of hues in turns of the circle, between two entries of `HUES_RGB` in a straight line."""
    steps_N = np.asarray(hues_N) % 1.0 * len(HUES_RGB)
    lower_N = np.floor(steps_N).astype(np.int64)
    share_N1 = (steps_N - lower_N)[:, None]
    lower_N3, upper_N3 = HUES_RGB[lower_N % len(HUES_RGB)], HUES_RGB[(lower_N + 1) % len(HUES_RGB)]
    return (lower_N3 * (1 - share_N1) + upper_N3 * share_N1) / 255


# Shapes: from coordinates in units of the shape's radius to the signed distance from its edge, negative inside.

Shape = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def _circle(x_HW: NDArray[np.float64], y_HW: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hypot(x_HW, y_HW) - 0.85


def _ring(x_HW: NDArray[np.float64], y_HW: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(np.hypot(x_HW, y_HW) - 0.7) - 0.25


def _crescent(x_HW: NDArray[np.float64], y_HW: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(np.hypot(x_HW, y_HW) - 0.95, 0.7 - np.hypot(x_HW - 0.5, y_HW))


def _polygon(*corners: tuple[float, float]) -> Shape:
    """Distance to the nearest side; inside where a ray to the right crosses an odd number of sides."""
    starts_E2 = np.array(corners)
    ends_E2 = np.roll(starts_E2, -1, axis=0)

    def signed_distance(x_HW: NDArray[np.float64], y_HW: NDArray[np.float64]) -> NDArray[np.float64]:
        nearest_HW = np.full(x_HW.shape, np.inf)
        inside_HW = np.zeros(x_HW.shape, dtype=bool)
        for (start_x, start_y), (end_x, end_y) in zip(starts_E2, ends_E2, strict=True):
            side_x, side_y = end_x - start_x, end_y - start_y
            along_HW = ((x_HW - start_x) * side_x + (y_HW - start_y) * side_y) / (side_x**2 + side_y**2)
            along_HW = np.clip(along_HW, 0.0, 1.0)
            gap_HW = np.hypot(x_HW - start_x - along_HW * side_x, y_HW - start_y - along_HW * side_y)
            nearest_HW = np.minimum(nearest_HW, gap_HW)
            if side_y != 0:
                spans_HW = (y_HW >= min(start_y, end_y)) & (y_HW < max(start_y, end_y))
                inside_HW ^= spans_HW & (x_HW < start_x + (y_HW - start_y) * side_x / side_y)
        return np.where(inside_HW, -nearest_HW, nearest_HW)

    return signed_distance


def _around(*radii: float) -> tuple[tuple[float, float], ...]:
    """Corners at these radii, evenly around the centre."""
    turns = [2 * np.pi * corner / len(radii) for corner in range(len(radii))]
    return tuple((radius * np.cos(turn), radius * np.sin(turn)) for radius, turn in zip(radii, turns, strict=True))


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "circle": _circle,
        "square": _polygon(*_around(1, 1, 1, 1)),
        "triangle": _polygon(*_around(1, 1, 1)),
        "ring": _ring,
        "star": _polygon(*_around(*(1, 0.45) * 5)),
        "cross": _polygon(
            *((0.3, 0.95), (0.3, 0.3), (0.95, 0.3), (0.95, -0.3), (0.3, -0.3), (0.3, -0.95)),
            *((-0.3, -0.95), (-0.3, -0.3), (-0.95, -0.3), (-0.95, 0.3), (-0.3, 0.3), (-0.3, 0.95)),
        ),
        "crescent": _crescent,
        "bar": _polygon((-0.95, -0.25), (0.95, -0.25), (0.95, 0.25), (-0.95, 0.25)),
        "arrow": _polygon((1, 0), (0.1, 0.75), (0.1, 0.25), (-0.95, 0.25), (-0.95, -0.25), (0.1, -0.25), (0.1, -0.75)),
        "ell": _polygon((-0.6, -0.8), (-0.1, -0.8), (-0.1, 0.3), (0.7, 0.3), (0.7, 0.7), (-0.6, 0.7)),
    }
)
"""One shape a class, in the order in which classes take them."""
