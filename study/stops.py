"""Why a study stops before its end, in words."""

from study.ledger import Entry


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


def why_none(entries: list[Entry]) -> str:
    """How the trials ended where none reached its last epoch: "4 failed (3 not_finite, 1 MemoryError), 2 stopped"."""
    kinds: dict[str, int] = {}
    for entry in entries:
        if entry.state == "failed":
            kinds[entry.failure_kind] = kinds.get(entry.failure_kind, 0) + 1
    parts = []
    if kinds:
        counts = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        parts.append(f"{sum(kinds.values())} failed ({counts})")
    num_stopped = sum(entry.state == "stopped" for entry in entries)
    return ", ".join([*parts, *([f"{num_stopped} stopped early"] if num_stopped else [])])
