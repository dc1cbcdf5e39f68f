import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

import trainables.decode as decode_module
import trainables.prepare as prepare_module
from trainables.config import DataConfig
from trainables.images import load_images
from trainables.photo_folder import read_photo
from trainables.prepare import DATASETS, prepare
from trainables.trial_data import trial_data


def write_photos(root: Path, num_photos: int = 4, classes: tuple[str, ...] = ("apple", "pear")) -> Path:
    generator = np.random.default_rng(0)
    for class_name in classes:
        (root / class_name).mkdir(parents=True)
        for number in range(num_photos):
            small = Image.fromarray(generator.integers(0, 256, (7, 7, 3), dtype=np.uint8))
            small.resize((40, 30), Image.Resampling.BICUBIC).save(root / class_name / f"{number:03}.png")
    return root


def folder_data(root: Path, image_size: int = 16) -> DataConfig:
    return DataConfig(dataset="folder", root=str(root), image_size=image_size)


def orchard_data(**changes: float) -> DataConfig:
    return DataConfig(**{"image_size": 16, "num_classes": 2, "photos_per_class": 4, **changes})  # type: ignore[arg-type]


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def everything_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


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


def test_orchard_is_drawn_with_its_defaults_and_no_copies(tmp_path: Path) -> None:
    folder = prepare(DataConfig(image_size=16), tmp_path)
    images = load_images(folder)
    assert len(images.labels_N) == 360
    assert images.groups_N.tolist() == list(range(360))
    settings = manifest_of(folder)["settings"]
    assert (settings["num_classes"], settings["photos_per_class"], settings["coupling"]) == (6, 60, 0.9)


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


def run_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(prepare_module.__file__).parents[1],
    )


def test_cache_without_write_permission_is_refused(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o555)
    code = """
        import os, sys
        from pathlib import Path
        from trainables.config import DataConfig
        from trainables.prepare import prepare
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

    def refuse(content: bytes, image_size: int) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(decode_module, "read_photo", refuse)
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


# Chroma


def test_chroma_is_what_a_twentieth_of_the_pixels_exceed() -> None:
    grey = np.full((20, 20, 3), 90, np.uint8)
    photos = np.stack([grey, grey, grey, colors_on(grey, 19), colors_on(grey, 21)])
    photos[1, :, :, 0] = 200
    photos[2] = np.random.default_rng(0).integers(0, 256, (20, 20, 3))
    lab = rgb2lab(photos / 255)
    expected = [np.sort(np.hypot(one[..., 1], one[..., 2]).ravel())[380] for one in lab]
    chroma = decode_module.measure_chroma(photos)
    assert np.allclose(chroma, expected, atol=0.02)
    # 20 of 400 pixels are the twentieth.
    assert chroma[0] < 0.1 and chroma[3] < 0.1 and chroma[4] > 50


def colors_on(grey: np.ndarray, num_pixels: int) -> np.ndarray:
    picture = grey.copy()
    picture.reshape(-1, 3)[:num_pixels] = (250, 20, 20)
    return picture


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


# Killed, and two at once

PREPARE_IN_PARTS = """
    import os, signal, sys
    from pathlib import Path
    import numpy as np
    import trainables.decode as decode_module
    import trainables.prepare as prepare_module
    from trainables.config import DataConfig
    root, cache, moment = sys.argv[1:4]
    decode_module.PART_SIZE = 3

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    def progress(done, total):
        if moment == f"after {done} photos":
            die()

    if moment == "while joining":
        decode_module.link_copies = die
    if moment == "before the manifest":
        decode_module.write_manifest = die
    if moment == "before the folder appears":
        os.rename = die
    data = DataConfig(dataset="folder", root=root, image_size=16)
    read_photo = decode_module.read_photo

    def count(content, image_size):
        print("decoded", file=sys.stderr)
        return read_photo(content, image_size)

    decode_module.read_photo = count
    print(prepare_module.prepare(data, Path(cache), progress=progress))
"""
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

    def count(content: bytes, image_size: int) -> object:
        nonlocal num_decoded
        with lock:
            num_decoded += 1
        return read_photo(content, image_size)

    monkeypatch.setattr(decode_module, "read_photo", count)
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


def test_parts_of_another_size_are_not_mistaken_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = write_photos(tmp_path / "photos"), tmp_path / "cache"
    run_python(PREPARE_IN_PARTS, root, cache, "while joining").communicate()
    monkeypatch.setattr(decode_module, "PART_SIZE", 6)
    images = load_images(prepare(folder_data(root), cache))
    untroubled = load_images(prepare(folder_data(root), tmp_path / "untroubled"))
    assert images.photo_names == untroubled.photo_names
    assert np.array_equal(images.pixels_NHW3, untroubled.pixels_NHW3)


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


def test_ncd_is_read_whole(tmp_path: Path) -> None:
    if "HUERISTIC_DATA" not in os.environ:
        pytest.skip("HUERISTIC_DATA does not name the folder that holds ncd/ColorfulOriginal")
    root = Path(os.environ["HUERISTIC_DATA"]) / "ncd" / "ColorfulOriginal"
    folder = prepare(DataConfig(dataset="ncd", root=str(root), image_size=16), tmp_path)
    images, manifest = load_images(folder), manifest_of(folder)
    assert images.pixels_NHW3.shape == (720, 16, 16, 3)
    assert len(images.class_names) == 20
    assert manifest["skipped"] == []
    sizes = np.array(manifest["original_sizes"])
    assert [110, 121] in sizes.tolist()
    assert sizes.max() == 5120
    assert np.median(sizes[:, 0]) == 344
