"""What ends a phase before its last trial: the same bug again and again, storage that fails, a dead Ray."""

import time
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from study.cluster.ray_session import dead
from study.errors import BugError, RayDiedError, StudyStoppedError
from study.execution.messages import UNTOLD, Ending
from study.execution.searcher import LedgerSearcher
from study.ledger.lease import gone
from study.storage.path import StoragePath

MAX_LOSSES = 5
"""Workers a trial may lose without a new record before it is recorded as failed, `worker_lost`."""

NUM_SAME = 3
"""Trials in a row, of one arm or of all, with the same exception from the same place that make a bug."""

RESULTS = ("not_finite", "out_of_memory", "worker_lost")
"""Kinds of failure that belong to a setting or a machine; every other kind is an exception of the code."""

CHECK_SECONDS = 1.0
"""Between two looks at the storage and at Ray's processes."""


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
        if result.get("end") in UNTOLD:
            return
        name = trial.config["trial"]
        is_bug = result.get("end") == Ending.FAILED and kind not in RESULTS
        # One arm may have a part that no other has: its bug does not hide behind the others' good ends.
        for scope in ("", trial.config["setting"]):
            row = self.rows.setdefault(scope, [])
            if not is_bug or (row and row[-1][:2] != (kind, place)):
                row.clear()
            if is_bug:
                row.append((kind, place, name))
            if len(row) == NUM_SAME and self.bug is None:
                self.bug = BugError(kind, place, [name for _, _, name in row], result.get("failure_message", ""))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        for scope in ("", trial.config["setting"]):
            self.rows.pop(scope, None)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """An exception from here ends Ray's loop, whichever trials are running; their records are in the ledger."""
        if self.bug is not None:
            raise self.bug


class Watch(Callback):  # type: ignore[misc]
    """Stops the phase, once, with the sentence for the person; otherwise Ray's loop would wait without end."""

    def __init__(self, searcher: LedgerSearcher, folder: StoragePath, token: str) -> None:
        self.searcher, self.folder, self.token = searcher, folder, token
        self.of_a_worker = ""
        self.checked = 0.0

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if trial.last_result.get("end") == Ending.STORAGE:
            self.of_a_worker = trial.last_result["failure_message"]

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """An exception from here ends Ray's loop, whichever trials are running; their records are in the ledger."""
        if self._known():
            self.stop_if_ended()
        if time.monotonic() - self.checked > CHECK_SECONDS:
            self.checked = time.monotonic()
            if died := dead():
                raise RayDiedError(died)
            self.stop_if_ended()

    def stop_if_ended(self) -> None:
        """Also for after the loop: where every worker found the folder gone before this did, it ends by itself.

        Raises:
            StudyStoppedError: with the sentence for the person who launched.
        """
        if problem := self._known() or gone(self.folder, self.token):
            raise StudyStoppedError(problem)

    def _known(self) -> str:
        return self.of_a_worker or self.searcher.storage_problem
