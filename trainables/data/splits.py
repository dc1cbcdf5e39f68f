"""Which photos train, choose and judge: the test pools, cut once per study, and the cuts of each replicate.

Everything is cut by content group, so that copies of a photo never stand on two sides, and stratified by class. A group
belongs to the class of its first photo, even where a copy lies in another class's folder.

Letters: N photos, G content groups, C classes, T test photos.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from trainables.config import DataConfig
from trainables.data.images import PARTS, Images
from trainables.seeds import derive_seed

MIN_GROUPS_PER_CLASS = 3
"""One content group each for pool, train and val."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Ascending int64 photo indices of one replicate. A photo in none of them is a copy of a test photo."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]
    """The test pool of the fold, the same for every replicate."""


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


def cut_folds(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    folds: int,
    seed: int,
    class_names: Sequence[str] = (),
) -> list[NDArray[np.int64]]:
    """Disjoint test pools that together hold every content group once, each with its first photo alone.

    Stratified: of a class any two folds differ by at most one group, and so do, all classes together, the folds' sizes.
    Args and the kind of indices: as `cut_pool`.
    Raises ValueError for a class with fewer content groups than folds, or with none left for training and validation.
    """
    first_photos_G, group_labels_G = _groups_by_first_photo(labels, groups)[:2]
    num_groups_C = np.bincount(group_labels_G, minlength=max(len(class_names), int(labels.max()) + 1))
    smallest = int(np.argmin(num_groups_C))
    most = max(
        (k for k in range(2, num_groups_C[smallest] + 1) if _left_over(num_groups_C[smallest], k) >= 2), default=1
    )
    if folds > most or _left_over(num_groups_C[smallest], folds) < 2:
        name = class_names[smallest] if class_names else smallest
        remedy = "no folds at all" if most == 1 else f"{'at most ' if folds > most else ''}{most} folds"
        raise ValueError(
            f"{folds} folds need as many different photos of every class, and two of them for training and validation, "
            f"but class {name!r} has {num_groups_C[smallest]} (copies count once): use {remedy}, or add photos to it."
        )
    generator = np.random.default_rng(derive_seed(seed, "folds"))
    order_G = np.concatenate(
        [generator.permutation(np.flatnonzero(group_labels_G == c)) for c in range(len(num_groups_C))]
    )
    fold_G = np.empty(len(order_G), dtype=np.int64)
    # Dealt out in turn, class after class, so that the folds which get one more of a class take turns too.
    fold_G[order_G] = np.arange(len(order_G)) % folds
    return [np.sort(first_photos_G[fold_G == fold]) for fold in range(folds)]


def _left_over(num_groups: int, folds: int) -> int:
    """Groups of a class outside the largest fold."""
    return num_groups - math.ceil(num_groups / folds)


def fold_seed(data: DataConfig, fold: int) -> int:
    """What a fold's searches and trials take their randomness from: folds share no luck but that of their photos."""
    if not 0 <= fold < data.folds:
        raise ValueError(f"fold must be at least 0 and below {data.folds}, the number of folds, but got {fold!r}.")
    return data.seed if data.folds == 1 else derive_seed(data.seed, "fold", fold)


def cut_replicate(images: Images, data: DataConfig, replicate: int, fold: int = 0) -> Cut:
    """The cut of one replicate: the test photos of the fold, and the rest divided anew into train and val.

    Every photo of a group goes with its group; copies of a test photo are used nowhere. Where a split file names
    photos of val, they and their copies are val in every replicate.
    Raises ValueError for a class with too few content groups.
    """
    groups = images.groups_N
    seed = fold_seed(data, fold)
    test = SPLITS[data.split](images, data) if data.folds == 1 else _folds(images, data)[fold]
    rest = np.flatnonzero(~np.isin(groups, groups[test]))
    named_val = rest[:0] if images.parts_N is None else rest[images.parts_N[rest] == PARTS.index("val")]
    if data.split == "file" and len(named_val):
        in_val_N = np.isin(groups[rest], groups[named_val])
    else:
        _, group_labels_G, group_of_photo_N = _groups_by_first_photo(images.labels_N[rest], groups[rest])
        generator = np.random.default_rng(derive_seed(seed, replicate, "validation"))
        in_val_N = _choose(group_labels_G, data.val_share, keep_back=1, generator=generator)[group_of_photo_N]
    cut = Cut(train=rest[~in_val_N], val=rest[in_val_N], test=test)
    _check_parts(images, data, cut)
    return cut


def _folds(images: Images, data: DataConfig) -> list[NDArray[np.int64]]:
    return cut_folds(images.labels_N, images.groups_N, folds=data.folds, seed=data.seed, class_names=images.class_names)


def _pool(images: Images, data: DataConfig) -> NDArray[np.int64]:
    return cut_pool(
        images.labels_N,
        images.groups_N,
        test_share=data.test_share,
        seed=data.seed,
        class_names=images.class_names,
    )


def _named(images: Images, data: DataConfig) -> NDArray[np.int64]:
    """The photos that a list names for the test, of each content group the first."""
    if images.parts_N is None:
        raise ValueError(f"split {data.split!r} needs lists of photos, but these were prepared without any.")
    return _first_of_groups(np.flatnonzero(images.parts_N == PARTS.index("test")), images.groups_N)


def _tail(images: Images, data: DataConfig) -> NDArray[np.int64]:
    """The last photos in order of class, as the earlier project cut them: whole classes are never trained."""
    num_photos = len(images.labels_N)
    num_test = min(max(round(data.test_share * num_photos), 1), num_photos - 2)
    return _first_of_groups(np.arange(num_photos - num_test, num_photos), images.groups_N)


SPLITS: Mapping[str, Callable[[Images, DataConfig], NDArray[np.int64]]] = MappingProxyType(
    {"pool": _pool, "official": _named, "file": _named, "tail": _tail}
)
"""The ascending indices of the test photos, by the name of the split; none depends on a replicate."""


def classes_never_trained(images: Images, cut: Cut) -> list[str]:
    """The classes that are tested but have no training photo: naming one of them right is impossible."""
    labels = images.labels_N
    return [images.class_names[label] for label in np.setdiff1d(labels[cut.test], labels[cut.train])]


def largest_top1(images: Images, cut: Cut) -> float:
    """The share of test photos whose class is trained: no network can name more of them right."""
    labels = images.labels_N
    return float(np.isin(labels[cut.test], labels[cut.train]).mean()) if len(cut.test) else 1.0


def _check_parts(images: Images, data: DataConfig, cut: Cut) -> None:
    for name in ("train", "val", "test"):
        if not len(getattr(cut, name)):
            raise ValueError(f"split {data.split!r} leaves no photo for {name}. Choose another split, or add photos.")
    if data.split not in ("official", "file"):
        return
    trained = np.bincount(images.labels_N[cut.train], minlength=len(images.class_names))
    if not trained.all():
        name = images.class_names[int(np.argmin(trained))]
        raise ValueError(
            f"Class {name!r} has no photo left to train on with split {data.split!r}. "
            "Name photos of it for train, or leave the class out."
        )


def _first_of_groups(indices: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each group the first of these ascending photos."""
    _, positions = np.unique(groups[indices], return_index=True)
    return indices[np.sort(positions)].astype(np.int64)


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
    counts_C = np.minimum(counts_C, np.maximum(num_groups_C - keep_back, 0))

    chosen_G = np.zeros(len(group_labels_G), dtype=bool)
    for label, count in enumerate(counts_C):
        members = np.flatnonzero(group_labels_G == label)
        if len(members):
            chosen_G[generator.permutation(members)[:count]] = True
    return chosen_G
