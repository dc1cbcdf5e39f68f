import dataclasses

import numpy as np
import pytest

from tests.trainables.ncd import ncd_folder
from trainables.config import CHOICES, DataConfig
from trainables.data.images import PARTS, Images, load_images
from trainables.data.splits import (
    SPLITS,
    Cut,
    classes_never_trained,
    cut_folds,
    cut_pool,
    cut_replicate,
    fold_seed,
    largest_top1,
)
from trainables.preparation.prepare import prepare


def images_of(labels: list[int] | np.ndarray, groups: list[int] | np.ndarray) -> Images:
    labels_N, groups_N = np.asarray(labels, dtype=np.int64), np.asarray(groups, dtype=np.int64)
    return Images(
        pixels_NHW3=np.zeros((len(labels_N), 16, 16, 3), dtype=np.uint8),
        labels_N=labels_N,
        groups_N=groups_N,
        photo_names=tuple(f"class{label}/{photo}.jpg" for photo, label in enumerate(labels_N)),
        class_names=tuple(f"class{label}" for label in range(labels_N.max() + 1)),
        digest="",
    )


def messy_images(seed: int) -> Images:
    """Classes of 5 to 60 photos in random order, a third of them copies, some of photos of another class."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(8), generator.integers(5, 61, 8))
    groups = np.arange(len(labels))
    for photo in np.flatnonzero(generator.random(len(labels)) < 0.3):
        if (labels == labels[photo]).sum() > 12:
            pool = np.flatnonzero(labels == labels[photo]) if generator.random() < 0.9 else np.arange(len(labels))
            groups[photo] = groups[generator.choice(pool)]
    order = generator.permutation(len(labels))
    return images_of(labels[order], groups[order])


def class_shares_are_proportional(images: Images, chosen: np.ndarray, among: np.ndarray, share: float) -> None:
    """Of every class, within one content group of the share."""
    owners = {group: images.labels_N[images.groups_N == group][0] for group in np.unique(images.groups_N)}
    for label in range(len(images.class_names)):
        num_among = sum(owners[group] == label for group in np.unique(images.groups_N[among]))
        num_chosen = sum(owners[group] == label for group in np.unique(images.groups_N[chosen]))
        assert abs(num_chosen - share * num_among) < 1, (label, num_chosen, num_among)
        assert 1 <= num_chosen < num_among


def check_cut(images: Images, data: DataConfig, cut: Cut) -> None:
    groups = images.groups_N
    for indices in (cut.train, cut.val, cut.test):
        assert indices.dtype == np.int64
        assert (np.diff(indices) > 0).all()
    sides = [set(groups[indices]) for indices in (cut.train, cut.val, cut.test)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert len(sides[2]) == len(cut.test), "the pool holds one photo per group"
    # Every photo ends in exactly one of: train, val, test, copy of a test photo.
    copies = np.setdiff1d(np.flatnonzero(np.isin(groups, groups[cut.test])), cut.test)
    everywhere = np.concatenate([cut.train, cut.val, cut.test, copies])
    assert sorted(everywhere) == list(range(len(groups)))
    class_shares_are_proportional(images, cut.test, np.arange(len(groups)), data.test_share)
    class_shares_are_proportional(images, cut.val, np.concatenate([cut.train, cut.val]), data.val_share)


@pytest.mark.parametrize("seed", range(8))
def test_no_group_crosses_a_cut_and_shares_are_proportional(seed: int) -> None:
    images = messy_images(seed)
    data = DataConfig(seed=seed, test_share=0.25, val_share=0.2)
    for replicate in range(6):
        check_cut(images, data, cut_replicate(images, data, replicate))


@pytest.mark.parametrize("share", [0.1, 0.33, 0.5])
def test_shares_are_kept_in_total_too(share: float) -> None:
    labels = np.repeat(np.arange(20), 33)
    pool = cut_pool(labels, np.arange(len(labels)), test_share=share, seed=0)
    assert len(pool) == round(share * len(labels))


def test_largest_remainders_by_hand() -> None:
    # 10, 11 and 7 groups at 25 %: 2.5, 2.75 and 1.75; 28 groups give 7 in all, so the two largest remainders go up.
    labels = np.repeat([0, 1, 2], [10, 11, 7])
    pool = cut_pool(labels, np.arange(28), test_share=0.25, seed=3)
    assert np.bincount(labels[pool]).tolist() == [2, 3, 2]


def test_pool_depends_on_the_seed_and_not_on_the_replicate() -> None:
    images = messy_images(0)
    data = DataConfig(seed=5)
    pools = [cut_replicate(images, data, replicate).test for replicate in range(5)]
    assert all(np.array_equal(pool, pools[0]) for pool in pools)
    assert np.array_equal(
        pools[0], cut_pool(images.labels_N, images.groups_N, test_share=data.test_share, seed=data.seed)
    )
    assert not np.array_equal(pools[0], cut_replicate(images, dataclasses.replace(data, seed=6), 0).test)


def test_pool_does_not_depend_on_the_share_of_val() -> None:
    images = messy_images(1)
    first, second = (cut_replicate(images, DataConfig(val_share=share), 0).test for share in (0.1, 0.4))
    assert np.array_equal(first, second)


def test_replicates_cut_differently_and_repeat() -> None:
    images, data = messy_images(0), DataConfig()
    cuts = [cut_replicate(images, data, replicate) for replicate in range(4)]
    assert len({cut.val.tobytes() for cut in cuts}) == 4
    again = cut_replicate(images, data, 2)
    assert np.array_equal(again.train, cuts[2].train)
    assert np.array_equal(again.val, cuts[2].val)


def test_every_group_gets_into_val_at_some_replicate() -> None:
    images, data = images_of(np.repeat([0, 1], 20), np.arange(40)), DataConfig()
    seen = np.unique(np.concatenate([cut_replicate(images, data, replicate).val for replicate in range(60)]))
    assert len(seen) == 40 - len(cut_replicate(images, data, 0).test)


def listed(images: Images, parts: list[str]) -> Images:
    return dataclasses.replace(images, parts_N=np.array([PARTS.index(part) for part in parts], np.int8))


def file_data(**fields: object) -> DataConfig:
    return DataConfig.from_dict({"dataset": "folder", "root": "-", "split": "file", "split_file": "-", **fields})


def test_every_split_has_its_function() -> None:
    assert set(SPLITS) == set(CHOICES["split"])


def test_named_photos_are_the_test_in_every_replicate_and_their_copies_are_used_nowhere() -> None:
    # Photo 3 is a copy of the named 8, photo 9 another; each is named for another part.
    images = images_of([0] * 10 + [1] * 10, [0, 1, 2, 8, 4, 5, 6, 7, 8, 8, *range(10, 20)])
    images = listed(images, ["train"] * 7 + ["test"] * 3 + ["train"] * 8 + ["test"] * 2)
    for replicate in range(4):
        cut = cut_replicate(images, file_data(val_share=0.3), replicate)
        assert cut.test.tolist() == [7, 8, 18, 19]
        assert sorted([*cut.train, *cut.val]) == [0, 1, 2, 4, 5, 6, *range(10, 18)]
        assert np.bincount(images.labels_N[cut.val]).tolist() in ([2, 2], [1, 3], [2, 3], [2, 1])


def test_named_val_photos_and_their_copies_are_val_in_every_replicate() -> None:
    images = images_of([0] * 6 + [1] * 6, [0, 1, 2, 0, 4, 5, *range(6, 12)])
    images = listed(images, ["val", "train", "train", "train", "train", "test"] + ["train"] * 4 + ["val", "test"])
    for replicate in range(3):
        cut = cut_replicate(images, file_data(), replicate)
        assert (cut.train.tolist(), cut.val.tolist(), cut.test.tolist()) == (
            [1, 2, 4, 6, 7, 8, 9],
            [0, 3, 10],
            [5, 11],
        )


def test_class_that_the_file_leaves_without_training_is_refused() -> None:
    images = listed(images_of([0] * 5 + [1] * 5, range(10)), ["train"] * 4 + ["test"] * 6)
    with pytest.raises(ValueError, match=r"Class 'class1' has no photo left to train on with split 'file'"):
        cut_replicate(images, file_data(), 0)


@pytest.mark.parametrize("split", ["official", "file"])
def test_split_by_list_needs_a_list(split: str) -> None:
    fields = {"dataset": "stanford_dogs", "root": "-", "split": split}
    data = DataConfig.from_dict(fields | ({"split_file": "-"} if split == "file" else {}))
    with pytest.raises(ValueError, match="were prepared without any"):
        cut_replicate(messy_images(0), data, 0)


def test_tail_is_the_last_photos_whatever_their_class_and_without_copies() -> None:
    # 20 photos, 20 %: the last four; 18 and 19 show the same, and so do 2 and 17.
    images = images_of([0] * 9 + [1] * 9 + [2] * 2, [*range(17), 2, 18, 18])
    for replicate in range(3):
        cut = cut_replicate(images, DataConfig(split="tail", test_share=0.2), replicate)
        assert cut.test.tolist() == [16, 17, 18]
        assert sorted([*cut.train, *cut.val]) == [0, 1, *range(3, 16)]
        assert classes_never_trained(images, cut) == ["class2"]
        assert largest_top1(images, cut) == pytest.approx(2 / 3)


def test_tail_of_ncd_cannot_be_named_right_beyond_24_of_72(ncd_images: Images) -> None:
    data = DataConfig(dataset="ncd", root="-", image_size=16, split="tail", test_share=0.1)
    for replicate in range(21):
        cut = cut_replicate(ncd_images, data, replicate)
        assert len(cut.test) == 72
        assert classes_never_trained(ncd_images, cut) == ["Tomato"]
        assert largest_top1(ncd_images, cut) == 24 / 72
    whole = cut_replicate(ncd_images, dataclasses.replace(data, split="pool"), 0)
    assert classes_never_trained(ncd_images, whole) == [] and largest_top1(ncd_images, whole) == 1


def test_group_across_two_classes_belongs_to_the_class_of_its_first_photo() -> None:
    # Photos 0 to 9 are class 0, the others class 1; photo 10 is a copy of photo 0.
    labels, groups = np.repeat([0, 1], 10), np.arange(20)
    groups[10] = groups[0]
    for seed in range(40):
        pool = cut_pool(labels, groups, test_share=0.3, seed=seed)
        assert 10 not in pool
        assert np.bincount(labels[pool]).tolist() == [3, 3]


def test_three_groups_are_just_enough() -> None:
    images = images_of(np.repeat([0, 1], [3, 30]), np.arange(33))
    for share in (0.05, 0.25, 0.6):
        for replicate in range(5):
            cut = cut_replicate(images, DataConfig(test_share=share), replicate)
            for side in (cut.train, cut.val, cut.test):
                assert (images.labels_N[side] == 0).sum() == 1


def test_class_with_too_few_different_photos_is_named_with_numbers_and_remedy() -> None:
    # Class 1 has four photos, but three of them are copies of each other.
    images = images_of([0] * 10 + [1] * 4, [*range(10), 10, 11, 11, 11])
    with pytest.raises(ValueError, match=r"Class 'class1' has 2 different photos .*of 4 .*at least 3.*Add photos"):
        cut_replicate(images, DataConfig(), 0)


def test_class_whose_photos_are_all_copies_of_other_classes_is_refused() -> None:
    images = images_of([0] * 10 + [1] * 3, [*range(10), 0, 1, 2])
    with pytest.raises(ValueError, match=r"Class 'class1' has 0 different photos"):
        cut_replicate(images, DataConfig(), 0)


@pytest.fixture(scope="module")
def ncd_images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    root = ncd_folder()
    data = DataConfig(dataset="ncd", root=str(root), image_size=16)
    return load_images(prepare(data, tmp_path_factory.mktemp("cache")))


def test_ncd_cuts_keep_copies_together_in_replicates_0_to_20(ncd_images: Images) -> None:
    for seed in (0, 1):
        data = DataConfig(dataset="ncd", root="-", image_size=16, seed=seed)
        for replicate in range(21):
            check_cut(ncd_images, data, cut_replicate(ncd_images, data, replicate))


def test_ncd_pool_is_a_quarter_of_the_content_groups(ncd_images: Images) -> None:
    pool = cut_pool(ncd_images.labels_N, ncd_images.groups_N, test_share=0.25, seed=0)
    assert len(pool) == round(0.25 * len(np.unique(ncd_images.groups_N))) == 174


@pytest.mark.parametrize("seed", range(3))
def test_folds_test_every_content_group_once_and_are_stratified(seed: int) -> None:
    images = messy_images(seed)
    smallest = min(np.bincount(images.labels_N[np.unique(images.groups_N, return_index=True)[1]]))
    folds = cut_folds(images.labels_N, images.groups_N, folds=int(smallest) - 2, seed=seed)
    groups = np.concatenate([images.groups_N[fold] for fold in folds])
    assert sorted(groups) == sorted(np.unique(images.groups_N))
    sizes = [len(fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for label in range(len(images.class_names)):
        of_class = [int((images.labels_N[fold] == label).sum()) for fold in folds]
        assert max(of_class) - min(of_class) <= 1 and min(of_class) >= 1


def test_each_fold_s_trials_train_on_nothing_it_is_tested_on() -> None:
    images, data = messy_images(1), DataConfig(folds=3, seed=5)
    for fold in range(3):
        check_parts_only(images, cut_replicate(images, data, 1, fold))
    cuts = [cut_replicate(images, data, 1, fold) for fold in range(3)]
    assert len({tuple(cut.test) for cut in cuts}) == 3
    with pytest.raises(ValueError, match="fold must be at least 0 and below 3"):
        cut_replicate(images, data, 1, 3)


def check_parts_only(images: Images, cut: Cut) -> None:
    """No content group on two sides."""
    sides = [set(images.groups_N[indices]) for indices in (cut.train, cut.val, cut.test)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_folds_share_no_luck_and_one_fold_keeps_the_study_s_seed() -> None:
    assert fold_seed(DataConfig(seed=7), 0) == 7
    assert len({fold_seed(DataConfig(seed=7, folds=4), fold) for fold in range(4)} | {7}) == 5


def test_more_folds_than_the_smallest_class_allows_are_refused_with_the_number_that_it_does() -> None:
    images = images_of([0] * 20 + [1] * 5, np.arange(25))
    with pytest.raises(ValueError, match=r"6 folds need.*'class1' has 5 .*use at most 5 folds"):
        cut_folds(images.labels_N, images.groups_N, folds=6, seed=0, class_names=images.class_names)
    # Of three photos two folds would leave one to train on and none to choose by.
    few = images_of([0] * 20 + [1] * 3, np.arange(23))
    with pytest.raises(ValueError, match="use 3 folds"):
        cut_folds(few.labels_N, few.groups_N, folds=2, seed=0, class_names=few.class_names)
