"""Every exception of this room, and how a mistake in a study file is said.

ValueError                  what a person can mend before anything starts
    StudyFileError          a study file that cannot be launched, a sentence a problem
    SettingError            one setting of it
    LeaseHeldError          another driver is at work on the study
StudyStoppedError           a study that stopped before its end; its ledger is whole
    BugError                the same exception ended one trial after another
    StorageError            the ledger could not be written or read
RayDiedError                not an Exception; see there
"""

import difflib
from collections.abc import Iterable
from typing import NamedTuple

Path = tuple[str | int, ...]
"""The way to a value of a study file: keys, and positions in lists."""

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


class SettingError(ValueError):
    """What is wrong with one setting: the path below the setting, and one sentence."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(text)
        self.path = path


class LeaseHeldError(ValueError):
    """Another driver is at work on the study."""


class StudyStoppedError(RuntimeError):
    """The study stopped before its end; its ledger is whole."""


class BugError(StudyStoppedError):
    """The same exception ended one trial after another: `trials` names them."""

    def __init__(self, kind: str, place: str, trials: list[str], message: str) -> None:
        super().__init__(
            f"The same bug ended {len(trials)} trials in a row: {kind} at {place}, in {', '.join(trials)}:\n"
            f"{message.strip()}\nMend its cause; these trials are then tried again."
        )
        self.kind, self.place, self.trials, self.message = kind, place, trials, message

    def __reduce__(self) -> tuple[type["BugError"], tuple[str, str, list[str], str]]:
        return type(self), (self.kind, self.place, self.trials, self.message)


class StorageError(StudyStoppedError):
    """What the ledger needs could not be written or read; all that it holds is whole."""


class RayDiedError(BaseException):
    """Not an Exception: before it passes one of those on, Ray's loop tidies up, which a dead Ray never answers."""


def nearest(word: object, known: Iterable[str]) -> str:
    """A sentence that offers the known name closest to `word`, and all of them while they are few."""
    names = sorted(known)
    close = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    offer = f"Did you mean {close[0]!r}? " if close else ""
    return (offer + (f"Known: {names}." if 0 < len(names) <= MAX_CHOICES or (names and not close) else "")).strip()
