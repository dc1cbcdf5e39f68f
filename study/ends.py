"""Ends that say nothing about a setting: lost workers, and the bug that stops a study."""

from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from study.stops import BugError

MAX_LOSSES = 5
"""Workers a trial may lose without a new record before it is recorded as failed, `worker_lost`."""

NUM_SAME = 3
"""Trials in a row, of one arm or of all, with the same exception from the same place that make a bug."""

RESULTS = ("not_finite", "out_of_memory", "worker_lost")
"""Kinds of failure that belong to a setting or a machine; every other kind is an exception of the code."""


class Ends(Callback):  # type: ignore[misc]
    """Watches the ends of one phase: forgets lost workers at each new record, and stops the phase at a bug.

    Ray counts a trial's failures without end; here those before its last record do not count. Preempted workers never
    do.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[str, str, str]]] = {}
        """Kind, place and name of the latest trials, as long as they failed alike: of each arm, and of all under ""."""
        self.bug: BugError | None = None

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if "epoch" in result:
            trial.run_metadata.num_failures = 0

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        result = trial.last_result
        kind, place = result.get("failure_kind", ""), result.get("failure_place", "")
        if result.get("end") in ("orphaned", "storage"):
            return
        name = trial.config["trial"]
        is_bug = result.get("end") == "failed" and kind not in RESULTS
        # One arm may have a part that no other has: its bug does not hide behind the others' good ends.
        for scope in ("", name.rsplit("-", 2)[0]):
            row = self.rows.setdefault(scope, [])
            if not is_bug or (row and row[-1][:2] != (kind, place)):
                row.clear()
            if is_bug:
                row.append((kind, place, name))
            if len(row) == NUM_SAME and self.bug is None:
                self.bug = BugError(kind, place, [name for _, _, name in row], result.get("failure_message", ""))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        for scope in ("", trial.config["trial"].rsplit("-", 2)[0]):
            self.rows.pop(scope, None)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """An exception from here ends Ray's loop, whichever trials are running; their records are in the ledger."""
        if self.bug is not None:
            raise self.bug
