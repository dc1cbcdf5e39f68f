"""What is wrong with a study file: one sentence per problem, each at a path of the file."""

import difflib
from collections.abc import Iterable
from typing import NamedTuple

Path = tuple[str | int, ...]

MAX_SHOWN = 5
"""Problems shown at once; the others are counted."""

MAX_CHOICES = 12
"""A longer list of choices is not printed; the nearest one is."""


class Problem(NamedTuple):
    """One sentence about the value at one path."""

    path: Path
    text: str


class StudyFileError(ValueError):
    """A study file that cannot be launched: `problems` has one sentence each, the message the first few."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        hidden = len(problems) - MAX_SHOWN
        more = [f"... and {hidden} more."] if hidden > 0 else []
        super().__init__("\n".join([*problems[:MAX_SHOWN], *more]))

    def __reduce__(self) -> tuple[type["StudyFileError"], tuple[list[str]]]:
        return type(self), (self.problems,)


def nearest(word: object, known: Iterable[str]) -> str:
    """A sentence that offers the known name closest to `word`, and all of them while they are few."""
    names = sorted(known)
    close = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    offer = f"Did you mean {close[0]!r}? " if close else ""
    return (offer + (f"Known: {names}." if 0 < len(names) <= MAX_CHOICES or (names and not close) else "")).strip()
