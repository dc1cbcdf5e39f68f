"""photo_readers.py: the same photos as without it, and what becomes of those that end their reader."""

import io
import os
import pickle
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainables.photo_folders import run_python, write_photos
from trainables.config import DataConfig
from trainables.data.images import load_images
from trainables.datasets.photo import UnreadablePhotoError, read_photo
from trainables.preparation import photo_readers as photo_readers_module
from trainables.preparation.photo_readers import PhotoReaders
from trainables.preparation.prepare import prepare


def never_ending_jpeg(path: Path, num_scans: int = 20_000) -> Path:
    """A picture of 16 million pixels in half a megabyte, drawn a little better 20,000 times: hours of decoding."""
    Image.new("L", (4000, 4000), 128).save(path, progressive=True)
    content = path.read_bytes()
    scan = content[content.rindex(b"\xff\xda") : -2]
    path.write_bytes(content[:-2] + scan[:20] * num_scans + content[-2:])
    return path


def damaged_copies(folder: Path, contents: list[tuple[str, bytes]], num_copies: int) -> list[Path]:
    generator = np.random.default_rng(0)
    files = []
    for number in range(num_copies):
        suffix, content = contents[number % len(contents)]
        damaged = np.frombuffer(content, np.uint8).copy()
        reach = len(damaged) if generator.random() < 0.5 else min(len(damaged), 300)
        places = generator.integers(0, reach, generator.integers(1, 20))
        damaged[places] = generator.integers(0, 256, len(places))
        end = len(damaged) if generator.random() < 0.7 else int(generator.integers(0, len(damaged)))
        files.append(folder / f"{number:03}.{suffix}")
        files[-1].write_bytes(damaged[:end].tobytes())
    return files


def test_photos_and_reasons_are_those_of_read_photo(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos\nof two lines", num_photos=2)
    (root / "pear/000.png").write_bytes(b"")
    with PhotoReaders(24, 2) as readers:
        for name in ("apple/000.png", "apple/001.png", "pear/001.png"):
            photo, expected = readers.read(root / name), read_photo((root / name).read_bytes(), 24)
            for field in ("original_size", "orientation", "chroma", "format_name"):
                assert getattr(photo, field) == getattr(expected, field)
            assert np.array_equal(photo.pixels_HW3, expected.pixels_HW3)
            assert np.array_equal(photo.thumbnails_2GG3, expected.thumbnails_2GG3)
        for name, reason in (("pear/000.png", "the file is empty"), ("pear", "not a regular file"), ("x", "No such")):
            with pytest.raises(UnreadablePhotoError, match=reason):
                readers.read(root / name)


@pytest.mark.timeout(120)
def test_photo_that_never_ends_is_left_out_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_readers_module, "SECONDS_PER_PHOTO", 0.5)
    root = write_photos(tmp_path / "photos", num_photos=3)
    never_ending_jpeg(root / "apple/endless.jpg")
    images = load_images(prepare(DataConfig(dataset="folder", root=str(root), image_size=16), tmp_path / "cache"))
    assert len(images.photo_names) == 6 and "apple/endless.jpg" not in images.photo_names
    with PhotoReaders(16, 1) as readers, pytest.raises(UnreadablePhotoError, match=r"takes more than 0\.5 seconds"):
        readers.read(root / "apple/endless.jpg")


def signal_all(readers: PhotoReaders, number: signal.Signals, times: int) -> threading.Thread:
    """Ends each of the next so many readers, as a decoder gone astray would."""

    def send() -> None:
        for index in range(times):
            while len(readers._processes) <= index:
                time.sleep(0.01)
            os.kill(readers._processes[index].pid, number)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.timeout(120)
def test_photo_that_crashes_its_reader_is_tried_twice_and_left_out(tmp_path: Path) -> None:
    root, endless = write_photos(tmp_path / "photos"), never_ending_jpeg(tmp_path / "endless.jpg")
    with PhotoReaders(16, 1) as readers:
        thread = signal_all(readers, signal.SIGSEGV, times=2)
        with pytest.raises(UnreadablePhotoError, match=r"crashes the decoder \(SIGSEGV\)"):
            readers.read(endless)
        thread.join()
        assert readers.read(root / "apple/000.png").original_size == (40, 30)
        assert len(readers._processes) == 3


@pytest.mark.timeout(120)
def test_reader_killed_from_outside_says_nothing_of_the_photo(tmp_path: Path) -> None:
    with PhotoReaders(16, 1) as readers:
        thread = signal_all(readers, signal.SIGKILL, times=1)
        with pytest.raises(ChildProcessError, match=r"endless\.jpg' ended with SIGKILL.*memory"):
            readers.read(never_ending_jpeg(tmp_path / "endless.jpg"))
        thread.join()


@pytest.mark.timeout(120)
def test_reader_killed_while_it_answers_costs_no_other_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = write_photos(tmp_path / "photos") / "apple/000.png"
    load = pickle.load
    with PhotoReaders(512, 1) as readers:

        def kill_and_load(answers: io.BufferedReader) -> object:
            answers.peek(1)  # The rest of the answer is larger than the pipe.
            readers._processes[-1].kill()
            return load(answers)

        with monkeypatch.context() as patch, pytest.raises(ChildProcessError, match="ended with SIGKILL"):
            patch.setattr(pickle, "load", kill_and_load)
            readers.read(photo)
        assert readers.read(photo).pixels_HW3.shape == (512, 512, 3)


def test_readers_end_with_the_block_and_are_not_started_after_it(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos")
    with PhotoReaders(16, 2) as readers:
        readers.read(root / "apple/000.png")
        (process,) = readers._processes
        assert process.poll() is None
    assert process.poll() is not None
    with pytest.raises(ChildProcessError, match="given up"):
        readers.read(root / "apple/000.png")


READ_AND_WAIT = """
    import sys, time
    from pathlib import Path
    from trainables.preparation.photo_readers import PhotoReaders
    readers = PhotoReaders(16, 1)
    readers.read(Path(sys.argv[1]))
    print(readers._processes[0].pid, flush=True)
    time.sleep(600)
"""


def has_ended(process_id: int) -> bool:
    """A process that nobody has asked about yet is ended too."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.timeout(120)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the state of other processes is read from /proc")
def test_reader_ends_with_a_process_that_was_killed(tmp_path: Path) -> None:
    starter = run_python(READ_AND_WAIT, write_photos(tmp_path / "photos") / "apple/000.png")
    assert starter.stdout is not None
    reader_id = int(starter.stdout.readline())
    assert not has_ended(reader_id)
    starter.kill()
    starter.communicate()
    while not has_ended(reader_id):
        time.sleep(0.05)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_500_damaged_photos_are_read_or_left_out_and_end_no_reader(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    contents = []
    for suffix, options in (
        ("jpg", {}), ("jpg", {"progressive": True}), ("png", {}), ("gif", {}), ("tif", {"compression": "tiff_lzw"}),
        ("tif", {}), ("bmp", {}), ("webp", {}), ("webp", {"lossless": True}), ("ppm", {}),
    ):  # fmt: skip
        small = Image.fromarray(generator.integers(0, 256, (9, 9, 3), dtype=np.uint8))
        small.resize((90, 70), Image.Resampling.BICUBIC).save(tmp_path / f"one.{suffix}", **options)
        contents.append((suffix, (tmp_path / f"one.{suffix}").read_bytes()))
    if "TINTUNE_DATA" in os.environ:
        real = sorted(Path(os.environ["TINTUNE_DATA"], "ncd", "ColorfulOriginal").glob("*/*.jpg"))[::60]
        contents += [("jpg", path.read_bytes()) for path in real]
    num_read, reasons = 0, []
    with PhotoReaders(32, 1) as readers:
        for file in damaged_copies(tmp_path, contents, 500):
            try:
                num_read += readers.read(file).pixels_HW3.shape == (32, 32, 3)
            except UnreadablePhotoError as error:
                reasons.append(str(error))
        assert len(readers._processes) == 1
    assert num_read + len(reasons) == 500 and num_read > 50 and len(reasons) > 50
    assert not [reason for reason in reasons if "crashes" in reason or "seconds" in reason]
