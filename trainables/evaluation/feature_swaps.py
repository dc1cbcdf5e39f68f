"""What colouring takes from the fused global features: the same photo painted with the features of other photos.

A stranger's features do harm as such. But where colouring uses what they tell of the class, a stranger of another class
does more harm than one of the same class; where it does not, both do the same. Letters of shapes: P photos of the pool,
B photos of a batch, D donors, K the global vector.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.color.color_space import lightness_to_network, network_to_ab, photos_to_rgb, rgb_to_lab
from trainables.color.recolor import shown
from trainables.data.batches import PixelSource
from trainables.devices import autocast
from trainables.evaluation.measure import photos_at_once
from trainables.evaluation.photo_metrics import delta_e
from trainables.network.joint_network import JointNetwork

NUM_DONORS = 4
"""Donors of either kind for each photo. One alone would add its own luck to every photo's error."""


@dataclass(frozen=True, kw_only=True)
class Donors:
    """Positions in the pool of the photos that lend their features, P x D; -1 where a photo has fewer than D."""

    same_class_PD: NDArray[np.int64]
    other_class_PD: NDArray[np.int64]


def choose_donors(labels_P: NDArray[np.int64], seed: int) -> Donors:
    """Donors for each photo of the pool, never itself and none twice.

    They depend on the pool and the seed alone: the same for all networks, so that errors pair.
    """
    generator = np.random.default_rng(seed)
    same_class_PD, other_class_PD = np.full((2, len(labels_P), NUM_DONORS), -1, dtype=np.int64)
    for photo, label in enumerate(labels_P):
        is_same_P = labels_P == label
        others = np.flatnonzero(~is_same_P)
        is_same_P[photo] = False
        for chosen_D, candidates in (
            (same_class_PD[photo], np.flatnonzero(is_same_P)),
            (other_class_PD[photo], others),
        ):
            num_chosen = min(NUM_DONORS, len(candidates))
            chosen_D[:num_chosen] = generator.choice(candidates, num_chosen, replace=False)
    return Donors(same_class_PD=same_class_PD, other_class_PD=other_class_PD)


@torch.no_grad()
def pool_vectors(
    network: JointNetwork, pixels: PixelSource, indices_P: NDArray[np.int64], *, batch_size: int, dtype: torch.dtype
) -> Tensor:
    """The global vector of each photo of the pool, P x K, in the precision of the forward pass."""
    device = next(network.parameters()).device
    vectors: list[Tensor] = []
    for pixels_BHW3 in pixels.batches(torch.from_numpy(indices_P), batch_size):
        lightness_B1HW = rgb_to_lab(photos_to_rgb(pixels_BHW3))[:, :1]
        with autocast(device, dtype):
            vector_BK = network.look(lightness_to_network(lightness_B1HW)).vector_BK
        assert vector_BK is not None
        vectors.append(vector_BK)
    return torch.cat(vectors)


@torch.no_grad()
def swap_errors(
    network: JointNetwork,
    pixels: PixelSource,
    indices_P: NDArray[np.int64],
    donors: Donors,
    *,
    batch_size: int,
    dtype: torch.dtype,
) -> dict[str, NDArray[np.float64]]:
    """Colour errors, `delta_e` of `METRICS`, with features that are not the photo's own; the network must fuse.

    The mean vector is the pool's: donors come from there too, so that the two differ in the mixing alone, and training
    has fitted none of these vectors.

    Returns:
        One value per photo by name: `delta_e_mean_features`; `delta_e_same_class_features` and
        `delta_e_other_class_features`, each the mean over donors, NaN where a photo has none.
    """
    assert network.fuses, "A network without fusion has no global features to swap."
    network.eval()
    device = next(network.parameters()).device
    order_P = torch.from_numpy(indices_P)
    vectors_PK = pool_vectors(network, pixels, indices_P, batch_size=batch_size, dtype=dtype)
    mean_PK = vectors_PK.float().mean(dim=0).to(vectors_PK.dtype).expand_as(vectors_PK)
    lent = [mean_PK, *_lent(vectors_PK, donors.same_class_PD), *_lent(vectors_PK, donors.other_class_PD)]

    found: list[Tensor] = []
    start = 0
    for pixels_BHW3 in pixels.batches(order_P, batch_size):
        batch = slice(start, start + len(pixels_BHW3))
        lab_B3HW = rgb_to_lab(photos_to_rgb(pixels_BHW3))
        with autocast(device, dtype):
            mid_BCHW = network.look(lightness_to_network(lab_B3HW[:, :1])).mid_BCHW
            painted = [network.paint(mid_BCHW, one_PK[batch]) for one_PK in lent]
        found.append(_errors(lab_B3HW, painted))
        start = batch.stop
    errors_PV = torch.cat(found).cpu().double().numpy()
    num_donors = donors.same_class_PD.shape[1]
    return {
        "delta_e_mean_features": errors_PV[:, 0],
        "delta_e_same_class_features": _over_donors(errors_PV[:, 1 : 1 + num_donors], donors.same_class_PD),
        "delta_e_other_class_features": _over_donors(errors_PV[:, 1 + num_donors :], donors.other_class_PD),
    }


def _lent(vectors_PK: Tensor, donors_PD: NDArray[np.int64]) -> list[Tensor]:
    """The vectors of each photo's first donor, second donor and so on; where it has none any, and not counted later."""
    return [vectors_PK[torch.from_numpy(donors_P).to(vectors_PK.device)] for donors_P in donors_PD.T]


def _errors(lab_B3HW: Tensor, painted: list[Tensor]) -> Tensor:
    """The colour error of each photo in each painting, as shown and with the photo's own lightness; B x paintings.

    On a CPU small paintings are judged together: one at a time costs a third more.
    """
    size = photos_at_once(lab_B3HW)
    num_together = max(1, size // len(lab_B3HW))
    found: list[Tensor] = []
    for start in range(0, len(painted), num_together):
        together = painted[start : start + num_together]
        true_lab = lab_B3HW.repeat(len(together), 1, 1, 1)
        predicted_lab = torch.cat((true_lab[:, :1], network_to_ab(torch.cat(together))), dim=1)
        parts = zip(torch.split(true_lab, size), torch.split(predicted_lab, size), strict=True)
        found += [delta_e(true, rgb_to_lab(shown(predicted))) for true, predicted in parts]
    return torch.cat(found).view(len(painted), len(lab_B3HW)).T


def _over_donors(errors_PD: NDArray[np.float64], donors_PD: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean over the donors that a photo has; NaN for none."""
    num_donors_P = (donors_PD >= 0).sum(axis=1)
    sums_P = np.where(donors_PD >= 0, errors_PD, 0.0).sum(axis=1)
    means_P: NDArray[np.float64] = np.where(num_donors_P > 0, sums_P / np.maximum(num_donors_P, 1), np.nan)
    return means_P
