"""Everything needed to continue a trial exactly, in one file that is always whole."""

from pathlib import Path
from typing import Any, BinaryIO

import torch

from trainables.files import replaced

FORMAT = 1
"""Raised when the meaning of the file changes; an older or newer file is refused by name."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replaces the file at `path` at once; whoever is killed meanwhile leaves the old one.

    Raises:
        OSError: the storage is full, gone or forbidden; the old file stays.
    """
    with replaced(path) as file:
        _save({"format": FORMAT, **state}, file)


def _save(document: dict[str, Any], file: BinaryIO) -> None:
    """Torch hides a full disk behind errors of its own archive; here the first failed write is what is raised."""
    try:
        torch.save(document, file)
    except RuntimeError as error:
        cause = error.__context__
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__context__
        if cause is None:
            raise
        raise OSError(cause.errno, cause.strerror, file.name) from error


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
