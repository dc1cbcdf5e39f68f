"""What the driver and its workers say to each other: a trial's assignment on the way down, its end on the way up."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from study.storage.path import StoragePath


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What every trial of a launch is handed beside its name. Paths are absolute: workers stand in other folders."""

    folder: StoragePath
    """The study's."""
    token: str
    """Of the lease: who holds another one may write."""
    cache: Path
    """Of prepared photos, on the worker's machine."""
    digest: str
    """Of the photos."""
    root: str | None
    """Where the photos lie; None for those drawn in code."""
    precision: str = "auto"
    """The study's: what `auto` means in its trials, wherever they run."""
    device_memory_share: float = 1.0
    """Of a GPU's memory, in (0, 1]. Whole GPUs are Ray's to give; of a shared one each process gets its part."""


class Ending(StrEnum):
    """How a worker's part of a trial ended; in its last result, under `end`. The scheduler's stops have none."""

    DONE = "done"
    FAILED = "failed"
    """By an exception of its own, which is its result."""
    STORAGE = "storage"
    """Files could not be written or read, which says nothing about the trial: it stays open."""
    ORPHANED = "orphaned"
    """Another driver holds the study's lease: the trial stays open."""


UNTOLD = (Ending.STORAGE, Ending.ORPHANED)
"""Ends after which a trial stays open."""
