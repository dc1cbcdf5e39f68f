"""Which photos train, choose and judge: the test pool, cut once per study, and the cuts of each replicate.

Everything is cut by content group, so that copies of a photo never stand on two sides, and stratified by class. A group
belongs to the class of its first photo, even where a copy lies in another class's folder.

Letters: N photos, G content groups, C classes, T test photos.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainables.config import DataConfig
from trainables.images import Images
from trainables.seeds import derive_seed

MIN_GROUPS_PER_CLASS = 3
"""One content group each for pool, train and val."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Ascending int64 photo indices of one replicate. A photo in none of them is a copy of a test photo."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]
    """The test pool, the same for every replicate."""


def cut_pool(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    test_share: float,
    seed: int,
    class_names: Sequence[str] = (),
) -> NDArray[np.int64]:
    """The test pool: `test_share` of every class's content groups, each with its first photo alone.

    Args: labels and groups are int arrays of length N; class_names is used in the error alone.
    Returns ascending int64 indices. Depends on nothing of a replicate.
    Raises ValueError for a class with too few content groups for pool, train and val.
    """
    first_photos_G, group_labels_G = _groups_by_first_photo(labels, groups)[:2]
    num_groups_C = np.bincount(group_labels_G, minlength=max(len(class_names), int(labels.max()) + 1))
    for label, num_groups in enumerate(num_groups_C):
        if num_groups < MIN_GROUPS_PER_CLASS:
            name = class_names[label] if class_names else label
            raise ValueError(
                f"Class {name!r} has {num_groups} different photos (copies count once; of {np.sum(labels == label)} "
                f"readable ones), but needs at least {MIN_GROUPS_PER_CLASS}: one each for the test pool, training and "
                "validation. Add photos to it or leave the class out."
            )
    generator = np.random.default_rng(derive_seed(seed, "test pool"))
    # Two groups of a class stay behind, one for training and one for validation.
    chosen_G = _choose(group_labels_G, test_share, keep_back=2, generator=generator)
    return np.sort(first_photos_G[chosen_G])


def cut_replicate(images: Images, data: DataConfig, replicate: int) -> Cut:
    """The cut of one replicate: the pool of the study, and the rest divided anew into train and val.

    Every photo of a group goes with its group; copies of a test photo are used nowhere.
    Raises ValueError for a class with too few content groups.
    """
    labels, groups = images.labels_N, images.groups_N
    test = cut_pool(labels, groups, test_share=data.test_share, seed=data.seed, class_names=images.class_names)
    rest = np.flatnonzero(~np.isin(groups, groups[test]))
    _, group_labels_G, group_of_photo_N = _groups_by_first_photo(labels[rest], groups[rest])
    generator = np.random.default_rng(derive_seed(data.seed, replicate, "validation"))
    in_val_G = _choose(group_labels_G, data.val_share, keep_back=1, generator=generator)
    in_val_N = in_val_G[group_of_photo_N]
    return Cut(train=rest[~in_val_N], val=rest[in_val_N], test=test)


def _groups_by_first_photo(
    labels: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each group its first photo and that photo's label, and of each photo the position of its group."""
    _, first_photos_G, group_of_photo_N = np.unique(groups, return_index=True, return_inverse=True)
    return first_photos_G.astype(np.int64), labels[first_photos_G], group_of_photo_N


def _choose(
    group_labels_G: NDArray[np.int64], share: float, *, keep_back: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Mask of `share` of the groups of every class, at least one, with `keep_back` left over.

    Largest remainders: every class gets its exact share rounded down or up, and the total comes as near to the share of
    all groups as that allows. (Only in a class of few groups may `keep_back` push the number below that.)
    """
    num_groups_C = np.bincount(group_labels_G)
    quotas_C = share * num_groups_C
    counts_C = np.maximum(np.floor(quotas_C).astype(np.int64), 1)
    remainders_C = quotas_C - counts_C
    num_missing = max(round(share * len(group_labels_G)) - int(counts_C.sum()), 0)
    by_remainder_C = np.argsort(-remainders_C, kind="stable")
    by_remainder_C = by_remainder_C[remainders_C[by_remainder_C] > 0]
    counts_C[by_remainder_C[:num_missing]] += 1
    counts_C = np.minimum(counts_C, num_groups_C - keep_back)

    chosen_G = np.zeros(len(group_labels_G), dtype=bool)
    for label, count in enumerate(counts_C):
        members = np.flatnonzero(group_labels_G == label)
        if len(members):
            chosen_G[generator.permutation(members)[:count]] = True
    return chosen_G
