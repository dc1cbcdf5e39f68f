"""The words between a trial and whoever listens. Free of torch."""

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


def repeatable(record: Record) -> Record:
    """The part of a record that the same config and replicate give again, to the last bit."""
    return {name: value for name, value in record.items() if name not in UNREPEATABLE and not name.startswith(SYSTEM)}
