"""What a screen shows of colours, in 8 bits: one definition for metrics, baselines, pictures and coloured photos.

A colour that no screen shows at its lightness loses chroma, and keeps lightness and hue. (Clipped to sRGB it would
change its lightness: a yellow of 60 on white by 5 units.) Tables stand for the curves of sRGB: a photo of 2048 px has
four million pixels, and by way of `rgb_to_lab` and `lab_to_rgb` each would take six logarithms.

Letters: B photos, H and W their sides, P pixels.
"""

import functools
import math

import numpy as np
import torch
from torch import Tensor

from trainables.color.chroma import WHITE_XYZ, XYZ_FROM_RGB
from trainables.color.color_space import RGB_FROM_XYZ

NUM_LEVELS = 2**16
"""Steps of linear light that are told apart: at the dark end a twentieth of an 8-bit level."""

GAMUT_SLACK = 3e-5
"""How far beyond sRGB (linear) still counts as in it."""

NUM_LIGHTNESSES, NUM_HUES = 256, 512
"""The grid on which the largest chroma is known beforehand, both powers of two."""

NEWTON_STEPS, NEWTON_STEPS_OF_GRID = 1, 12
"""From the grid's chroma to a colour's own; and from grey to the grid's. Of 230,000 random colours beyond sRGB one in
5,000 then ends more than an 8-bit level from the exact answer: those that brush the border before they cross it."""

PIXELS_AT_ONCE = 2**17
"""Pixels that a CPU works on at a time, so that intermediates stay in its cache."""

CURVE_BEND, CURVE_SLOPE = 0.2068966, 7.787
"""Below this f(Y) the curve of CIELAB is a straight line, steeper by this factor."""


def recolor(pixels_HW3: Tensor, ab_2HW: Tensor) -> Tensor:
    """The photo in other colours, uint8 sRGB, HW3.

    Args:
        pixels_HW3: uint8 sRGB; only its lightness is read.
        ab_2HW: a and b of CIELAB.
    """
    decoded, _, levels = _tables(pixels_HW3.device)
    red, green, blue = decoded.index_select(0, pixels_HW3.flatten().int()).view(pixels_HW3.shape).unbind(2)
    red_weight, green_weight, blue_weight = XYZ_FROM_RGB[1]
    luminance_HW = (red * red_weight).add_(green, alpha=green_weight).add_(blue, alpha=blue_weight)
    above_HW = luminance_HW.clamp_min(0.008856)
    fy_HW = above_HW.log2().mul_(1 / 3).exp2_().add_(luminance_HW - above_HW, alpha=CURVE_SLOPE)
    linear = _showable(luminance_HW, fy_HW, ab_2HW[0], ab_2HW[1])
    return torch.stack([levels.index_select(0, _steps(channel_HW)).view(channel_HW.shape) for channel_HW in linear], 2)


def shown(lab_B3HW: Tensor) -> Tensor:
    """CIELAB as a screen shows it: RGB in [0, 1], B3HW float32, each value one of the 256 levels.

    Black where a colour is not a number. Nothing here waits for a GPU.
    """
    _, values, _ = _tables(lab_B3HW.device)
    lab_B3HW = lab_B3HW.float()
    rgb_B3HW = torch.empty_like(lab_B3HW)
    num_photos = max(1, len(lab_B3HW))
    if lab_B3HW.device.type == "cpu":
        num_photos = max(1, PIXELS_AT_ONCE // max(1, lab_B3HW[0, 0].numel()))
    for rgb, lab in zip(torch.split(rgb_B3HW, num_photos), torch.split(lab_B3HW, num_photos), strict=True):
        lightness, a, b = lab.unbind(1)
        fy = (lightness + 16).mul_(1 / 116)
        luminance = _curve_inverse(fy.clone())
        for channel, linear in enumerate(_showable(luminance, fy, a, b)):
            rgb[:, channel] = values.index_select(0, _steps(linear)).view(linear.shape)
    return rgb_B3HW


def _showable(luminance: Tensor, fy: Tensor, a: Tensor, b: Tensor) -> list[Tensor]:
    """Linear red, green and blue of CIELAB colours with as much of their chroma as sRGB has."""
    on_cpu = luminance.device.type == "cpu"
    return (_showable_by_index if on_cpu else _showable_by_mask)(luminance, fy, a, b)


def _showable_by_index(luminance: Tensor, fy: Tensor, a: Tensor, b: Tensor) -> list[Tensor]:
    """Works on the colours beyond sRGB alone."""
    linear = _linear(luminance, fy, a, b)
    # torch's own nonzero takes four times as long.
    beyond_P = torch.from_numpy(np.flatnonzero(_beyond(linear).numpy()))
    if len(beyond_P):
        own = [values.flatten().index_select(0, beyond_P) for values in (luminance, fy, a, b)]
        kept_P = _kept_chroma(*own)
        shown_P = _linear(own[0], own[1], own[2] * kept_P, own[3] * kept_P)
        for channel, values_P in zip(linear, shown_P, strict=True):
            channel.view(-1).index_copy_(0, beyond_P, values_P)
    return linear


def _showable_by_mask(luminance: Tensor, fy: Tensor, a: Tensor, b: Tensor) -> list[Tensor]:
    """The same without an index, for which a GPU would be waited for."""
    beyond = _beyond(_linear(luminance, fy, a, b))
    kept = torch.where(beyond, _kept_chroma(luminance, fy, a, b), 1.0)
    return _linear(luminance, fy, a * kept, b * kept)


def _linear(luminance: Tensor, fy: Tensor, a: Tensor, b: Tensor) -> list[Tensor]:
    """Linear red, green and blue of CIELAB colours, whose L is given by luminance Y and by f(Y)."""
    x = _curve_inverse(torch.add(fy, a, alpha=1 / 500)).mul_(WHITE_XYZ[0])
    z = _curve_inverse(torch.sub(fy, b, alpha=1 / 200).clamp_min_(0)).mul_(WHITE_XYZ[2])
    return [(x * row[0]).add_(luminance, alpha=row[1]).add_(z, alpha=row[2]) for row in RGB_FROM_XYZ]


def _curve_inverse(f: Tensor) -> Tensor:
    above = f.clamp_min(CURVE_BEND)
    return (above * above).mul_(above).add_(f.sub_(above), alpha=1 / CURVE_SLOPE)


def _beyond(linear: list[Tensor]) -> Tensor:
    low = torch.minimum(torch.minimum(linear[0], linear[1]), linear[2])
    high = torch.maximum(torch.maximum(linear[0], linear[1]), linear[2])
    return torch.maximum(low.neg_(), high.sub_(1)) > GAMUT_SLACK


def _kept_chroma(luminance: Tensor, fy: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The share of chroma at which a colour beyond sRGB, on its way out from grey, first meets the border.

    For colours within sRGB the result means nothing.
    """
    lightness_step = (fy * 116).sub_(16).mul_((NUM_LIGHTNESSES - 1) / 100).round_()
    hue_step = torch.atan2(b, a).mul_(NUM_HUES / math.tau).round_().int().bitwise_and_(NUM_HUES - 1)
    # What is no number gets any place, for an index must be one.
    place = lightness_step.int().mul_(NUM_HUES).add_(hue_step).bitwise_and_(NUM_LIGHTNESSES * NUM_HUES - 1)
    largest = _largest_chroma(fy.device).index_select(0, place.flatten()).view(place.shape)
    share = largest.div_(torch.hypot(a, b)).clamp_(0, 1)
    return _toward_border(share, luminance, fy, a, b, NEWTON_STEPS)


def _toward_border(share: Tensor, luminance: Tensor, fy: Tensor, a: Tensor, b: Tensor, num_steps: int) -> Tensor:
    """Newton's method on all six sides of the cube of linear light at once.

    Each step goes to the nearest border that the channels would meet if they went on as they do.
    """
    change_x, change_z = a * (1 / 500), b * (-1 / 200)
    for _ in range(num_steps):
        x, slope_x = _curve_and_slope(torch.addcmul(fy, change_x, share), change_x)
        z, slope_z = _curve_and_slope(torch.addcmul(fy, change_z, share), change_z)
        steps = []
        for row in RGB_FROM_XYZ:
            of_x, of_z = row[0] * WHITE_XYZ[0], row[2] * WHITE_XYZ[2]
            slope = (slope_x * of_x).add_(slope_z, alpha=of_z)
            # 1 for a channel that rises, else 0: on a CPU a comparison takes ten times as long.
            border = (slope * 1e30).add_(1).clamp_(0, 1)
            distance = border.sub_(luminance, alpha=row[1]).sub_(x, alpha=of_x).sub_(z, alpha=of_z)
            steps.append(distance.div_(slope))
        share = torch.minimum(torch.minimum(steps[0], steps[1]), steps[2]).add_(share).clamp_(0, 1)
    # Grey that is beyond white by rounding has no way out: no chroma is kept of none.
    return share.nan_to_num_(0)


def _curve_and_slope(f: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
    """Of one coordinate, without white; the straight piece goes on where the curve does, at the same slope."""
    above = f.clamp_min(CURVE_BEND)
    square = above * above
    slope = (square * 3).mul_(change)
    return square.mul_(above).add_(f.sub_(above), alpha=1 / CURVE_SLOPE), slope


def _steps(linear: Tensor) -> Tensor:
    """Positions in the tables of linear light, flat; what is no number stands at 0, for an index must be one."""
    return linear.mul(NUM_LEVELS - 1).add_(0.5).clamp_(0, NUM_LEVELS - 1).nan_to_num_(0).int().flatten()


@functools.cache
def _tables(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The curves of sRGB, of one device.

    Returns:
        Linear light of each 8-bit level, float32, 256; of each step of linear light the nearest level, as a value in
        [0, 1] and as uint8.
    """
    levels = torch.arange(256, dtype=torch.float64) / 255
    decoded = torch.where(levels > 0.04045, ((levels + 0.055) / 1.055) ** 2.4, levels / 12.92).float()
    linear = torch.arange(NUM_LEVELS, dtype=torch.float64) / (NUM_LEVELS - 1)
    encoded = torch.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    encoded = (encoded * 255).round()
    # As `photos_to_rgb` divides, so that a colour that is the photo's own has the photo's own bits.
    return decoded.to(device), encoded.float().div(255).to(device), encoded.to(torch.uint8).to(device)


@functools.cache
def _largest_chroma(device: torch.device) -> Tensor:
    """The largest chroma that sRGB has at each lightness and hue of the grid, float32, row by row of one lightness."""
    lightness = torch.linspace(0, 100, NUM_LIGHTNESSES, dtype=torch.float64)[:, None].expand(-1, NUM_HUES)
    hue = (torch.arange(NUM_HUES, dtype=torch.float64) * (math.tau / NUM_HUES)).expand(NUM_LIGHTNESSES, -1)
    # More than any colour of sRGB has.
    beyond = 150.0
    fy = (lightness + 16) / 116
    of_one = (_curve_inverse(fy.clone()), fy, beyond * hue.cos(), beyond * hue.sin())
    share = _toward_border(torch.zeros_like(fy), *of_one, NEWTON_STEPS_OF_GRID)
    return (share * beyond).float().flatten().to(device)
