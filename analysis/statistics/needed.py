"""What another study would need to decide what this one could not, if the spread stays as seen."""

from collections.abc import Mapping
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
    """The columns of a contrast that say it: None where that alone would not do.

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

    most = min(MANY_FOLDS * design.num_folds, num_photos // 2)
    more_folds = range(design.num_folds + 1, most + 1)
    more_photos = np.geomspace(1, MANY_PHOTOS, 24)[1:] * num_photos
    folds = next((K for K in more_folds if is_enough(K, num_photos)), None)
    photos = next((int(P) for P in more_photos if is_enough(design.num_folds, int(P))), None)
    return NOTHING | {"folds_needed": folds, "photos_needed": photos}
