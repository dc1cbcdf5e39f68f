"""A trial's checkpoint as a file of this machine, wherever the ledger lies."""

import shutil
import tempfile
from pathlib import Path

from study.storage.path import StoragePath, download, upload


class CheckpointFile:
    """The ledger's own file; of an object store a copy, which `bring_back` stores again once it changed.

    Args:
        place: the checkpoint in the ledger; there need not be one yet.
    """

    def __init__(self, place: StoragePath) -> None:
        self.place = place
        self.scratch: Path | None = None
        if isinstance(place, Path):
            self.path = place
            return
        self.scratch = Path(tempfile.mkdtemp(prefix="tintune-checkpoint-"))
        self.path = self.scratch / place.name
        if place.exists():
            download(place, self.path)
        self.stored = self._version()

    def bring_back(self) -> None:
        """Before anyone is told of what the checkpoint holds."""
        if self.scratch is not None and self._version() != self.stored:
            upload(self.path, self.place)
            self.stored = self._version()

    def close(self) -> None:
        """Drops the copy."""
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _version(self) -> tuple[int, int] | None:
        # Replaced whole, the file is another one each time.
        if not self.path.exists():
            return None
        found = self.path.stat()
        return found.st_ino, found.st_mtime_ns
