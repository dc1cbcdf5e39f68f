"""Where a photo shows its object, by bounding boxes or a near-white background; colour errors inside and outside.

Letters of shapes: P photos of the pool, B photos of a batch, H and W side in pixels.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.color.color_space import delta_e_2000, lightness_to_network, network_to_ab, photos_to_rgb, rgb_to_lab
from trainables.data.batches import PixelSource
from trainables.data.boxes import masks_of_boxes, padded_boxes
from trainables.data.images import Images
from trainables.devices import autocast
from trainables.network.joint_network import JointNetwork

NEAR_WHITE = 220
"""Of 255: a pixel whose three channels all reach it is near white; faint shades and traces of JPEG are below white."""

MIN_WHITE_EDGE = 0.5
"""Share of a photo's outermost pixels that must be near white; objects often touch the edge. 235 of 240 photos taken
evenly from NCD, at 64 px, have that much."""

MIN_REGION = 0.01
"""Share of a photo's pixels that each of the two regions must have."""


def object_masks(images: Images, indices_B: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels of these prepared photos show the object, and of which photos that can be told.

    A data set with bounding boxes: the pixels whose centre lies in one; a photo without a box cannot be told. Any
    other: where at least half of the photo's edge is near white, all but the near-white area that reaches the edge, so
    that highlights within the object belong to it; its shadow does too. Nor can a photo be told where either region has
    less than 1 % of the pixels.

    Returns:
        mask_BHW, true inside the object; is_known_B.
    """
    if images.boxes_M4 is None:
        mask_BHW, is_known_B = objects_on_white(np.asarray(images.pixels_NHW3[indices_B]))
    else:
        boxes_BK4 = padded_boxes(images, indices_B)
        image_size = images.pixels_NHW3.shape[1]
        mask_BHW = masks_of_boxes(torch.from_numpy(boxes_BK4), None, image_size)[:, 0].numpy()
        is_known_B = np.isfinite(boxes_BK4[:, 0, 0])
    share_B = mask_BHW.mean(axis=(1, 2))
    return mask_BHW, is_known_B & (share_B >= MIN_REGION) & (share_B <= 1 - MIN_REGION)


def objects_on_white(pixels_BHW3: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The rule for photos without boxes: masks of the objects, and whether each photo stands on white at all."""
    # It brings scipy along, which takes a while to load.
    from skimage.measure import label

    is_white_BHW = np.asarray(np.min(pixels_BHW3, axis=3) >= NEAR_WHITE)
    mask_BHW = np.empty(is_white_BHW.shape, dtype=bool)
    is_known_B = np.empty(len(is_white_BHW), dtype=bool)
    for photo, is_white_HW in enumerate(is_white_BHW):
        areas_HW = label(is_white_HW, connectivity=1)
        edge = np.concatenate([areas_HW[0], areas_HW[-1], areas_HW[1:-1, 0], areas_HW[1:-1, -1]])
        mask_BHW[photo] = ~np.isin(areas_HW, np.unique(edge[edge > 0]))
        is_known_B[photo] = (edge > 0).mean() >= MIN_WHITE_EDGE
    return mask_BHW, is_known_B


@torch.no_grad()
def region_errors(
    network: JointNetwork,
    images: Images,
    pixels: PixelSource,
    indices_P: NDArray[np.int64],
    *,
    batch_size: int,
    dtype: torch.dtype,
) -> dict[str, NDArray[np.float64]]:
    """Mean CIEDE2000 over a photo's pixels `delta_e_inside` and `delta_e_outside` the object; NaN where untold."""
    network.eval()
    device = next(network.parameters()).device
    inside: list[Tensor] = []
    outside: list[Tensor] = []
    parts = np.split(indices_P, range(batch_size, len(indices_P), batch_size))
    for part_B, pixels_BHW3 in zip(parts, pixels.batches(torch.from_numpy(indices_P), batch_size), strict=True):
        lab_B3HW = rgb_to_lab(photos_to_rgb(pixels_BHW3))
        with autocast(device, dtype):
            ab_B2HW = network(lightness_to_network(lab_B3HW[:, :1])).ab_B2HW
        error_BHW = delta_e_2000(lab_B3HW, torch.cat((lab_B3HW[:, :1], network_to_ab(ab_B2HW)), dim=1))
        mask_BHW, is_known_B = (torch.from_numpy(one).to(device) for one in object_masks(images, part_B))
        for found, region_BHW in ((inside, mask_BHW), (outside, ~mask_BHW)):
            mean_B = (error_BHW * region_BHW).sum(dim=(1, 2)) / region_BHW.sum(dim=(1, 2))
            found.append(torch.where(is_known_B, mean_B, torch.nan))
    named = {"delta_e_inside": inside, "delta_e_outside": outside}
    return {name: torch.cat(found).cpu().double().numpy() for name, found in named.items()}
