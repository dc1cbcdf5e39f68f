"""decode.py: what is written of each photo, what is left out and why, and work that goes on after a kill."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import trainables.preparation.decode as decode_module
from tests.trainables.ncd import ncd_folder
from tests.trainables.photo_folders import (
    PREPARE_IN_PARTS,
    everything_in,
    folder_data,
    manifest_of,
    run_python,
    write_photos,
)
from trainables.config import DataConfig
from trainables.data.images import load_images
from trainables.datasets.photo import Photo, read_photo
from trainables.preparation.photo_readers import PhotoReaders
from trainables.preparation.prepare import prepare

# What is written


def test_arrays_hold_the_photos_in_order(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos")
    images = load_images(prepare(folder_data(root), tmp_path / "cache"))
    assert images.class_names == ("apple", "pear")
    assert images.photo_names == tuple(f"{name}/{number:03}.png" for name in ("apple", "pear") for number in range(4))
    assert images.labels_N.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert images.groups_N.tolist() == list(range(8))
    for pixels_HW3, name in zip(images.pixels_NHW3, images.photo_names, strict=True):
        assert np.array_equal(pixels_HW3, read_photo((root / name).read_bytes(), 16).pixels_HW3)


def test_manifest_tells_hashes_sizes_settings_and_names(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos")
    folder = prepare(folder_data(root), tmp_path / "cache")
    manifest = manifest_of(folder)
    assert manifest["settings"]["image_size"] == 16
    assert manifest["original_sizes"] == [[40, 30]] * 8
    assert len(set(manifest["content_hashes"])) == 8
    assert manifest["skipped"] == []
    assert folder.name == f"folder-16-{manifest['digest'][:16]}"


def test_parts_of_any_size_give_the_same_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_photos(tmp_path / "photos")
    (root / "apple/001.png").write_bytes(b"")
    whole = load_images(prepare(folder_data(root), tmp_path / "whole"))
    for part_size in (1, 3, 8):
        monkeypatch.setattr(decode_module, "PART_SIZE", part_size)
        parts = load_images(prepare(folder_data(root), tmp_path / f"parts{part_size}"))
        assert np.array_equal(parts.pixels_NHW3, whole.pixels_NHW3)
        assert parts.groups_N.tolist() == whole.groups_N.tolist()
        assert parts.photo_names == whole.photo_names


def test_progress_counts_every_photo_up_to_all(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    data = folder_data(write_photos(tmp_path / "photos"))
    prepare(data, tmp_path / "cache", progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {8}
    assert {done for done, _ in told} == set(range(1, 9))


# What is left out


def test_bad_photos_are_left_out_counted_and_listed_with_reasons(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos")
    (root / "apple/000.png").write_bytes(b"")
    (root / "apple/001.png").write_text("not a picture")
    content = (root / "pear/000.png").read_bytes()
    (root / "pear/000.png").write_bytes(content[: len(content) // 2])
    Image.new("RGB", (1, 50)).save(root / "pear/thin.png")
    Image.new("1", (14_000, 14_000)).save(root / "pear/bomb.png")
    (root / "pear/broken.jpg").symlink_to(root / "nowhere.jpg")
    os.mkfifo(root / "pear/pipe.jpg")
    (root / "notes.txt").write_text("a stray")
    folder = prepare(folder_data(root), tmp_path / "cache")
    images = load_images(folder)
    assert images.photo_names == ("apple/002.png", "apple/003.png", "pear/001.png", "pear/002.png", "pear/003.png")
    assert images.labels_N.tolist() == [0, 0, 1, 1, 1]
    reasons = {entry["name"]: entry["reason"] for entry in manifest_of(folder)["skipped"]}
    expected = {
        "apple/000.png": "empty",
        "apple/001.png": "not a picture",
        "pear/000.png": "cannot be decoded",
        "pear/thin.png": "too small: 1 x 50",
        "pear/bomb.png": "decompression bomb",
        "pear/broken.jpg": "cannot be read",
        "pear/pipe.jpg": "not a regular file",
        "notes.txt": "in no class folder",
    }
    assert reasons.keys() == expected.keys()
    for name, words in expected.items():
        assert words in reasons[name]
    manifest = manifest_of(folder)
    assert len(manifest["content_hashes"]) == len(manifest["original_sizes"]) == 5


def test_class_without_a_readable_photo_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", num_photos=2)
    for photo in (root / "pear").iterdir():
        photo.write_bytes(b"")
    with pytest.raises(ValueError, match=r"Class 'pear' has no readable photo .*pear/000.png.*the file is empty"):
        prepare(folder_data(root), tmp_path / "cache")
    assert everything_in(tmp_path / "cache") == []


def test_unfit_folder_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", classes=("apple",))
    with pytest.raises(ValueError, match="only one class folder"):
        prepare(folder_data(tmp_path / "photos"), tmp_path / "cache")
    assert everything_in(tmp_path / "cache") == []


# Killed

MOMENTS = [*(f"after {done} photos" for done in (1, 3, 4, 8)), "while joining", "before the manifest"]


@pytest.mark.parametrize("moment", [*MOMENTS, "before the folder appears"])
def test_killed_prepare_leaves_nothing_finished_and_the_next_one_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    root, cache = write_photos(tmp_path / "photos"), tmp_path / "cache"
    killed = run_python(PREPARE_IN_PARTS, root, cache, moment)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert all(name.startswith(".") for name in everything_in(cache))

    num_decoded = 0
    lock = threading.Lock()

    read = PhotoReaders.read

    def count(readers: PhotoReaders, path: Path) -> Photo:
        nonlocal num_decoded
        with lock:
            num_decoded += 1
        return read(readers, path)

    monkeypatch.setattr(PhotoReaders, "read", count)
    monkeypatch.setattr(decode_module, "PART_SIZE", 3)
    folder = prepare(folder_data(root), cache)
    assert num_decoded == {"after 1 photos": 8, "after 3 photos": 8, "after 4 photos": 5, "after 8 photos": 2}.get(
        moment, 0
    )
    assert everything_in(cache) == [folder.name]
    untroubled = load_images(prepare(folder_data(root), tmp_path / "untroubled"))
    images = load_images(folder)
    assert np.array_equal(images.pixels_NHW3, untroubled.pixels_NHW3)
    assert images.photo_names == untroubled.photo_names
    assert images.digest == untroubled.digest


def test_ctrl_c_leaves_no_reader_and_the_next_one_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = write_photos(tmp_path / "photos", num_photos=40), tmp_path / "cache"
    monkeypatch.setattr(decode_module, "PART_SIZE", 8)
    processes = []
    start = PhotoReaders._start
    monkeypatch.setattr(PhotoReaders, "_start", lambda readers: processes.append(start(readers)) or processes[-1])

    def interrupt(done: int, total: int) -> None:
        if done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder_data(root), cache, progress=interrupt)
    assert processes and all(process.poll() is not None for process in processes)
    assert len(list(cache.glob(".*.work/*.part.npz"))) == 1
    assert len(load_images(prepare(folder_data(root), cache)).photo_names) == 80


def test_parts_of_another_size_are_not_mistaken_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = write_photos(tmp_path / "photos"), tmp_path / "cache"
    run_python(PREPARE_IN_PARTS, root, cache, "while joining").communicate()
    monkeypatch.setattr(decode_module, "PART_SIZE", 6)
    images = load_images(prepare(folder_data(root), cache))
    untroubled = load_images(prepare(folder_data(root), tmp_path / "untroubled"))
    assert images.photo_names == untroubled.photo_names
    assert np.array_equal(images.pixels_NHW3, untroubled.pixels_NHW3)


def test_ncd_is_read_whole(tmp_path: Path) -> None:
    root = ncd_folder()
    folder = prepare(DataConfig(dataset="ncd", root=str(root), image_size=16), tmp_path)
    images, manifest = load_images(folder), manifest_of(folder)
    assert images.pixels_NHW3.shape == (720, 16, 16, 3)
    assert len(images.class_names) == 20
    assert manifest["skipped"] == []
    sizes = np.array(manifest["original_sizes"])
    assert [110, 121] in sizes.tolist()
    assert sizes.max() == 5120
    assert np.median(sizes[:, 0]) == 344
