"""Files that are replaced whole: whoever reads sees the old text or the new one, never half of either."""

import json
import os
import uuid
from pathlib import Path
from typing import Any


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces the file at `path` at once, through a temporary file beside it."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, document: Any) -> None:
    """Replaces the file at `path` by the document; numbers that JSON cannot say are refused."""
    write_bytes(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())
