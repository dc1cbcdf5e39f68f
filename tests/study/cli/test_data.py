"""`data prepare`, `data check` and `data colors`: from archives and folders to photos, and what a person is told."""

import csv
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from tests.study.analytic import TEXT
from tests.study.cli.test_main import make_photos, refused
from tests.study.command_here import here
from tests.study.commands import write_study
from tests.trainables.dogs_tree import BREEDS, write_archives, write_dogs


@pytest.fixture
def ncd_zip(tmp_path: Path) -> Path:
    make_photos(tmp_path, {"Apple": 6, "Pear": 6})
    with zipfile.ZipFile(tmp_path / "ColorfulOriginal.zip", "w") as packed:
        for path in sorted((tmp_path / "photos").rglob("*.png")):
            packed.write(path, Path("ColorfulOriginal") / path.relative_to(tmp_path / "photos"))
    shutil.rmtree(tmp_path / "photos")
    return tmp_path / "ColorfulOriginal.zip"


def done(folder: Path, *arguments: str | Path) -> str:
    finished = here(folder, *arguments)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_ncd_from_its_zip_then_a_study_on_what_is_printed(tmp_path: Path, ncd_zip: Path) -> None:
    command = ("data", "prepare", "ncd", "--source", ncd_zip, "--image-size", "32")
    first = done(tmp_path, *command)
    assert "12 photos of 2 classes" in first
    root = tmp_path / "data" / "ncd" / "ColorfulOriginal"
    assert len(list(root.rglob("*.png"))) == 12
    line = re.search(r"data: \{.*\}", first)
    assert line is not None and str(root) in line[0]
    assert done(tmp_path, *command) == first
    study = write_study(tmp_path, TEXT.replace("data: {dataset: analytic}", line[0]))
    assert "12 photos of 2 classes" in done(tmp_path, "data", "prepare", study)


def test_dogs_from_their_three_archives(tmp_path: Path) -> None:
    write_dogs(tmp_path / "tree", breeds=BREEDS[:3], num_train=4)
    write_archives(tmp_path / "tree", tmp_path / "downloads")
    command = ("data", "prepare", "stanford_dogs", "--source", tmp_path / "downloads", "--image-size", "16")
    printed = done(tmp_path, *command, "--to", tmp_path / "dogs")
    assert "18 photos of 3 classes" in printed
    assert (tmp_path / "dogs" / "Annotation").is_dir() and str(tmp_path / "dogs") in printed
    again = done(tmp_path, "data", "prepare", "stanford_dogs", "--source", tmp_path / "dogs", "--image-size", "16")
    assert again == printed


def test_any_folder_with_a_split_file(tmp_path: Path) -> None:
    make_photos(tmp_path, {"Apple": 6, "Pear": 6})
    with (tmp_path / "split.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["photo", "split"])
        for name in ("Apple", "Pear"):
            writer.writerows([f"{name}/{name}{number}.png", "test" if number > 3 else "train"] for number in range(6))
    options = ("--source", tmp_path / "photos", "--split-file", "split.csv", "--image-size", "16")
    printed = done(tmp_path, "data", "prepare", "folder", *options)
    assert "4 in the test pool, 6 to train on and 2 to choose" in printed
    assert f"split: file, split_file: {tmp_path / 'split.csv'}" in printed


def test_check_shows_tables_and_writes_pictures_that_no_name_can_break(tmp_path: Path) -> None:
    make_photos(tmp_path, {"Apple": 6, "Pear [red]<b>": 6})
    photos = tmp_path / "photos"
    shutil.copy(photos / "Apple" / "Apple0.png", photos / "Pear [red]<b>" / "copy.png")
    (photos / "Apple" / "broken<script>.png").write_bytes(b"")
    printed = done(tmp_path, "data", "check", "folder", "--source", photos, "--image-size", "16")
    assert "identical files across classes" in printed and "Pear [red]<b>" in printed
    page = (tmp_path / "data-check.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2
    assert "<script>" not in page and "<b>" not in page and "broken&lt;script&gt;.png" in page


def test_check_of_sound_photos_finds_nothing(tmp_path: Path) -> None:
    make_photos(tmp_path, {"Apple": 6, "Pear": 6})
    printed = done(tmp_path, "data", "check", "folder", "--source", "photos", "--output", "page.html")
    assert "nothing" in printed and (tmp_path / "page.html").is_file()


def test_colors_of_photos_that_no_name_can_break(tmp_path: Path) -> None:
    for category, color in (("Apple", (200, 40, 40)), ("Pear [red]<b>", (90, 160, 40))):
        (tmp_path / "photos" / category).mkdir(parents=True)
        for number in range(4):
            photo = Image.new("RGB", (24, 24), "white")
            photo.paste(color, (0, 0, 24, 12 + number))
            photo.save(tmp_path / "photos" / category / f"{number}.png")
    printed = done(tmp_path, "data", "colors", "folder", "--source", "photos", "--image-size", "24")
    assert "red 100%" in printed and "Pear [red]<b>" in printed and "A network that hedges would paint" in printed
    page = (tmp_path / "data-colors.html").read_text()
    assert "#c82828" in page and "#5aa028" in page and "Pear [red]&lt;b&gt;" in page and "<b>" not in page


def test_a_formula_has_no_colors(tmp_path: Path) -> None:
    assert "has no photos" in refused(tmp_path, "data", "colors", write_study(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ncd",), ("--source must say", "ColorSurvey", "ColorfulOriginal.zip")),
        (("stanford_dogs",), ("--source must say", "ImageNetDogs", "lists.tar")),
        (("stanford_dogs", "--source", "."), ("neither Images nor images.tar", "ImageNetDogs")),
        (("ncd", "--source", "nowhere.zip"), ("'nowhere.zip' does not exist", "ColorSurvey")),
        (("ncd", "--source", "text.zip"), ("neither a folder nor a zip or tar file",)),
        (("folder", "--source", ".", "--to", "x"), ("--to has no effect",)),
        (("folder", "--source", ".", "--set", "seed=1"), ("--set goes with a study file",)),
        (("study.yaml", "--image-size", "32"), ("--image-size goes with a data set", "--set data.root=DIR")),
        (("imagenet",), ("neither a study file nor a study of the catalogue", "Nor is it a data set", "stanford_dogs")),
    ],
)
@pytest.mark.parametrize("command", ["prepare", "check", "colors"])
def test_what_cannot_be_is_refused_with_the_remedy(
    tmp_path: Path, command: str, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    write_study(tmp_path)
    (tmp_path / "text.zip").write_text("not an archive")
    message = refused(tmp_path, "data", command, *arguments)
    assert all(word in message for word in words), message


def test_hostile_archive_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as packed:
        packed.writestr("../evil.jpg", b"x")
    message = refused(tmp_path, "data", "prepare", "folder", "--source", tmp_path / "photos.zip")
    assert "outside the target" in message
    assert [path.name for path in tmp_path.rglob("*")] == ["photos.zip", "data"]
