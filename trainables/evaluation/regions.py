"""Where a photo shows its object, by bounding boxes or a near-white background.

Letters of shapes: N photos, B photos of a batch, H and W side in pixels, w W in bytes of eight pixels.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.data.boxes import masks_of_boxes, padded_boxes
from trainables.data.images import Images

NEAR_WHITE = 220
"""Of 255: a pixel whose three channels all reach it is near white; faint shades and traces of JPEG are below white."""

MIN_WHITE_EDGE = 0.5
"""Share of a photo's outermost pixels that must be near white; objects often touch the edge. 235 of 240 photos taken
evenly from NCD, at 64 px, have that much."""

MIN_REGION = 0.01
"""Share of a photo's pixels that each of the two regions must have."""

PHOTOS_AT_ONCE = 64
MAX_LOOKED_AT = 1000
"""Photos that tell the share of a large set: within 0.03 of it."""


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


class Objects:
    """Where a trial's photos show their objects, found once and kept on the device as bits."""

    def __init__(self, images: Images, indices_N: NDArray[np.int64], device: torch.device) -> None:
        self.image_size = images.pixels_NHW3.shape[1]
        parts = np.split(indices_N, range(PHOTOS_AT_ONCE, len(indices_N), PHOTOS_AT_ONCE))
        packed = [np.packbits(_told_masks(images, part_B), axis=2) for part_B in parts]
        self.packed_NHw = torch.from_numpy(np.concatenate(packed)).to(device)
        self.bits_8 = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8, device=device)

    def batches(self, batch_size: int) -> Iterator[Tensor]:
        """Masks of the photos in their order, BHW, bool; empty for a photo whose object cannot be told."""
        for packed_BHw in torch.split(self.packed_NHw, batch_size):
            yield ((packed_BHw[..., None] & self.bits_8) != 0).flatten(2)[..., : self.image_size]


def _told_masks(images: Images, indices_B: NDArray[np.int64]) -> NDArray[np.bool_]:
    mask_BHW, is_known_B = object_masks(images, indices_B)
    return mask_BHW & is_known_B[:, None, None]


def object_share(images: Images) -> float:
    """The share of photos whose object can be told; of a large set, of evenly chosen ones."""
    num_photos = len(images.labels_N)
    chosen_M = np.unique(np.linspace(0, num_photos - 1, min(num_photos, MAX_LOOKED_AT)).round().astype(np.int64))
    parts = np.array_split(chosen_M, -(-len(chosen_M) // PHOTOS_AT_ONCE))
    return float(np.concatenate([object_masks(images, part_B)[1] for part_B in parts]).mean())
