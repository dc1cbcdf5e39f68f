"""The words between a trial and whoever listens. Free of torch."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trainables.metrics import METRICS, Metric

Record = dict[str, float | int | str]
"""One epoch of one trial: `epoch` from 1, `time` in UTC, and metrics by name."""

UNREPEATABLE = (
    "time",
    "epoch_seconds",
    "images_per_second",
    "flops_per_second",
    "matrix_ceiling_share",
    "compile_seconds",
    "memory",
    "device",
    "precision",
)
"""The fields of a record that say when, where and how fast; two identical trainings need not share them."""

SYSTEM = "system/"
"""Begins the names of what was measured of the machine while it trained."""

DIAGNOSTICS = (
    "diagnostics/gradient_cosine",
    "diagnostics/gradient_ratio",
    "diagnostics/affinity_color_on_color",
    "diagnostics/affinity_color_on_class",
    "diagnostics/affinity_class_on_color",
    "diagnostics/affinity_class_on_class",
)
"""The fields of a record that `diagnostics_every` adds, in the epochs it asks for; see `gradient_diagnostics.py`."""


class NotFiniteError(ArithmeticError):
    """A loss became infinite or not a number; the trial ends there, and that is its result."""


def failure_kind(error: Exception) -> str:
    """What ended a trial, in a word: `not_finite`, `out_of_memory`, or the name of the exception."""
    if isinstance(error, NotFiniteError):
        return "not_finite"
    # torch has a class for a GPU's memory and none for main memory.
    on_cpu = isinstance(error, RuntimeError) and "DefaultCPUAllocator: can't allocate memory" in str(error)
    if on_cpu or isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out_of_memory"
    return type(error).__name__


def repeatable(record: Record) -> Record:
    """The part of a record that the same config and replicate give again, to the last bit."""
    return {name: value for name, value in record.items() if name not in UNREPEATABLE and not name.startswith(SYSTEM)}


@dataclass(frozen=True, kw_only=True)
class PhotoMeasures:
    """One value per metric and photo."""

    indices_N: NDArray[np.int64]
    """Which photos of the prepared set."""
    metrics: dict[str, NDArray[np.float64]]
    """By metric name, without a prefix; NaN where a photo cannot be judged."""
    predicted_N: NDArray[np.int64]
    """The most probable class."""
    concepts: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """By name, only on the pool: colour errors in CIEDE2000 that ask what colouring uses, where it is trained; and how
    colourful each photo is."""

    def means(self, prefix: str) -> dict[str, float]:
        """The metrics of a record: `val/delta_e` and so on, each the mean over the photos that can be judged."""
        return {f"{prefix}/{name}": _mean(METRICS[name], values_N) for name, values_N in self.metrics.items()}


def _mean(metric: Metric, values_N: NDArray[np.float64]) -> float:
    if not metric.of_all:
        values_N = values_N[~np.isnan(values_N)]
    return float(values_N.mean()) if len(values_N) else math.nan
