"""Synthetic studies for every test of this room."""

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.tables import Tables, load
from tests.analysis.synthetic_study import write_study


@pytest.fixture
def study_dir(tmp_path: Path) -> Path:
    """A whole study: six replicates, joint better at colouring by 0.9, no difference in naming."""
    return write_study(tmp_path / "study", effects={"joint.color": -0.9})


@pytest.fixture
def tables(study_dir: Path) -> Tables:
    return load(study_dir)


@pytest.fixture
def make_tables(tmp_path: Path) -> Callable[..., Tables]:
    """Tables of a study with the given replicates, photos, effects, seed."""

    def make(name: str = "made", **settings: object) -> Tables:
        return load(write_study(tmp_path / name, **settings))  # type: ignore[arg-type]

    return make
