"""The same few photos painted again and again: after some epochs, and with the features of other classes.

What a curve and a mean say, for people to see. Letters of shapes: P photos of the pool, V photos painted, W
their paintings, K the global vector, H and W side in pixels.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.color.color_space import lightness_to_network, network_to_ab, photos_to_rgb, rgb_to_lab
from trainables.data.batches import PixelSource
from trainables.data.images import Images
from trainables.evaluation.feature_swaps import pool_vectors
from trainables.evaluation.gallery import MAX_PICTURES, choose_photos, to_jpeg
from trainables.evaluation.measure import colorize, to_pixels
from trainables.network.joint_network import JointNetwork

NUM_PHOTOS, NUM_EPOCHS, NUM_CLASSES = 6, 6, 3
"""Photos that are painted, epochs after which they are, and classes that lend each of them their features."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One photo, painted in one way."""

    photo: int
    """Of the prepared set."""
    name: str
    """Such as "epoch 3", "features of Banana", "mean features"."""
    jpeg: bytes


def photos_with_variants(indices_P: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same for every network, evenly chosen among those of the pool that have pictures."""
    return choose_photos(choose_photos(indices_P, MAX_PICTURES), NUM_PHOTOS)


def epochs_with_variants(num_epochs: int) -> list[int]:
    """A geometric row from the first to the last: colours change most in the beginning."""
    return sorted({round(epoch) for epoch in np.geomspace(1, num_epochs, NUM_EPOCHS)})


def paint_as_it_stands(network: JointNetwork, images: Images, indices_P: NDArray[np.int64], name: str) -> list[Variant]:
    """The network's own colouring of the photos chosen from the pool; leaves it in evaluation mode."""
    chosen_V = photos_with_variants(indices_P)
    pixels_VHW3 = colorize(network, np.array(images.pixels_NHW3[chosen_V]))
    return [
        Variant(photo=int(photo), name=name, jpeg=to_jpeg(pixels_HW3))
        for photo, pixels_HW3 in zip(chosen_V, pixels_VHW3, strict=True)
    ]


@torch.no_grad()
def paint_with_lent_features(
    network: JointNetwork,
    images: Images,
    pixels: PixelSource,
    indices_P: NDArray[np.int64],
    *,
    batch_size: int,
    dtype: torch.dtype,
) -> list[Variant]:
    """The photos chosen from the pool, each with the mean features of other classes and of the whole pool.

    The classes are evenly chosen among those of the pool, beginning after the photo's own, so that photos borrow from
    different ones. The network must fuse.
    """
    network.eval()
    vectors_PK = pool_vectors(network, pixels, indices_P, batch_size=batch_size, dtype=dtype).float()
    labels_P, chosen_V = np.asarray(images.labels_N)[indices_P], photos_with_variants(indices_P)
    classes = np.unique(labels_P)
    lightness_V1HW = rgb_to_lab(photos_to_rgb(torch.from_numpy(np.array(images.pixels_NHW3[chosen_V]))))[:, :1]
    lightness_V1HW = lightness_V1HW.to(vectors_PK.device)
    mid_VCHW = network.look(lightness_to_network(lightness_V1HW)).mid_BCHW
    places, names, vectors = [], [], []
    for place, photo in enumerate(chosen_V):
        others = np.roll(classes, -int(np.searchsorted(classes, images.labels_N[photo])))[1:]
        lenders = others[np.unique(np.linspace(0, len(others) - 1, min(NUM_CLASSES, len(others))).round().astype(int))]
        belongs = [labels_P == label for label in lenders]
        names += [*(f"features of {images.class_names[label]}" for label in lenders), "mean features"]
        for is_lender_P in (*belongs, np.ones(len(labels_P), bool)):
            vectors.append(vectors_PK[torch.from_numpy(np.flatnonzero(is_lender_P)).to(vectors_PK.device)].mean(dim=0))
            places.append(place)
    ab_W2HW = network_to_ab(network.paint(mid_VCHW[places], torch.stack(vectors)))
    pixels_WHW3 = to_pixels(lightness_V1HW[places], ab_W2HW)
    return [
        Variant(photo=int(chosen_V[place]), name=name, jpeg=to_jpeg(pixels_HW3))
        for place, name, pixels_HW3 in zip(places, names, pixels_WHW3, strict=True)
    ]
