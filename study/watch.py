"""What can end a study from outside while Ray's loop runs: the storage fails, another driver takes over, Ray dies."""

import time
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from study.ray_session import RayDiedError, dead
from study.searcher import LedgerSearcher
from study.stops import StudyStoppedError
from study.storage import gone
from study.storage_path import StoragePath

CHECK_SECONDS = 1.0
"""Between two looks at the storage and at Ray's processes."""


class Watch(Callback):  # type: ignore[misc]
    """Stops the phase, once, with the sentence for the person; otherwise Ray's loop would wait without end."""

    def __init__(self, searcher: LedgerSearcher, folder: StoragePath, token: str) -> None:
        self.searcher, self.folder, self.token = searcher, folder, token
        self.of_a_worker = ""
        self.checked = 0.0

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if trial.last_result.get("end") == "storage":
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
