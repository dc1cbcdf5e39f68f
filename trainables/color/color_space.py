"""sRGB to CIELAB (D65, 2 degrees) and to the network's scale, and back; nothing else in the project converts colours.

(But `chroma.py`, which measures one number a photo where no torch is loaded, with the constants that stand there.)

Letters in names: B photos, 3 or 2 or 1 channels, H rows, W columns. RGB lies in [0, 1], L in [0, 100], a and b within
about +-110. Results are float32 whatever the input's precision, and agree with `skimage.color` within 1e-3.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from trainables.color.chroma import WHITE_XYZ, XYZ_FROM_RGB

RGB_FROM_XYZ = tuple(map(tuple, torch.tensor(XYZ_FROM_RGB, dtype=torch.float64).inverse().tolist()))

DECODE_NUMERATOR = (4.83121041e-04, 2.27335666e-02, 3.50154416e-01, 1.65156562, 1.60776043, 1.21948019e-01)
DECODE_DENOMINATOR = (5.77615400e-01, 2.17702768, 1.0)
"""((x + 0.055) / 1.055)^2.4 on [0.04045, 1] as a ratio of polynomials, lowest power first: 9.5e-5 off in Lab at most.

A minimax fit, weighted by how steeply a and b follow the value. On a CPU it takes 0.8 of the time of log2 and exp2, the
fastest exact way (torch.pow: three times that), and makes the whole conversion a tenth faster. No ratio was faster for
the cube root.
"""

VALUES_PER_PART = 2**19
"""Values that a CPU converts at a time: intermediates of 2 MB stay in its cache (1.3 to 2.5 times as fast)."""


def photos_to_rgb(pixels_BHW3: Tensor) -> Tensor:
    """8-bit pixels as RGB in [0, 1]; B3HW in channels-last memory, which costs no copy."""
    return pixels_BHW3.permute(0, 3, 1, 2).float().div_(255)


def rgb_to_lab(rgb_B3HW: Tensor) -> Tensor:
    """RGB in [0, 1] to Lab, B3HW float32; gradients are finite, black included."""
    return _convert_in_parts(_rgb_to_lab_channels, rgb_B3HW)


def lab_to_rgb(lab_B3HW: Tensor) -> Tensor:
    """Lab to RGB, B3HW float32, clipped to [0, 1] where no screen shows the colour; gradients are finite."""
    return _convert_in_parts(_lab_to_rgb_channels, lab_B3HW)


def _convert_in_parts(convert: Callable[[Tensor], list[Tensor]], pixels_B3HW: Tensor) -> Tensor:
    assert pixels_B3HW.is_floating_point() and pixels_B3HW.shape[1] == 3, (pixels_B3HW.dtype, pixels_B3HW.shape)
    pixels_B3HW = pixels_B3HW.float()
    if torch.compiler.is_compiling():
        # Compiled, all of it is one loop; written channel by channel, each channel would compute all three.
        return torch.stack(convert(pixels_B3HW), dim=1)
    part_size = max(1, pixels_B3HW.shape[0])
    if pixels_B3HW.device.type == "cpu":
        part_size = max(1, VALUES_PER_PART // max(1, pixels_B3HW[0:1].numel()))
    converted_B3HW = torch.empty_like(pixels_B3HW)
    for start in range(0, pixels_B3HW.shape[0], part_size):
        part = slice(start, start + part_size)
        for channel, values in enumerate(convert(pixels_B3HW[part])):
            converted_B3HW[part, channel] = values
    return converted_B3HW


# The curves of sRGB and Lab have a straight piece near black, up to a threshold t. Each is written as
# curve(max(x, t)) + slope * (x - max(x, t)) instead of torch.where(x > t, ...): on a CPU torch.where alone takes longer
# than a logarithm, and its gradient at black is NaN. Sums over channels are written out, because a matrix product loses
# precision in autocast and in TF32.


def _rgb_to_lab_channels(rgb: Tensor) -> list[Tensor]:
    above = rgb.clamp_min(0.04045)
    curve = _polynomial(DECODE_NUMERATOR, above).div_(_polynomial(DECODE_DENOMINATOR, above))
    linear = curve.add_(rgb - above, alpha=1 / 12.92)
    fx, fy, fz = (
        _lab_curve(_weighted_sum(linear, [weight / white for weight in row]))
        for row, white in zip(XYZ_FROM_RGB, WHITE_XYZ, strict=True)
    )
    return [(fy * 116).sub_(16), (fx - fy).mul_(500), (fy - fz).mul_(200)]


def _lab_to_rgb_channels(lab: Tensor) -> list[Tensor]:
    lightness, a, b = lab.unbind(1)
    fy = (lightness + 16).mul_(1 / 116)
    fx = torch.add(fy, a, alpha=1 / 500)
    fz = torch.sub(fy, b, alpha=1 / 200).clamp_min(0)  # scikit-image clips this one coordinate and no other
    xyz = torch.stack([_lab_curve_inverse(f).mul_(white) for f, white in zip((fx, fy, fz), WHITE_XYZ, strict=True)], 1)
    return [_srgb_encode(_weighted_sum(xyz, row)) for row in RGB_FROM_XYZ]


def _weighted_sum(channels: Tensor, weights: Sequence[float]) -> Tensor:
    first, second, third = channels.unbind(1)
    return (first * weights[0]).add_(second, alpha=weights[1]).add_(third, alpha=weights[2])


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    value = x * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        value = value.add_(coefficient).mul_(x)
    return value.add_(coefficients[0])


def _lab_curve(ratio: Tensor) -> Tensor:
    above = ratio.clamp_min(0.008856)
    return torch.add(above.log2().mul_(1 / 3).exp2_(), ratio - above, alpha=7.787)


def _lab_curve_inverse(f: Tensor) -> Tensor:
    above = f.clamp_min(0.2068966)
    return torch.add(above * above * above, f - above, alpha=1 / 7.787)


def _srgb_encode(linear: Tensor) -> Tensor:
    above = linear.clamp_min(0.0031308)
    curve = above.log2().mul_(1 / 2.4).exp2_() * 1.055 - 0.055
    return torch.add(curve, linear - above, alpha=12.92).clamp(0, 1)


def lightness_to_network(lightness_B1HW: Tensor) -> Tensor:
    """L in [0, 100] to the network's input in [0, 1]."""
    return lightness_B1HW.float() * (1 / 100)


def ab_to_network(ab_B2HW: Tensor) -> Tensor:
    """(a, b) to the network's target ab/200 + 0.5, which lies in [0, 1] for every sRGB colour (Iizuka et al. 2016)."""
    return ab_B2HW.float() * (1 / 200) + 0.5


def network_to_ab(network_B2HW: Tensor) -> Tensor:
    """The network's output to (a, b)."""
    return (network_B2HW.float() - 0.5) * 200


def delta_e_2000(lab1_B3HW: Tensor, lab2_B3HW: Tensor) -> Tensor:
    """CIEDE2000 colour difference of each pixel, BHW float32 (Sharma, Wu, Dalal 2005); a measure, not a loss."""
    L1, a1, b1 = lab1_B3HW.float().unbind(1)
    L2, a2, b2 = lab2_B3HW.float().unbind(1)
    stretch = 1.5 - 0.5 * _chroma_weight((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2)
    a1, a2 = a1 * stretch, a2 * stretch
    chroma1, chroma2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    hue1, hue2 = torch.atan2(b1, a1) % math.tau, torch.atan2(b2, a2) % math.tau
    # Whether the shorter way between the hues crosses 0 decides the mean hue, also for opposite hues. In float32 the
    # difference of two angles misses that by rounding; the sign of the cross product does not.
    crosses = ((hue2 - hue1) * (a1 * b2 - a2 * b1) < 0).float()
    mean_hue = ((hue1 + hue2) / 2 + crosses * math.pi) % math.tau
    sine = torch.sin((hue2 - hue1) / 2) * (1 - 2 * crosses)
    mean_chroma = (chroma1 + chroma2) / 2

    lightness_offset = ((L1 + L2) / 2 - 50) ** 2
    lightness_term = (L2 - L1) / (1 + 0.015 * lightness_offset / torch.sqrt(20 + lightness_offset))
    chroma_term = (chroma2 - chroma1) / (1 + 0.045 * mean_chroma)
    hue_weight = (
        1
        - 0.17 * torch.cos(mean_hue - math.radians(30))
        + 0.24 * torch.cos(2 * mean_hue)
        + 0.32 * torch.cos(3 * mean_hue + math.radians(6))
        - 0.20 * torch.cos(4 * mean_hue - math.radians(63))
    )
    hue_difference = 2 * torch.sqrt(chroma1 * chroma2) * sine
    hue_term = hue_difference / (1 + 0.015 * mean_chroma * hue_weight)
    turn = math.radians(60) * torch.exp(-(((mean_hue - math.radians(275)) / math.radians(25)) ** 2))
    rotation = -2 * _chroma_weight(mean_chroma) * torch.sin(turn) * chroma_term * hue_term
    square = lightness_term**2 + chroma_term**2 + hue_term**2 + rotation
    return torch.sqrt(square.clamp_min(0))


def _chroma_weight(chroma: Tensor) -> Tensor:
    ratio = chroma * (1 / 25)
    cube = ratio * ratio * ratio
    power = cube * cube * ratio  # torch.pow takes 10 times as long
    return torch.sqrt(power / (power + 1))
