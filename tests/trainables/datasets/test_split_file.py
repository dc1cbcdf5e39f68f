"""class_folders.py: a person's own split, from the file to the cut."""

import json
from pathlib import Path

import pytest

from tests.trainables.photo_folders import write_photos
from trainables.config import DataConfig
from trainables.data.images import load_images
from trainables.data.splits import cut_replicate
from trainables.datasets.class_folders import read_split_file
from trainables.preparation.prepare import prepare


def written(folder: Path, text: str) -> Path:
    (folder / "split.csv").write_text(text, encoding="utf-8")
    return folder / "split.csv"


def test_photos_and_parts_are_read_however_the_table_was_written(tmp_path: Path) -> None:
    text = '\ufeffphoto, split ,by\n"a, b/1.jpg",Train,me\r\npear\\2.jpg, test ,you\n'
    assert read_split_file(written(tmp_path, text)) == {"a, b/1.jpg": "train", "pear/2.jpg": "test"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"must begin with a line naming the columns photo and split, but got \[\].*Example"),
        ("file,part\na,test\n", r"got \['file', 'part'\]"),
        ("photo,split\na,train\nb,tset\n", r"line 3: split must be one of \['train', 'val', 'test'\], but got 'tset'"),
        ("photo,split\na,train\na,test\n", "line 3: 'a' is named for train already"),
        ("photo,split\na,train\n", "must name photos for train and for test"),
        ("photo,split\na\n", "split must be one of"),
        ('photo,split\n"a,train\n', "not CSV|split must be one of"),
    ],
)
def test_what_is_no_split_is_refused_with_line_and_rule(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_split_file(written(tmp_path, text))


def test_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.csv' cannot be read"):
        read_split_file(tmp_path / "nowhere.csv")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ValueError, match="cannot be read"):
        read_split_file(tmp_path / "photo.jpg")


def test_study_is_cut_as_the_file_says_and_unnamed_photos_are_told(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", num_photos=5)
    rows = [f"{name}/{number:03}.png,{part}" for name in ("apple", "pear")
            for number, part in enumerate(("train", "train", "test", "train"))]  # fmt: skip
    path = written(tmp_path, "\n".join(["photo,split", *rows, "pear/gone.png,train"]))
    data = DataConfig(dataset="folder", root=str(root), image_size=16, split="file", split_file=str(path))
    folder = prepare(data, tmp_path / "cache")
    images = load_images(folder)
    skipped = {one["name"]: one["reason"] for one in json.loads((folder / "manifest.json").read_text())["skipped"]}
    assert skipped == {
        "apple/004.png": "not named in the split file",
        "pear/004.png": "not named in the split file",
        "pear/gone.png": "named in the split file, but not there",
    }
    cut = cut_replicate(images, data, 0)
    assert [images.photo_names[index] for index in cut.test] == ["apple/002.png", "pear/002.png"]
    assert len(cut.train) + len(cut.val) == 6
    path.write_text(path.read_text().replace("apple/001.png,train", "apple/001.png,val"))
    assert prepare(data, tmp_path / "cache") != folder


def test_file_of_other_photos_is_refused(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos")
    path = written(tmp_path, "photo,split\nApple1.jpg,train\nApple2.jpg,test\n")
    data = DataConfig(dataset="folder", root=str(root), image_size=16, split="file", split_file=str(path))
    with pytest.raises(ValueError, match=r"names none of the photos .*'Apple1\.jpg'.*'apple/000\.png'"):
        prepare(data, tmp_path / "cache")
