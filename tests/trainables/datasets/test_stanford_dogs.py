"""stanford_dogs.py: a generated tree in the real layout, and every way in which it may not fit."""

import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.trainables.data.test_splits import check_cut, class_shares_are_proportional
from tests.trainables.dogs_tree import BREEDS, Dogs, write_dogs, write_list
from trainables.config import DataConfig
from trainables.data.images import PARTS, Images, load_images
from trainables.data.splits import cut_replicate
from trainables.datasets.stanford_dogs import breed_name, list_dogs, read_list
from trainables.preparation.prepare import prepare


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dogs]:
    root = tmp_path_factory.mktemp("dogs")
    return root, write_dogs(root)


@pytest.fixture(scope="module")
def prepared(tree: tuple[Path, Dogs], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(dogs_data(tree[0]), tmp_path_factory.mktemp("cache"))


def dogs_data(root: Path, **fields: object) -> DataConfig:
    return DataConfig.from_dict({"dataset": "stanford_dogs", "root": str(root), "image_size": 32, **fields})


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("n02085620-Chihuahua", "Chihuahua"),
        ("n02086240-Shih-Tzu", "Shih-Tzu"),
        ("n02089078-black-and-tan_coonhound", "black-and-tan coonhound"),
        ("n02107574-Greater_Swiss_Mountain_dog", "Greater Swiss Mountain dog"),
    ],
)
def test_breeds_are_readable(folder: str, name: str) -> None:
    assert breed_name(folder) == name


def test_all_breeds_and_parts_are_read(tree: tuple[Path, Dogs], prepared: Path) -> None:
    images, dogs = load_images(prepared), tree[1]
    assert images.class_names == tuple(breed_name(breed) for breed in BREEDS) and len(set(images.class_names)) == 120
    assert set(images.photo_names) == set(dogs.parts) - set(dogs.placeholders)
    assert images.parts_N is not None
    for name, part, label in zip(images.photo_names, images.parts_N, images.labels_N, strict=True):
        assert PARTS[part] == dogs.parts[name]
        assert name.startswith(BREEDS[label])


def test_placeholders_are_left_out_with_their_reason_and_the_disguised_png_is_read(
    tree: tuple[Path, Dogs], prepared: Path
) -> None:
    dogs = tree[1]
    manifest = json.loads((prepared / "manifest.json").read_text())
    skipped = {entry["name"]: entry["reason"] for entry in manifest["skipped"]}
    assert set(skipped) == set(dogs.placeholders)
    assert set(skipped.values()) == {"a placeholder: the same file stands 24 times in 12 classes"}
    assert dogs.disguised in manifest["photo_names"]


def test_grey_photo_has_no_chroma_and_the_others_have(tree: tuple[Path, Dogs], prepared: Path) -> None:
    images = load_images(prepared)
    assert images.chroma_N is not None
    chroma = dict(zip(images.photo_names, images.chroma_N, strict=True))
    assert chroma.pop(tree[1].grey) < 1
    assert min(chroma.values()) > 10


def every_photo_ends_once(images: Images, names: set[str], skipped: set[str], data: DataConfig, replicate: int) -> None:
    """In exactly one of train, val, test, copy of a test photo, skipped; and no content group on two sides."""
    cut, groups = cut_replicate(images, data, replicate), images.groups_N
    sides = {
        "train": cut.train,
        "val": cut.val,
        "test": cut.test,
        "copies": np.setdiff1d(np.flatnonzero(np.isin(groups, groups[cut.test])), cut.test),
    }
    found = [images.photo_names[index] for side in sides.values() for index in side] + sorted(skipped)
    assert sorted(found) == sorted(names)
    assert len(set(groups[cut.test])) == len(cut.test)
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not set(groups[sides[one]]) & set(groups[sides[other]])


@pytest.mark.parametrize("split", ["official", "pool", "tail"])
def test_every_photo_ends_in_exactly_one_place_in_replicates_0_to_20(
    tree: tuple[Path, Dogs], prepared: Path, split: str
) -> None:
    images = load_images(prepared)
    skipped = {entry["name"] for entry in json.loads((prepared / "manifest.json").read_text())["skipped"]}
    for replicate in range(21):
        every_photo_ends_once(images, set(tree[1].parts), skipped, dogs_data(tree[0], split=split), replicate)


def test_pool_and_val_are_proportional_in_replicates_0_to_20(tree: tuple[Path, Dogs], prepared: Path) -> None:
    images, data = load_images(prepared), dogs_data(tree[0])
    for replicate in range(21):
        check_cut(images, data, cut_replicate(images, data, replicate))


def test_official_test_list_is_the_test_and_copies_of_it_are_used_nowhere(
    tree: tuple[Path, Dogs], prepared: Path
) -> None:
    images, dogs = load_images(prepared), tree[1]
    for replicate in range(3):
        cut = cut_replicate(images, dogs_data(tree[0], split="official"), replicate)
        listed = {name for name, part in dogs.parts.items() if part == "test"} - set(dogs.placeholders)
        assert {images.photo_names[index] for index in cut.test} == listed
        used = {images.photo_names[index] for index in [*cut.train, *cut.val]}
        class_shares_are_proportional(images, cut.val, np.concatenate([cut.train, cut.val]), 0.2)
        assert dogs.copies[0] in listed and dogs.copies[1] not in used
        # Three photos to train on give one for val in each breed but those of a placeholder or a copy.
        assert np.bincount(images.labels_N[cut.val], minlength=120).max() == 1


def test_prepare_twice_gives_one_digest_and_a_changed_box_or_list_another(tmp_path: Path) -> None:
    dogs = write_dogs(tmp_path / "dogs", breeds=BREEDS[:3])
    cache, data = tmp_path / "cache", dogs_data(tmp_path / "dogs", image_size=16)
    first = prepare(data, cache)
    assert prepare(data, cache) == first
    name = next(iter(dogs.parts))
    annotation = (tmp_path / "dogs" / "Annotation" / name).with_suffix("")
    annotation.write_text(annotation.read_text().replace("<xmin>", "<xmin>1", 1))
    second = prepare(data, cache)
    assert second != first
    names = [name for name, part in dogs.parts.items() if part == "test"]
    write_list(tmp_path / "dogs" / "test_list.mat", names[1:], BREEDS[:3])
    third = prepare(data, cache)
    assert third not in (first, second)
    skipped = json.loads((third / "manifest.json").read_text())["skipped"]
    assert skipped == [{"name": names[0], "reason": "not named in the official lists"}]


def test_name_without_a_photo_is_told(tmp_path: Path) -> None:
    write_dogs(tmp_path, breeds=BREEDS[:2])
    write_list(tmp_path / "test_list.mat", [f"{BREEDS[0]}/nowhere.jpg", f"{BREEDS[1]}/n02085782_46.jpg"])
    left_out = list_dogs(tmp_path).left_out
    assert left_out[f"{BREEDS[0]}/nowhere.jpg"] == "named in the official lists, but not there"


def test_photo_without_or_with_a_broken_annotation_stays_and_is_told(tmp_path: Path) -> None:
    dogs = write_dogs(tmp_path / "dogs", breeds=BREEDS[:2])
    missing, broken, *others = list(dogs.parts)
    (tmp_path / "dogs" / "Annotation" / missing).with_suffix("").unlink()
    (tmp_path / "dogs" / "Annotation" / broken).with_suffix("").write_text("<annotation><size>")
    folder = prepare(dogs_data(tmp_path / "dogs"), tmp_path / "cache")
    reasons = {
        one["name"]: one["reason"] for one in json.loads((folder / "manifest.json").read_text())["without_boxes"]
    }
    assert set(reasons) == {missing, broken}
    assert reasons[missing] == "no annotation" and "cannot be read" in reasons[broken]
    images = load_images(folder)
    assert set(images.photo_names) == {missing, broken, *others}


@pytest.mark.parametrize("missing", ["Images", "train_list.mat", "test_list.mat"])
def test_missing_part_is_named_with_where_to_get_it(tmp_path: Path, missing: str) -> None:
    write_dogs(tmp_path, breeds=BREEDS[:2])
    path = tmp_path / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(
        ValueError, match=rf"holds no {missing}\. .*ImageNetDogs.*images\.tar.*data prepare stanford_dogs"
    ):
        list_dogs(tmp_path)


def test_lists_in_their_own_folder_are_found(tmp_path: Path) -> None:
    write_dogs(tmp_path, breeds=BREEDS[:2])
    (tmp_path / "lists").mkdir()
    for file in tmp_path.glob("*.mat"):
        file.rename(tmp_path / "lists" / file.name)
    assert len(list_dogs(tmp_path).photo_names) == 10


def test_photo_in_both_lists_is_refused(tmp_path: Path) -> None:
    write_dogs(tmp_path, breeds=BREEDS[:2])
    shutil.copy(tmp_path / "train_list.mat", tmp_path / "test_list.mat")
    with pytest.raises(ValueError, match="stands in both official lists"):
        list_dogs(tmp_path)


def matlab(body: bytes) -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + body


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a list",
        matlab(b""),
        matlab(b"\x0f\x00\x00\x00\xff\xff\xff\xff" + zlib.compress(bytes(10))),
        matlab(b"\x0f\x00\x00\x00\xff\xff\x00\x00" + zlib.compress(bytes(30_000_000))),
    ],
    ids=["empty", "text", "no variable", "damaged", "large"],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train_list.mat").write_bytes(content)
    with pytest.raises(ValueError, match="is not an official list"):
        read_list(tmp_path / "train_list.mat")


def test_list_that_would_swell_is_not_handed_to_the_reader(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(30_000_000))
    (tmp_path / "train_list.mat").write_bytes(matlab(struct.pack("<II", 15, len(bomb)) + bomb))
    with pytest.raises(ValueError, match="more than 20,000,000 bytes, decompressed"):
        read_list(tmp_path / "train_list.mat")


def test_damaged_lists_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    write_list(tmp_path / "list.mat", [f"{breed}/{breed[:9]}_1.jpg" for breed in BREEDS])
    content = (tmp_path / "list.mat").read_bytes()
    generator = np.random.default_rng(0)
    num_refused = 0
    for _ in range(100):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[generator.integers(100, len(damaged), 3)] = generator.integers(0, 256, 3)
        (tmp_path / "list.mat").write_bytes(damaged.tobytes())
        try:
            assert read_list(tmp_path / "list.mat")
        except ValueError as error:
            assert "is not an official list" in str(error)
            num_refused += 1
    assert num_refused > 50
