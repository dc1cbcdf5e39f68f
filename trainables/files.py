"""Files replaced whole, work done by one process at a time, and where a machine keeps what it can make again."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows: two processes then do the same work twice, which harms nothing
    fcntl = None  # type: ignore[assignment]


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


@contextmanager
def alone(folder: Path, key: str) -> Iterator[None]:
    """Lets one process at a time into the block for this folder and key, so that what a machine needs is made once.

    A killed process lets go by being killed. Where a file system has no locks, everyone is let in.
    """
    path = folder / f".{key}.lock"
    while True:
        with path.open("w") as file:
            if fcntl is not None:
                with suppress(OSError):
                    fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever held the lock removed its file: only the file that is still there counts.
            if not path.exists() or not os.path.samestat(path.stat(), os.fstat(file.fileno())):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def default_cache() -> Path:
    """TINTUNE_CACHE, else the user's cache folder: prepared photos and compiled code."""
    chosen = os.environ.get("TINTUNE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tintune"
