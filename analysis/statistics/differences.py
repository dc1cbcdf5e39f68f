"""Differences photo by photo: replicates x photos, matched by fold, replicate and photo between two roles."""

from functools import lru_cache

import numpy as np
import pandas as pd

from analysis.statistics import roles
from analysis.tables import Tables


def differences(
    tables: Tables, treatment: str, control: str, column: str, num_replicates: int | None = None
) -> tuple[pd.DataFrame, str]:
    """Treatment minus control, replicates x photos of all folds, for pairs that both sides have; in words, what was
    left out. With num_replicates nothing of a later replicate is read.
    """
    sides = [measured(tables, role, column) for role in (treatment, control)]
    if num_replicates is not None:
        sides = [side[side.index <= num_replicates] for side in sides]
    paired = sides[0] - sides[1]  # aligned by replicate and photo; NaN where either side has none
    if paired.empty:
        return paired, ""
    usable = paired.where(np.isfinite(paired))
    # A whole training without numbers is left out as a replicate; a photo that fails in some, as a photo.
    kept = usable.dropna(axis="index", how="all").dropna(axis="columns", how="any")
    left_out = []
    if len(kept) < len(paired):
        gone = ", ".join(str(number) for number in sorted(set(paired.index) - set(kept.index)))
        left_out.append(f"replicate {gone} left out, since one side has no numbers for it")
    if kept.shape[1] < paired.shape[1]:
        left_out.append(
            f"{paired.shape[1] - kept.shape[1]} of {paired.shape[1]} photos left out: not measured everywhere"
        )
    return kept, "; ".join(left_out)


@lru_cache(maxsize=128)
def measured(tables: Tables, role: str, column: str) -> pd.DataFrame:
    """What a role scored, replicates x photos; every photo was tested by the role's setting of its own fold."""
    photos = roles.members(tables, tables.photos, role)[["replicate", "photo", column]]
    photos = photos.drop_duplicates(["replicate", "photo"], keep="last")
    return photos.pivot(index="replicate", columns="photo", values=column).astype("float64")


def folds_of(tables: Tables, photos: pd.Index) -> np.ndarray:
    """The fold of each photo."""
    return _fold_by_photo(tables).reindex(photos).to_numpy()


@lru_cache(maxsize=4)
def _fold_by_photo(tables: Tables) -> pd.Series:
    return tables.photos.drop_duplicates("photo").set_index("photo")["fold"]
