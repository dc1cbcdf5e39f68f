"""Files that are replaced whole, and where a machine keeps what it can make again."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` when the block ends: readers see the old one or the new one.

    It is on disk before it takes the place. Whoever is killed meanwhile leaves the old one, and beside it a hidden file
    `.<name>.<something>.tmp`.

    Raises:
        OSError: the storage is full, gone or forbidden; the old file stays.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        # Where the storage is gone, the reason is the first error, not this one.
        with suppress(OSError):
            temporary.unlink()


def default_cache() -> Path:
    """TINTUNE_CACHE, else the user's cache folder: prepared photos and compiled code."""
    chosen = os.environ.get("TINTUNE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tintune"
