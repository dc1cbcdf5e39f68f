"""What another study would need to decide what this one could not, if the spread stays as seen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from analysis.statistics import crossed, power, roles

NOTHING: dict[str, Any] = {
    "replicates_needed": None, "folds_needed": None, "photos_needed": None, "both_needed": None,
}  # fmt: skip
MANY_FOLDS = 4
"""Times as many folds are tried, and no more: each has a search of its own."""
MANY_PHOTOS = 100
"""Times as many photos are tried, and no more."""


def needed(
    difference_RP: np.ndarray,
    spread: Mapping[str, float],
    design: roles.Design,
    margin: float | None,
    family_size: int,
) -> dict[str, Any]:
    """The columns of a contrast that say it; None where that alone would not do.

    With one fold, see `crossed.needed`. With folds: the fewest folds on as many photos, and the fewest photos in as
    many folds, at which four of five studies without any effect would end with "no difference within the margin".
    """
    if design.num_folds == 1:
        found = crossed.needed(crossed.estimate(difference_RP), margin, family_size)
        return NOTHING | {
            "replicates_needed": found.replicates, "photos_needed": found.photos,
            "both_needed": found.replicates_and_photos,
        }  # fmt: skip
    if margin is None or not spread:
        return NOTHING
    num_photos = difference_RP.shape[1]

    def is_enough(num_folds: int, photos: int) -> bool:
        chance = power.no_difference(
            spread, num_folds=num_folds, looks=design.looks, shares=design.shares,
            photos_per_fold=max(2, photos // num_folds), margin=margin, family_size=family_size,
        )  # fmt: skip
        return chance >= power.WANTED

    K = design.num_folds
    more_folds = range(K + 1, min(MANY_FOLDS * K, num_photos // 2) + 1)
    more_photos = np.unique(np.geomspace(num_photos, MANY_PHOTOS * num_photos, 40).astype(int))[1:]
    return NOTHING | {
        "folds_needed": _first(more_folds, lambda folds: is_enough(folds, num_photos)),
        "photos_needed": _first(more_photos.tolist(), lambda photos: is_enough(K, photos)),
    }


def _first(sizes: Sequence[int], is_enough: Callable[[int], bool]) -> int | None:
    """The first of rising sizes that is enough, by halving; None where the last is not."""
    if not sizes or not is_enough(sizes[-1]):
        return None
    low, high = -1, len(sizes) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(sizes[middle]) else (middle, high)
    return int(sizes[high])
