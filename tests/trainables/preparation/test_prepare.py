"""prepare.py: what names a folder, who prepares it, and that two at once do no harm."""

import contextlib
import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import trainables.preparation.decode as decode_module
import trainables.preparation.prepare as prepare_module
from tests.trainables.photo_folders import (
    PREPARE_IN_PARTS,
    everything_in,
    folder_data,
    manifest_of,
    orchard_data,
    run_python,
    write_photos,
)
from trainables.config import DataConfig
from trainables.data.images import load_images
from trainables.data.trial_data import trial_data
from trainables.preparation.photo_readers import PhotoReaders
from trainables.preparation.prepare import DATASETS, prepare

# Refused


def test_data_set_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"'analytic' has no photos to prepare.*\['folder', 'ncd', 'orchard', 'stanford_dogs'\]"
    ):
        prepare(DataConfig(dataset="analytic"), tmp_path)


def test_cache_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for cache in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ValueError, match=r"cannot be prepared in the cache folder .*choose another folder"):
            prepare(orchard_data(), cache)


def test_cache_without_write_permission_is_refused(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o555)
    code = """
        import os, sys
        from pathlib import Path
        from trainables.config import DataConfig
        from trainables.preparation.prepare import prepare
        if os.geteuid() == 0:  # root may write anywhere
            os.setuid(65534)
        try:
            prepare(DataConfig(image_size=16, num_classes=2, photos_per_class=3), Path(sys.argv[1]))
        except ValueError as error:
            print(error)
    """
    out, err = run_python(code, cache).communicate()
    assert "cannot be prepared in the cache folder" in out, err
    assert "Permission denied" in out
    assert len(out.splitlines()) == 1


# Keyed by content


def prepared_as(data: DataConfig, tmp_path: Path) -> tuple[str, str]:
    folder = prepare(data, tmp_path / "cache")
    return folder.name, manifest_of(folder)["digest"]


def test_same_photos_elsewhere_and_touched_give_the_same_folder(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos")
    shutil.copytree(root, tmp_path / "copy", copy_function=shutil.copyfile)
    os.utime(tmp_path / "copy/apple/000.png", (0, 0))
    (tmp_path / "copy/.DS_Store").write_bytes(b"x")
    assert prepared_as(folder_data(root), tmp_path) == prepared_as(folder_data(tmp_path / "copy"), tmp_path)


def test_settings_of_the_study_do_not_change_the_folder(tmp_path: Path) -> None:
    root = str(write_photos(tmp_path / "photos"))
    first = DataConfig(dataset="folder", root=root, image_size=16)
    second = DataConfig(dataset="folder", root=root, image_size=16, seed=7, test_share=0.4, val_share=0.3)
    assert prepared_as(first, tmp_path) == prepared_as(second, tmp_path)


def change_one_pixel(root: Path) -> None:
    with Image.open(root / "apple/000.png") as image:
        changed = image.copy()
    red, green, blue = changed.getpixel((3, 3))  # type: ignore[misc]
    changed.putpixel((3, 3), (red ^ 1, green, blue))
    changed.save(root / "apple/000.png")


def append_one_byte(root: Path) -> None:
    with (root / "apple/000.png").open("ab") as file:
        file.write(b"\0")


def swap_two_photos(root: Path) -> None:
    (root / "apple/000.png").rename(root / "aside.png")
    (root / "pear/000.png").rename(root / "apple/000.png")
    (root / "aside.png").rename(root / "pear/000.png")


CHANGES = {
    "one pixel": change_one_pixel,
    "one byte": append_one_byte,
    "swapped": swap_two_photos,
    "renamed": lambda root: (root / "apple/000.png").rename(root / "apple/0000.png"),
    "removed": lambda root: (root / "apple/000.png").unlink(),
    "unreadable one added": lambda root: (root / "apple/new.png").write_bytes(b""),
    "class renamed": lambda root: (root / "apple").rename(root / "quince"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_the_photos_gives_another_folder(tmp_path: Path, change: str) -> None:
    root = write_photos(tmp_path / "photos")
    before = prepared_as(folder_data(root), tmp_path)
    CHANGES[change](root)
    after = prepared_as(folder_data(root), tmp_path)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_another_size_gives_another_folder(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos")
    assert prepared_as(folder_data(root, 16), tmp_path)[1] != prepared_as(folder_data(root, 24), tmp_path)[1]


def test_orchard_is_keyed_by_what_is_drawn(tmp_path: Path) -> None:
    changes: list[dict[str, float]] = [{}, {"seed": 1}, {"coupling": 0.5}, {"photos_per_class": 5}, {"image_size": 24}]
    digests = [prepared_as(orchard_data(**change), tmp_path)[1] for change in [*changes, {"test_share": 0.4}]]
    assert len(set(digests)) == len(changes)
    assert digests[0] == digests[-1]


def test_prepared_photos_are_found_again_without_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folder_data(write_photos(tmp_path / "photos"))
    folder = prepare(data, tmp_path / "cache")
    written = (folder / "pixels.npy").stat().st_mtime_ns

    def refuse(readers: PhotoReaders, path: Path) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(PhotoReaders, "read", refuse)
    told: list[tuple[int, int]] = []
    assert prepare(data, tmp_path / "cache", progress=lambda done, total: told.append((done, total))) == folder
    assert told == [(8, 8)]
    assert (folder / "pixels.npy").stat().st_mtime_ns == written


def test_photos_of_a_known_digest_are_taken_without_the_originals(tmp_path: Path) -> None:
    data = folder_data(write_photos(tmp_path / "photos"))
    folder = prepare(data, tmp_path / "cache")
    digest = manifest_of(folder)["digest"]
    shutil.rmtree(tmp_path / "photos")
    assert prepare(data, tmp_path / "cache", digest=digest) == folder
    with pytest.raises(ValueError, match="is not a folder"):
        prepare(data, tmp_path / "cache", digest="0" * 64)


def test_orchard_is_drawn_with_its_defaults_and_no_copies(tmp_path: Path) -> None:
    folder = prepare(DataConfig(image_size=16), tmp_path)
    images = load_images(folder)
    assert len(images.labels_N) == 360
    assert images.groups_N.tolist() == list(range(360))
    settings = manifest_of(folder)["settings"]
    assert (settings["num_classes"], settings["photos_per_class"], settings["coupling"]) == (6, 60, 0.9)


# Chroma


def test_folder_without_chroma_gets_it_and_keeps_all_else(tmp_path: Path) -> None:
    data = folder_data(write_photos(tmp_path / "photos"))
    folder = prepare(data, tmp_path / "cache")
    chroma = np.load(folder / "chroma.npy")
    (folder / "chroma.npy").unlink()
    written = (folder / "pixels.npy").stat().st_mtime_ns
    assert prepare(data, tmp_path / "cache") == folder
    assert np.array_equal(np.load(folder / "chroma.npy"), chroma)
    assert (folder / "pixels.npy").stat().st_mtime_ns == written


def test_pale_training_photos_take_no_part_in_the_colour_loss(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", num_photos=8)
    with Image.open(root / "apple/003.png") as image:
        image.convert("L").convert("RGB").save(root / "apple/003.png")
    images = load_images(prepare(folder_data(root), tmp_path / "cache"))
    pale = dataclasses.replace(folder_data(root), min_chroma=4.0)
    colorful_N = trial_data(images, pale, replicate=0, with_test=False).colorful_N
    assert colorful_N is not None
    assert [images.photo_names[index] for index in np.flatnonzero(~colorful_N)] == ["apple/003.png"]
    assert trial_data(images, folder_data(root), replicate=0, with_test=False).colorful_N is None
    with pytest.raises(ValueError, match="min_chroma 500 leaves no training photo"):
        trial_data(images, dataclasses.replace(pale, min_chroma=500.0), replicate=0, with_test=False)


# Two at once


def test_three_processes_at_once_do_no_harm(tmp_path: Path) -> None:
    root, cache = write_photos(tmp_path / "photos", num_photos=12), tmp_path / "cache"
    processes = [run_python(PREPARE_IN_PARTS, root, cache, "never") for _ in range(3)]
    outcomes = [process.communicate() for process in processes]
    folders = {out.strip() for out, _ in outcomes}
    assert [process.returncode for process in processes] == [0, 0, 0], outcomes
    # One decodes, the others wait for it: a node reads its photos once.
    assert sorted(err.count("decoded") for _, err in outcomes) == [0, 0, 24]
    assert len(folders) == 1
    assert everything_in(cache) == [Path(folders.pop()).name]


STEPS = {
    "work_folder": prepare_module,
    "assemble": prepare_module,
    "write_part": decode_module,
    "link_copies": decode_module,
    "write_manifest": decode_module,
}


@pytest.mark.parametrize("step", STEPS)
def test_process_overtaken_at_any_step_takes_the_others_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    data, cache = folder_data(write_photos(tmp_path / "photos")), tmp_path / "cache"
    original = getattr(STEPS[step], step)
    others: list[Path] = []
    # As on a file system without locks.
    monkeypatch.setattr(prepare_module, "alone", lambda cache, key: contextlib.nullcontext())

    def overtaken(*arguments: object, **named: object) -> object:
        monkeypatch.setattr(STEPS[step], step, original)
        others.append(prepare(data, cache))  # it finishes, and takes our work in progress away
        return original(*arguments, **named)

    monkeypatch.setattr(STEPS[step], step, overtaken)
    assert prepare(data, cache) == others[0]
    assert everything_in(cache) == [others[0].name]
    assert len(load_images(others[0]).labels_N) == 8


def test_every_data_set_with_photos_survives_being_prepared_twice(tmp_path: Path) -> None:
    root = str(write_photos(tmp_path / "photos"))
    for dataset in sorted(set(DATASETS) - {"stanford_dogs"}):  # which has a layout and tests of its own
        data = DataConfig(dataset=dataset, image_size=16, root=None if dataset == "orchard" else root)
        folders = [prepare(data, tmp_path / "cache") for _ in range(2)]
        assert folders[0] == folders[1]
        assert folders[0].name.startswith(f"{dataset}-16-")
        assert load_images(folders[0]).digest == load_images(prepare(data, tmp_path / "other")).digest
