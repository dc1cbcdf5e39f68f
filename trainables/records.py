"""The words between a trial and whoever listens. Free of torch."""

Record = dict[str, float | int | str]
"""One epoch of one trial: `epoch` from 1, `time` in UTC, and metrics by name."""

UNREPEATABLE = ("time", "images_per_second", "epoch_seconds", "memory")
"""The fields of a record that two identical trainings do not share."""


class NotFiniteError(ArithmeticError):
    """A loss became infinite or not a number; the trial ends there, and that is its result."""


def repeatable(record: Record) -> Record:
    """The part of a record that the same config and replicate give again, to the last bit."""
    return {name: value for name, value in record.items() if name not in UNREPEATABLE}
