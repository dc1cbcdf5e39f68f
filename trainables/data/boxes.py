"""Bounding boxes of a batch: gathered, and carried through its augmentation as masks.

A box is left, top, right, bottom; a pixel lies inside where its centre does. Letters: B photos of a batch, K boxes of a
photo at most, H and W side in pixels.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from trainables.data.images import Images


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


def padded_boxes(images: Images, indices_B: NDArray[np.int64]) -> NDArray[np.float32]:
    """The boxes of these photos as one array, B x K x 4 float32; where a photo has fewer, NaN, which holds no pixel."""
    if images.boxes_M4 is None or images.box_photos_M is None:
        raise ValueError("These photos have no bounding boxes; those of stanford_dogs do.")
    starts_B, ends_B = (np.searchsorted(images.box_photos_M, indices_B, side) for side in ("left", "right"))
    boxes_BK4 = np.full((len(indices_B), max(int((ends_B - starts_B).max(initial=0)), 1), 4), np.nan, np.float32)
    for row, (start, end) in enumerate(zip(starts_B, ends_B, strict=True)):
        boxes_BK4[row, : end - start] = images.boxes_M4[start:end]
    return boxes_BK4
