"""trainables/checkpoint.py: always whole, and never code."""

import os
import pickle
from pathlib import Path

import pytest
import torch

from trainables.checkpoint import load_checkpoint, save_checkpoint


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    weights = torch.rand(3)
    save_checkpoint(tmp_path / "c.pt", {"epoch": 3, "network": {"w": weights}})
    state = load_checkpoint(tmp_path / "c.pt")
    assert state is not None and state["epoch"] == 3 and torch.equal(state["network"]["w"], weights)
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_no_checkpoint_is_a_fresh_start(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "c.pt") is None


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"format": 1, "network": Bomb()}, tmp_path / "c.pt")
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(tmp_path / "c.pt")
    assert not (tmp_path / "ran").exists()


def test_another_format_is_refused(tmp_path: Path) -> None:
    torch.save({"format": 99}, tmp_path / "c.pt")
    with pytest.raises(ValueError, match="another format than 1"):
        load_checkpoint(tmp_path / "c.pt")
