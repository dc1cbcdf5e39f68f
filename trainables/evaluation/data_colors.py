"""Which colours a data set has, and what a network that hedges would paint.

Letters of shapes: N photos, P sampled pixels, C clusters.
"""

import dataclasses
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq
from torch import Tensor

from trainables.color.color_space import delta_e_2000, photos_to_rgb, rgb_to_lab
from trainables.color.recolor import PIXELS_AT_ONCE, shown
from trainables.data.images import Images

NUM_COLORS, NUM_COLORS_OF_ALL = 3, 6
"""Dominant colours of a category, and of the whole set."""
WHITE_LIGHTNESS, WHITE_CHROMA = 92.0, 8.0
"""Lighter and less colourful pixels are near white: the background of cut-out objects, which would be a cluster of its
own in every category. They are counted and left out of the dominant colours, of nothing else."""
GRID, MIN_GRID = 32, 8
"""Pixels looked at along a photo's side, evenly spaced; fewer, where all photos together would have more than
MAX_PIXELS. Against every pixel of NCD at 128 px, errors differ by less than 0.1 CIEDE2000."""
MAX_PIXELS = 2_000_000
NUM_LIGHTNESSES = 20
"""Steps of lightness, for the predictor that knows nothing else."""
PHOTOS_AT_ONCE = 256
MAX_POINTS, NUM_STARTS, MAX_STEPS = 20_000, 4, 60
"""Of k-means. Of more points so many are drawn: their means are off by a hundredth of their spread."""

PREDICTORS = {
    "no colour": "grey, as the network is shown it",
    "one colour": "the mean colour of all photos: what a network paints that has learned nothing but to hedge",
    "one colour a lightness": "the mean colour of all pixels as light as this one: white stays white",
    "one colour a category": "the mean colour of the photo's category: what naming alone could add",
    "one colour a category and lightness": "both together",
}
"""What paints without a network, each by the means of the photos it is measured on."""


@dataclass(frozen=True, kw_only=True)
class Swatch:
    """One colour with the share of pixels it stands for."""

    lightness: float
    a: float
    b: float
    share: float
    hex: str
    name: str


@dataclass(frozen=True, kw_only=True)
class CategoryColors:
    """The colours of one category, or of the whole set."""

    category: str
    """Empty for the whole set."""
    num_photos: int
    near_white: float
    """Share of pixels left out of `dominant`."""
    dominant: tuple[Swatch, ...]
    """Largest first; shares of the pixels that are not near white."""
    mean: Swatch
    """Mean a and b of all pixels, near white too, at the mean lightness of those that are not."""
    delta_e: Mapping[str, float]
    """CIEDE2000 by predictor, mean over all pixels, of colours as shown."""


@dataclass(frozen=True, kw_only=True)
class DataColors:
    """Colours of the whole set and of each category."""

    digest: str
    image_size: int
    pixels_per_photo: int
    whole: CategoryColors
    categories: tuple[CategoryColors, ...]

    def document(self) -> dict[str, object]:
        """As JSON, with the words for its readers."""
        rule = f"lightness above {WHITE_LIGHTNESS:g} and chroma below {WHITE_CHROMA:g}"
        return {**dataclasses.asdict(self), "predictors": PREDICTORS, "near_white_rule": rule}


@torch.no_grad()
def data_colors(images: Images, seed: int = 0) -> DataColors:
    """Looks at evenly spaced pixels of every photo; the same photos and seed give the same colours."""
    lab_NP3 = _sampled_lab(images)
    num_photos, num_pixels = lab_NP3.shape[:2]
    lab_P3, photo_P = lab_NP3.flatten(0, 1), torch.arange(num_photos).repeat_interleave(num_pixels)
    label_P = torch.from_numpy(np.asarray(images.labels_N))[photo_P]
    errors = _errors(lab_P3, label_P)
    generator = np.random.default_rng(seed)

    def colors(category: str, is_member_P: Tensor, num_members: int, num_colors: int) -> CategoryColors:
        members = {name: error_P[is_member_P] for name, error_P in errors.items()}
        return _colors(category, lab_P3[is_member_P], members, num_members, num_colors, generator)

    counts = np.bincount(images.labels_N, minlength=len(images.class_names))
    return DataColors(
        digest=images.digest,
        image_size=int(images.pixels_NHW3.shape[1]),
        pixels_per_photo=num_pixels,
        whole=colors("", torch.ones_like(label_P, dtype=torch.bool), num_photos, NUM_COLORS_OF_ALL),
        categories=tuple(
            colors(name, label_P == label, int(counts[label]), NUM_COLORS)
            for label, name in enumerate(images.class_names)
            if counts[label]
        ),
    )


def _sampled_lab(images: Images) -> Tensor:
    num_photos, side = images.pixels_NHW3.shape[:2]
    grid = max(MIN_GRID, min(GRID, math.isqrt(MAX_PIXELS // num_photos)))
    step = math.ceil(side / grid)
    chosen: NDArray[np.int64] = np.arange(step // 2, side, step)
    parts = []
    for start in range(0, num_photos, PHOTOS_AT_ONCE):
        pixels_BHW3 = images.pixels_NHW3[start : start + PHOTOS_AT_ONCE]
        sampled_BHW3 = np.ascontiguousarray(pixels_BHW3[:, chosen][:, :, chosen])
        parts.append(rgb_to_lab(photos_to_rgb(torch.from_numpy(sampled_BHW3))).flatten(2).transpose(1, 2))
    return torch.cat(parts)


def _errors(lab_P3: Tensor, label_P: Tensor) -> dict[str, Tensor]:
    """The error of each predictor, pixel by pixel, in colours as shown."""
    step_P = (lab_P3[:, 0] * NUM_LIGHTNESSES / 100).long().clamp(0, NUM_LIGHTNESSES - 1)
    nothing_P = torch.zeros_like(label_P)
    groups = (None, nothing_P, step_P, label_P, label_P * NUM_LIGHTNESSES + step_P)
    errors = {}
    for name, group_P in zip(PREDICTORS, groups, strict=True):
        ab_P2 = torch.zeros_like(lab_P3[:, 1:]) if group_P is None else group_means(lab_P3[:, 1:], group_P)[group_P]
        painted_P3 = torch.cat([lab_P3[:, :1], ab_P2], dim=1)
        parts = zip(torch.split(lab_P3, PIXELS_AT_ONCE), torch.split(painted_P3, PIXELS_AT_ONCE), strict=True)
        errors[name] = torch.cat([_error_as_shown(*part) for part in parts])
    return errors


def _error_as_shown(lab_P3: Tensor, painted_P3: Tensor) -> Tensor:
    true_13P1, painted_13P1 = (one_P3.T.contiguous()[None, :, :, None] for one_P3 in (lab_P3, painted_P3))
    return delta_e_2000(true_13P1, rgb_to_lab(shown(painted_13P1))).flatten()


def group_means(values_P2: Tensor, group_P: Tensor) -> Tensor:
    """The mean of each group, one row a group; summed in double precision."""
    num_groups = int(group_P.max()) + 1
    sums = torch.zeros(num_groups, values_P2.shape[1], dtype=torch.float64).index_add_(0, group_P, values_P2.double())
    counts = torch.bincount(group_P, minlength=num_groups).clamp_min(1)
    return (sums / counts[:, None]).float()


def _colors(
    category: str,
    lab_P3: Tensor,
    errors: Mapping[str, Tensor],
    num_photos: int,
    num_colors: int,
    generator: np.random.Generator,
) -> CategoryColors:
    is_white_P = (lab_P3[:, 0] > WHITE_LIGHTNESS) & (lab_P3[:, 1:].norm(dim=1) < WHITE_CHROMA)
    colored_P3 = lab_P3[~is_white_P]
    dominant = []
    if len(colored_P3):
        points_P3 = colored_P3.numpy().astype(np.float64)
        centers_C3 = k_means(points_P3, num_colors, generator)
        nearest_P, _ = vq(points_P3, centers_C3, check_finite=False)
        counts_C = np.bincount(nearest_P, minlength=len(centers_C3))
        dominant = [
            _swatch(torch.from_numpy(center_3).float(), float(count) / len(points_P3))
            for center_3, count in zip(centers_C3, counts_C, strict=True)
            if count
        ]
    lightness = (colored_P3 if len(colored_P3) else lab_P3)[:, :1].mean(dim=0)
    return CategoryColors(
        category=category,
        num_photos=num_photos,
        near_white=float(is_white_P.float().mean()),
        dominant=tuple(sorted(dominant, key=lambda swatch: -swatch.share)),
        mean=_swatch(torch.cat([lightness, lab_P3[:, 1:].double().mean(dim=0).float()]), 1.0),
        delta_e={name: float(error_P.double().mean()) for name, error_P in errors.items()},
    )


def k_means(points_N3: NDArray[np.float64], num_clusters: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """The centres of `num_clusters` clusters, C3, of the start that leaves the smallest squared distance.

    SciPy's Lloyd steps from centres drawn far apart (k-means++, Arthur and Vassilvitskii 2007). Where there are no more
    different points than clusters, they are the centres.
    """
    different_N3 = np.unique(points_N3, axis=0)
    if len(different_N3) <= num_clusters:
        return different_N3
    points_M3 = points_N3
    if len(points_N3) > MAX_POINTS:
        points_M3 = points_N3[generator.choice(len(points_N3), MAX_POINTS, replace=False)]
    with warnings.catch_warnings():
        # A cluster that loses its last point keeps its centre; such a start does not win.
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        starts = [
            kmeans2(points_M3, num_clusters, iter=MAX_STEPS, minit="++", rng=generator)[0] for _ in range(NUM_STARTS)
        ]
    best: NDArray[np.float64] = min(starts, key=lambda centers_C3: float(np.square(vq(points_M3, centers_C3)[1]).sum()))
    return best


def _swatch(lab_3: Tensor, share: float) -> Swatch:
    lightness, a, b = (round(value, 2) for value in lab_3.tolist())
    return Swatch(lightness=lightness, a=a, b=b, share=share, hex=hex_of(lab_3), name=name_of(lab_3))


NAMED: Mapping[str, str] = MappingProxyType(
    {
        "black": "#000000", "dark grey": "#363737", "grey": "#929591", "light grey": "#d8dcd6", "white": "#ffffff",
        "beige": "#e6daa6", "cream": "#ffffc2", "tan": "#d1b26f", "khaki": "#aaa662", "dark beige": "#ac9362",
        "light brown": "#ad8150", "brown": "#653700", "reddish brown": "#7f2b0a", "dark brown": "#341c02",
        "greyish brown": "#7a6a4f", "red": "#e50000", "dark red": "#840000", "maroon": "#650021", "brick": "#a03623",
        "rust": "#a83c09", "salmon": "#ff796c", "pink": "#ff81c0", "light pink": "#ffd1df", "dull pink": "#d5869d",
        "peach": "#ffb07c", "orange": "#f97306", "dark orange": "#c65102", "yellow": "#ffff14",
        "dull yellow": "#eedc5b", "pale yellow": "#ffff84", "gold": "#dbb40c", "mustard": "#ceb301",
        "olive": "#6e750e", "yellow green": "#c0fb2d", "green": "#15b01a", "dark green": "#033500",
        "light green": "#96f97b", "pale green": "#c7fdb5", "dull green": "#74a662", "greyish green": "#82a67d",
        "forest green": "#06470c", "teal": "#029386", "turquoise": "#06c2ac", "cyan": "#00ffff",
        "light blue": "#95d0fc", "sky blue": "#75bbfd", "blue": "#0343df", "dark blue": "#00035b",
        "bluish grey": "#748b97", "purple": "#7e1e9c", "dark purple": "#35063e", "light purple": "#bf77f6",
        "lavender": "#c79fef", "mauve": "#ae7181", "magenta": "#c20078",
    }
)  # fmt: skip
"""Common names of the XKCD colour survey (Munroe 2010, in the public domain), as sRGB."""


def name_of(lab_3: Tensor) -> str:
    """The name whose colour differs least (CIEDE2000) from one colour in Lab."""
    names = list(NAMED)
    rgb_3N = torch.tensor([[int(code[at : at + 2], 16) for code in NAMED.values()] for at in (1, 3, 5)]) / 255
    named_13N1 = rgb_to_lab(rgb_3N[None, :, :, None])
    given_13N1 = lab_3.reshape(1, 3, 1, 1).expand_as(named_13N1)
    return names[int(delta_e_2000(named_13N1, given_13N1).argmin())]


def hex_of(lab_3: Tensor) -> str:
    """The colour as a web page writes it, such as #e6daa6; with less chroma where no screen shows it."""
    red, green, blue = shown(lab_3.reshape(1, 3, 1, 1)).mul(255).round().int().flatten().tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"
