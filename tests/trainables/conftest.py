"""A small data set that every test of a trial can train on."""

import dataclasses
from pathlib import Path

import pytest

from trainables.config import DataConfig
from trainables.data.images import Images, load_images
from trainables.preparation.prepare import prepare

ORCHARD = DataConfig(dataset="orchard", image_size=32, num_classes=4, photos_per_class=16, coupling=1.0)


@pytest.fixture(scope="session")
def orchard(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """64 shapes of four kinds at 32 px, each kind with its own hue."""
    folder: Path = prepare(ORCHARD, tmp_path_factory.mktemp("cache"))
    return load_images(folder)


@pytest.fixture(scope="session")
def larger_orchard(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """128 shapes of the same four kinds at 64 px."""
    larger = dataclasses.replace(ORCHARD, image_size=64, photos_per_class=32)
    return load_images(prepare(larger, tmp_path_factory.mktemp("cache")))
