"""checkpoint.py: always whole, and never code."""

import errno
import os
import pickle
import resource
from pathlib import Path

import pytest
import torch

from trainables.training.checkpoint import load_checkpoint, save_checkpoint


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


def test_a_full_disk_is_named_and_leaves_the_old_checkpoint_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"weights": torch.zeros(10)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Beyond this size the system refuses to let a file grow, as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised:
            save_checkpoint(path, {"weights": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.errno == errno.EFBIG
    loaded = load_checkpoint(path)
    assert loaded is not None and len(loaded["weights"]) == 10
    assert [child.name for child in tmp_path.iterdir()] == ["checkpoint.pt"]
