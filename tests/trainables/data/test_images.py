import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from trainables.config import DataConfig
from trainables.data.images import load_images
from trainables.preparation.prepare import prepare


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepare(DataConfig(image_size=16, num_classes=2, photos_per_class=3), tmp_path)


def test_pixels_are_mapped_and_cannot_be_written(folder: Path) -> None:
    images = load_images(folder)
    assert isinstance(images.pixels_NHW3, np.memmap)
    assert images.pixels_NHW3.shape == (6, 16, 16, 3)
    with pytest.raises(ValueError, match="read-only"):
        images.pixels_NHW3[0] = 0


def test_arrays_agree_with_the_manifest(folder: Path) -> None:
    images = load_images(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert images.photo_names == tuple(manifest["photo_names"])
    assert images.class_names == ("circle", "square")
    assert images.digest == manifest["digest"]
    assert images.labels_N.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.labels_N.dtype == images.groups_N.dtype == np.int64


@pytest.mark.parametrize("missing", ["manifest.json", "pixels.npy", "labels.npy", "groups.npy"])
def test_unfinished_folder_is_refused_with_the_remedy(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(ValueError, match=r"is not a finished folder.*prepare the data again"):
        load_images(folder)


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a finished folder"):
        load_images(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["manifest.json", "pixels.npy", "labels.npy"])
def test_cut_off_file_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="is not a finished folder"):
        load_images(folder)


@pytest.mark.parametrize("field", ["labels_N", "groups_N", "photo_names"])
def test_lengths_must_agree(folder: Path, field: str) -> None:
    images = load_images(folder)
    with pytest.raises(AssertionError):
        dataclasses.replace(images, **{field: getattr(images, field)[:-1]})
