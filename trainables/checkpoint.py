"""Everything needed to continue a trial exactly, in one file that is always whole."""

import os
from pathlib import Path
from typing import Any

import torch

FORMAT = 1
"""Raised when the meaning of the file changes; an older or newer file is refused by name."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replaces the file at `path` at once; whoever is killed meanwhile leaves the old one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        torch.save({"format": FORMAT, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state saved at `path`, or None where there is none. Loads tensors (to main memory) and values, no code.

    Raises:
        ValueError: the file was written in another format.
    """
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if state.pop("format", None) != FORMAT:
        raise ValueError(
            f"The checkpoint {path} has another format than {FORMAT}; continue with the version that wrote it."
        )
    return state
