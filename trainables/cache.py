"""Where a machine keeps what it can make again: prepared photos and compiled code."""

import os
from pathlib import Path


def default_cache() -> Path:
    """HUERISTIC_CACHE, else the user's cache folder."""
    chosen = os.environ.get("HUERISTIC_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hueristic"
