"""Other colours on a photo's own lightness, from bytes to bytes: what `color_space` does, with tables for the curves.

A photo of 2048 px has four million pixels; by way of `rgb_to_lab` and `lab_to_rgb` each would take three logarithms on
the way in and three on the way out. Letters: H and W sides of a photo, P pixels beyond what a screen shows.
"""

import torch
from torch import Tensor

from trainables.color.chroma import WHITE_XYZ, XYZ_FROM_RGB
from trainables.color.color_space import RGB_FROM_XYZ

NUM_LEVELS = 2**16
"""Steps of linear light that are told apart: at the dark end a twentieth of an 8-bit level."""

GAMUT_STEPS, GAMUT_SLACK = 10, 3e-5
"""Halvings until the chroma is known to a thousandth, and how far beyond sRGB (linear) still counts as in it."""


def recolor(pixels_HW3: Tensor, ab_2HW: Tensor) -> Tensor:
    """The photo in other colours, uint8 sRGB, HW3.

    A colour that no screen shows at this lightness loses chroma, and keeps lightness and hue. (Clipped to sRGB it
    would change its lightness: a yellow of 60 on white by 5 units.)

    Args:
        pixels_HW3: uint8 sRGB; only its lightness is read.
        ab_2HW: a and b of CIELAB.
    """
    red, green, blue = _DECODED[pixels_HW3.long()].unbind(2)
    red_weight, green_weight, blue_weight = XYZ_FROM_RGB[1]
    luminance_HW = (red * red_weight).add_(green, alpha=green_weight).add_(blue, alpha=blue_weight)
    above_HW = luminance_HW.clamp_min(0.008856)
    fy_HW = above_HW.log2().mul_(1 / 3).exp2_().add_(luminance_HW - above_HW, alpha=7.787)
    linear = _linear(luminance_HW, fy_HW, ab_2HW[0], ab_2HW[1])
    beyond_HW = _beyond(linear)
    if bool(beyond_HW.any()):
        own = [values_HW[beyond_HW] for values_HW in (luminance_HW, fy_HW, ab_2HW[0], ab_2HW[1])]
        for channel_HW, shown_P in zip(linear, _less_chroma(*own), strict=True):
            channel_HW[beyond_HW] = shown_P
    levels_HW3 = torch.stack(linear, dim=2).mul_(NUM_LEVELS - 1).add_(0.5).clamp_(0, NUM_LEVELS - 1).int()
    return _ENCODED[levels_HW3]


def _linear(luminance: Tensor, fy: Tensor, a: Tensor, b: Tensor) -> list[Tensor]:
    """Linear red, green and blue of CIELAB colours, whose L is given by luminance Y and by f(Y)."""
    x = _curve_inverse(torch.add(fy, a, alpha=1 / 500)).mul_(WHITE_XYZ[0])
    z = _curve_inverse(torch.sub(fy, b, alpha=1 / 200).clamp_min_(0)).mul_(WHITE_XYZ[2])
    return [(x * row[0]).add_(luminance, alpha=row[1]).add_(z, alpha=row[2]) for row in RGB_FROM_XYZ]


def _curve_inverse(f: Tensor) -> Tensor:
    above = f.clamp_min(0.2068966)
    return (above * above).mul_(above).add_(f.sub_(above), alpha=1 / 7.787)


def _beyond(linear: list[Tensor]) -> Tensor:
    low = torch.minimum(torch.minimum(linear[0], linear[1]), linear[2])
    high = torch.maximum(torch.maximum(linear[0], linear[1]), linear[2])
    return (low < -GAMUT_SLACK).logical_or_(high > 1 + GAMUT_SLACK)


def _less_chroma(luminance_P: Tensor, fy_P: Tensor, a_P: Tensor, b_P: Tensor) -> list[Tensor]:
    """The most colourful that can be shown of each colour, by halving the interval of its chroma."""
    low_P, high_P = torch.zeros_like(fy_P), torch.ones_like(fy_P)
    for _ in range(GAMUT_STEPS):
        middle_P = (low_P + high_P).mul_(0.5)
        beyond_P = _beyond(_linear(luminance_P, fy_P, a_P * middle_P, b_P * middle_P))
        low_P, high_P = torch.where(beyond_P, low_P, middle_P), torch.where(beyond_P, middle_P, high_P)
    return _linear(luminance_P, fy_P, a_P * low_P, b_P * low_P)


def _decoded() -> Tensor:
    """Linear light of each 8-bit level of sRGB, float32, 256."""
    levels = torch.arange(256, dtype=torch.float64) / 255
    return torch.where(levels > 0.04045, ((levels + 0.055) / 1.055) ** 2.4, levels / 12.92).float()


def _encoded() -> Tensor:
    """The nearest 8-bit level of sRGB for each step of linear light, uint8."""
    linear = torch.arange(NUM_LEVELS, dtype=torch.float64) / (NUM_LEVELS - 1)
    encoded = torch.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return (encoded * 255).round().to(torch.uint8)


_DECODED, _ENCODED = _decoded(), _encoded()
