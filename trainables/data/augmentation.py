"""Crop, flip and rotate a batch in one resampling, on the device, from numbers drawn beforehand.

Letters of shapes: N photos of an epoch, B photos of a batch, H and W side in pixels.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from trainables.config import TrialConfig


def draw_transforms(num_photos: int, config: TrialConfig, generator: torch.Generator) -> Tensor | None:
    """One random affine map per photo, from output to input coordinates, both in [-1, 1].

    Drawn on the CPU for a whole epoch, so that every device sees the same photos.

    Returns:
        theta_N23: float32; None where the config asks for no change at all.
    """
    if config.crop_min_area == 1 and not config.flip and config.max_rotation_degrees == 0:
        return None
    uniform_5N = torch.rand(5, num_photos, generator=generator)
    scale_N = torch.sqrt(config.crop_min_area + (1 - config.crop_min_area) * uniform_5N[0])
    center_x_N = (1 - scale_N) * (2 * uniform_5N[1] - 1)
    center_y_N = (1 - scale_N) * (2 * uniform_5N[2] - 1)
    mirror_N = torch.where(uniform_5N[3] < 0.5, -1.0, 1.0) if config.flip else torch.ones(num_photos)
    angle_N = math.radians(config.max_rotation_degrees) * (2 * uniform_5N[4] - 1)
    cos_N, sin_N = scale_N * torch.cos(angle_N), scale_N * torch.sin(angle_N)
    rows = [cos_N * mirror_N, -sin_N, center_x_N, sin_N * mirror_N, cos_N, center_y_N]
    return torch.stack(rows, dim=1).reshape(num_photos, 2, 3)


def transform(rgb_B3HW: Tensor, theta_B23: Tensor) -> Tensor:
    """Resamples every photo by its own map, bilinearly; beyond the edge the photo is mirrored."""
    grid_BHW2 = functional.affine_grid(theta_B23, list(rgb_B3HW.shape), align_corners=False)
    return functional.grid_sample(rgb_B3HW, grid_BHW2, padding_mode="reflection", align_corners=False)
