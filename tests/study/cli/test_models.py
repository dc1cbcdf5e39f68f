"""models.py: which files are coloured, and that none is ever replaced."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from study.cli.models import color_files, find_photos
from tests.trainables.datasets.test_photo import colorful, encoded
from tests.trainables.inference.test_colorizer import CLASSES, trained
from trainables.inference.colorizer import Colorizer, colorize_file


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer(trained(), CLASSES, image_size=32)


def write(path: Path, content: bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content or encoded(colorful()))
    return path


def test_a_folder_is_taken_whole_but_for_hidden_files_and_the_output_in_it(tmp_path: Path) -> None:
    output = tmp_path / "photos" / "colored"
    for name in ("b.png", "in/a.jpg", ".hidden.png", "colored/b.colored.png"):
        write(tmp_path / "photos" / name)
    found = find_photos([tmp_path / "photos"], output)
    assert [photo.name for photo, _ in found] == ["b.png", "a.jpg"]
    assert [target.relative_to(output).as_posix() for _, target in found] == ["b.colored.png", "in/a.colored.png"]


def test_two_photos_never_become_one_file(tmp_path: Path) -> None:
    write(tmp_path / "a.png"), write(tmp_path / "a.jpg"), write(tmp_path / "in" / "a.png")
    found = find_photos([tmp_path / "a.png", tmp_path / "a.jpg"], tmp_path / "out")
    assert [target.name for _, target in found] == ["a.png.colored.png", "a.jpg.colored.png"]
    with pytest.raises(ValueError, match="would both become"):
        find_photos([tmp_path / "a.png", tmp_path / "in" / "a.png"], tmp_path / "out")


def test_a_photo_is_never_replaced_not_even_through_a_link(tmp_path: Path) -> None:
    photo, second = write(tmp_path / "a.png"), write(tmp_path / "a.colored.png")
    with pytest.raises(ValueError, match=r"would replace the photo .*a\.colored\.png: choose another --output"):
        find_photos([photo, second], tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="would replace the photo"):
        find_photos([photo, second], tmp_path / "link")


@pytest.mark.parametrize("given", ["missing.png", "empty"])
def test_nothing_to_colour_is_an_error(tmp_path: Path, given: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"does not exist|There is no photo"):
        find_photos([tmp_path / given], tmp_path / "out")


def test_a_broken_photo_is_told_and_the_others_are_coloured(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.cli.models.MAX_BATCH", 2)
    names = ["1.png", "2.png", "broken.png", "3.png"]
    for number, name in enumerate(names):
        write(tmp_path / name, encoded(colorful(40, 50, number)) if name != "broken.png" else b"no photo")
    files = find_photos([tmp_path / name for name in names], tmp_path / "out")
    rows = {Path(row["photo"]).name: row for row in color_files(colorizer, files)}
    assert sorted(rows) == sorted(names) and "not a picture" in rows["broken.png"]["error"]
    assert not (tmp_path / "out" / "broken.colored.png").exists()
    for name in ("1.png", "2.png", "3.png"):
        expected = colorize_file(colorizer, (tmp_path / name).read_bytes())
        written = np.asarray(Image.open(io.BytesIO(Path(rows[name]["output"]).read_bytes())))
        assert np.abs(written.astype(int) - expected.pixels_HW3).max() <= 1
        assert rows[name]["class"] == expected.class_name
        assert rows[name]["probability"] == pytest.approx(expected.probability, abs=1e-5)
        json.dumps(rows[name])
