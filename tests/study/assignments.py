"""An assignment as a driver would hand it out that holds the lease under the token `ours`."""

from pathlib import Path
from typing import Any

from study.execution.messages import Assignment
from trainables.files import default_cache


def assignment(folder: Path, **fields: Any) -> Assignment:
    return Assignment(
        folder=folder, **{"token": "ours", "cache": default_cache(), "digest": "", "root": None, **fields}
    )
