"""K-means in a few lines of torch."""

import torch
from torch import Tensor

MAX_STEPS = 60
MAX_POINTS = 20_000
"""Of more points, so many are drawn: their means are off by a hundredth of their spread."""
STILL = 0.01
"""A centre that moves less has arrived; no eye tells such colours apart."""


def k_means(points_N3: Tensor, num_clusters: int, generator: torch.Generator, num_starts: int = 4) -> Tensor:
    """The centres of `num_clusters` clusters, C3, of the start that leaves the smallest squared distance.

    Lloyd's steps from centres drawn far apart (k-means++, Arthur and Vassilvitskii 2007). A cluster that loses its last
    point keeps its centre. Fewer different points than clusters give a centre each.
    """
    assert len(points_N3), "no points"
    points_M3 = points_N3[torch.randperm(len(points_N3), generator=generator)[:MAX_POINTS]]
    starts = [lloyd(points_M3, _far_apart(points_M3, num_clusters, generator)) for _ in range(num_starts)]
    return min(starts, key=lambda centers_C3: float(_distances(points_M3, centers_C3).amin(dim=1).double().sum()))


def nearest(points_N3: Tensor, centers_C3: Tensor) -> Tensor:
    """The nearest centre of each point, by position."""
    return _distances(points_N3, centers_C3).argmin(dim=1)


def lloyd(points_N3: Tensor, centers_C3: Tensor) -> Tensor:
    """Moves each centre to the mean of the points nearest to it, until none moves."""
    # With a column of ones, the sums of a cluster's points and their number are one product.
    points_N4 = torch.cat([points_N3, torch.ones_like(points_N3[:, :1])], dim=1)
    clusters_C = torch.arange(len(centers_C3))
    for _ in range(MAX_STEPS):
        # The squared distance, halved, without the point's own square, which is the same to every centre.
        nearness_NC = torch.addmm(centers_C3.square().sum(dim=1) / 2, points_N3, centers_C3.T, alpha=-1)
        members_NC = (nearness_NC.argmin(dim=1, keepdim=True) == clusters_C).float()
        sums_C4 = members_NC.T @ points_N4
        moved_C3 = torch.where(sums_C4[:, 3:] > 0, sums_C4[:, :3] / sums_C4[:, 3:].clamp_min(1), centers_C3)
        if torch.allclose(moved_C3, centers_C3, rtol=0, atol=STILL):
            return moved_C3
        centers_C3 = moved_C3
    return centers_C3


def _far_apart(points_M3: Tensor, num_clusters: int, generator: torch.Generator) -> Tensor:
    """Each centre drawn in proportion to the squared distance from those before it."""
    first = torch.randint(len(points_M3), (1,), generator=generator)
    centers_C3 = points_M3[first]
    while len(centers_C3) < num_clusters:
        weights_M = _distances(points_M3, centers_C3).amin(dim=1)
        if float(weights_M.sum()) == 0:
            break
        centers_C3 = torch.cat([centers_C3, points_M3[torch.multinomial(weights_M, 1, generator=generator)]])
    return centers_C3


def _distances(points_N3: Tensor, centers_C3: Tensor) -> Tensor:
    """Squared, NC."""
    return torch.cdist(points_N3, centers_C3, compute_mode="donot_use_mm_for_euclid_dist").square_()
