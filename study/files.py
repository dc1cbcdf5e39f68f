"""Files that are replaced whole: whoever reads sees the old text or the new one, never half of either."""

import json
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces the file at `path` at once, through a temporary file beside it.

    Raises:
        OSError: the storage is full, gone or forbidden; what was there before stays.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        # Where the storage is gone, the reason is the first error, not this one.
        with suppress(OSError):
            temporary.unlink()


def write_json(path: Path, document: Any) -> None:
    """Replaces the file at `path` by the document; numbers that JSON cannot say are refused."""
    write_bytes(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())
