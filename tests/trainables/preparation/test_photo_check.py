"""photo_check.py: every oddity that was put in is found, and nothing else."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainables.dogs_tree import BREEDS, Dogs, write_dogs
from tests.trainables.photo_folders import write_photos
from tests.trainables.preparation.test_content_groups import NEAR_DUPLICATES, SAME_PHOTOGRAPH_IN_TWO_CROPS, ncd_root
from trainables.config import DataConfig
from trainables.data.images import load_images
from trainables.data.splits import cut_replicate
from trainables.preparation.photo_check import PhotoCheck, check_photos
from trainables.preparation.prepare import prepare

__all__ = ["ncd_root"]


def found_in(check: PhotoCheck) -> dict[str, list[set[str]]]:
    return {finding.kind: [set(names) for names in finding.photos] for finding in check.findings}


@pytest.fixture(scope="module")
def dogs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dogs, DataConfig]:
    root = tmp_path_factory.mktemp("dogs")
    written = write_dogs(root, breeds=BREEDS[:20])
    data = DataConfig(dataset="stanford_dogs", root=str(root), image_size=32, split="official")
    return root, written, data


def test_all_dirt_of_the_dogs_is_found_and_nothing_else(dogs: tuple[Path, Dogs, DataConfig]) -> None:
    _, written, data = dogs
    assert found_in(check_photos(data)) == {
        "placeholders that recur": [set(written.placeholders)],
        "wrong extensions": [{written.disguised}],
        "identical files within a class": [set(written.copies)],
        "near-grey photos": [{written.grey}],
    }


def test_numbers_agree_with_what_a_study_gets(dogs: tuple[Path, Dogs, DataConfig], tmp_path: Path) -> None:
    _, written, data = dogs
    check = check_photos(data)
    images = load_images(prepare(data, tmp_path))
    cut = cut_replicate(images, data, 0)
    for label, row in enumerate(check.classes):
        assert row.name == images.class_names[label]
        assert row.num_files == row.num_readable == 5
        assert row.num_contents == len(np.unique(images.groups_N[images.labels_N == label]))
        sides = [np.sum(images.labels_N[side] == label) for side in (cut.train, cut.val, cut.test)]
        assert [row.num_train, row.num_val, row.num_test] == sides
    assert sum(row.num_near_grey for row in check.classes) == 1
    assert sorted(map(tuple, check.sizes_N2.tolist())) != []
    assert len(check.sizes_N2) == len(written.parts)


def test_what_will_be_done_follows_the_settings(dogs: tuple[Path, Dogs, DataConfig]) -> None:
    data = dogs[2]
    actions = {}
    for min_chroma in (0.0, 3.0):
        check = check_photos(dataclasses.replace(data, min_chroma=min_chroma))
        (actions[min_chroma],) = (one.action for one in check.findings if one.kind == "near-grey photos")
    assert actions[0.0].startswith("Kept for both tasks") and "data.min_chroma: 4" in actions[0.0]
    assert actions[3.0].startswith("Left out of the colour loss, kept for the class loss")


def test_broken_stray_recompressed_and_doubtful_photos_are_found(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", num_photos=6)
    (root / "apple/000.png").write_bytes(b"")
    (root / "notes.txt").write_text("a stray")
    shutil.copy(root / "apple/001.png", root / "pear/another.png")
    with Image.open(root / "pear/002.png") as image:
        image.resize((80, 60)).save(root / "pear/again.jpg", quality=80)
    check = check_photos(DataConfig(dataset="folder", root=str(root), image_size=16))
    assert found_in(check) == {
        "unreadable photos": [{"apple/000.png"}],
        "no photos of the data set": [{"notes.txt"}],
        "identical files across classes": [{"apple/001.png", "pear/another.png"}],
        "near copies within a class": [{"pear/002.png", "pear/again.jpg"}],
    }
    assert (check.classes[0].num_files, check.classes[0].num_readable) == (6, 5)


def test_what_resembles_a_placeholder_is_grouped_as_prepare_groups_it(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", num_photos=5)
    # The middle one of three pictures is near both others, which are not near each other; it recurs as a placeholder.
    generator = np.random.default_rng(7)
    base, step = (
        np.asarray(Image.fromarray(generator.integers(0, 256, (7, 7, 3), dtype=np.uint8)).resize((64, 64))) - 128.0
        for _ in range(2)
    )
    steps = [
        Image.fromarray((128 + 0.6 * (base + 0.19 * count * step)).clip(0, 255).astype(np.uint8)) for count in range(3)
    ]
    steps[0].save(root / "apple/low.png")
    steps[2].save(root / "pear/high.png")
    for name in ("apple/lost1", "apple/lost2", "pear/lost1"):
        steps[1].save(root / f"{name}.png")
    for name in ("apple/page1", "apple/page2", "pear/page"):
        (root / f"{name}.jpg").write_text("<html>404 Not Found</html>")
    data = DataConfig(dataset="folder", root=str(root), image_size=64)
    check, prepared = check_photos(data), prepare(data, tmp_path / "cache")
    images = load_images(prepared)
    names = {"apple/low.png", "pear/high.png"}
    assert len({images.groups_N[images.photo_names.index(name)] for name in names}) == 2
    assert sum(row.num_contents for row in check.classes) == len(set(images.groups_N)) == 12
    skipped = {one["name"]: one["reason"] for one in json.loads((prepared / "manifest.json").read_text())["skipped"]}
    (finding,) = check.findings
    assert finding.kind == "placeholders that recur"
    assert {name for one in finding.photos for name in one} == set(skipped)
    assert set(finding.reasons) == set(skipped.values())


def test_class_too_small_for_the_cuts_is_found_with_its_numbers(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos")
    for number in ("002", "003"):
        shutil.copy(root / "pear/001.png", root / f"pear/{number}.png")
    (finding,) = (
        one
        for one in check_photos(DataConfig(dataset="folder", root=str(root), image_size=16)).findings
        if one.kind == "photos that cannot be cut"
    )
    assert "'pear' has 2 different photos" in finding.reasons[0]


def test_class_without_a_readable_photo_is_found(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos")
    for photo in (root / "pear").iterdir():
        photo.write_bytes(b"")
    found = {one.kind: one for one in check_photos(DataConfig(dataset="folder", root=str(root))).findings}
    assert len(found["unreadable photos"].photos) == 4
    assert found["photos that cannot be cut"].reasons == ("Class 'pear' has no readable photo.",)


def test_ncd_has_20_identical_pairs_and_the_known_near_copies(ncd_root: Path) -> None:
    data = DataConfig(dataset="ncd", root=str(ncd_root), image_size=64)
    check = check_photos(data)
    found = found_in(check)
    assert set(found) == {"identical files within a class", "near copies within a class"}
    pairs = found["identical files within a class"]
    assert len(pairs) == 20 and all(len(pair) == 2 for pair in pairs)
    assert sum(all(name.startswith("Pomegranate/") for name in pair) for pair in pairs) == 17
    expected = [*NEAR_DUPLICATES, SAME_PHOTOGRAPH_IN_TWO_CROPS]
    assert sorted(map(sorted, found["near copies within a class"])) == sorted(map(sorted, expected))
    assert check.sizes_N2.prod(axis=1).min() == 110 * 121


def test_tail_of_ncd_is_named_for_what_it_is(ncd_root: Path) -> None:
    data = DataConfig(dataset="ncd", root=str(ncd_root), image_size=16, split="tail", test_share=0.1)
    (finding,) = (one for one in check_photos(data).findings if one.kind == "classes tested but never trained")
    assert finding.photos == (("Tomato",),) and "33.3 %" in finding.action
