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


def photos_to_rgb(pixels_BHW3: Tensor) -> Tensor:
    """8-bit pixels as RGB in [0, 1]; B3HW in channels-last memory, which costs no copy."""
    return pixels_BHW3.permute(0, 3, 1, 2).float().div_(255)


def transform(rgb_B3HW: Tensor, theta_B23: Tensor) -> Tensor:
    """Resamples every photo by its own map, bilinearly; beyond the edge the photo is mirrored."""
    grid_BHW2 = functional.affine_grid(theta_B23, list(rgb_B3HW.shape), align_corners=False)
    return functional.grid_sample(rgb_B3HW, grid_BHW2, padding_mode="reflection", align_corners=False)


def masks_of_boxes(boxes_BK4: Tensor, theta_B23: Tensor | None, image_size: int) -> Tensor:
    """Which pixels lie in a photo's boxes, after the same transform as the photo; without one, on the photo itself.

    A pixel counts where the point that its centre is read from lies in a box, the mirror beyond the edge included; so
    the boxes, not a mask of them, are carried through crop, flip and rotation, and nothing is rounded on the way.

    Args: boxes_BK4: left, top, right, bottom in pixels of the prepared photo; NaN where a photo has fewer than K.
    Returns: mask_B1HW, bool.
    """
    num_photos = len(boxes_BK4)
    if theta_B23 is None:
        identity_23 = torch.eye(2, 3, device=boxes_BK4.device)
        theta_B23 = identity_23.expand(num_photos, 2, 3)
    grid_BHW2 = functional.affine_grid(theta_B23, [num_photos, 1, image_size, image_size], align_corners=False)
    mirrored_BHW2 = 1 - (torch.remainder(grid_BHW2 + 1, 4) - 2).abs()
    points_B1HW2 = ((mirrored_BHW2 + 1) * (image_size / 2)).unsqueeze(1)
    corners_BK112 = boxes_BK4[:, :, None, None, :]
    is_inside_BKHW2 = (points_B1HW2 >= corners_BK112[..., :2]) & (points_B1HW2 < corners_BK112[..., 2:])
    return is_inside_BKHW2.all(dim=-1).any(dim=1, keepdim=True)
