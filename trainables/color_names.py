"""A word for a colour: the nearest of the names that most people gave in a large survey."""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from trainables.color_space import delta_e_2000, lab_to_rgb, rgb_to_lab

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
    """The colour as a web page writes it, such as #e6daa6; clipped where no screen shows it."""
    red, green, blue = lab_to_rgb(lab_3.reshape(1, 3, 1, 1)).mul(255).round().int().flatten().tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"
