"""Ray Tune's loop, with one flaw mended."""

from collections.abc import Iterator
from contextlib import contextmanager

import ray.tune.tune
from ray.exceptions import RayActorError
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial


class LossTolerantController(TuneController):  # type: ignore[misc]
    """A worker that is lost while it is readied for its next trial counts once, like any other loss.

    Ray 2.60 reports it twice, for the actor and for its task. By the second time the trial waits for another worker,
    and Ray gives up a waiting trial at any failure.
    """

    def _trial_task_failure(self, trial: Trial, exception: Exception) -> None:
        # It would never be given another worker while it counts as being readied.
        self._resetting_trials.discard(trial)
        if trial.status == Trial.PENDING and isinstance(exception, RayActorError):
            return
        super()._trial_task_failure(trial, exception)


@contextmanager
def tolerates_losses() -> Iterator[None]:
    """Lets `Tuner.fit` inside the block use it; Ray has no setting for that."""
    original = ray.tune.tune.TuneController
    ray.tune.tune.TuneController = LossTolerantController
    try:
        yield
    finally:
        ray.tune.tune.TuneController = original
