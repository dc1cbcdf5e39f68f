"""Ray Tune's loop, with two flaws mended."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
import ray.tune.tune
from ray.exceptions import RayActorError
from ray.tune.execution.class_cache import ENV_VARS_TO_PROPAGATE, _ActorClassCache
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial


class WaitingWorkers(_ActorClassCache):  # type: ignore[misc]
    """Trials go to the workers that Ray started beforehand, which have loaded what they need.

    Ray 2.60 gives every trial an environment with a variable for another library, and with it a worker of its own.
    """

    def get(self, trainable_cls: type) -> Any:
        if trainable_cls not in self._cache:
            variables = {name: os.environ[name] for name in ENV_VARS_TO_PROPAGATE if name in os.environ}
            remote = ray.remote(runtime_env={"env_vars": variables}) if variables else ray.remote
            self._cache[trainable_cls] = remote(trainable_cls)
        return self._cache[trainable_cls]


class StudyController(TuneController):  # type: ignore[misc]
    """A worker that is lost while it is readied for its next trial counts once, like any other loss.

    Ray 2.60 reports it twice, for the actor and for its task. By the second time the trial waits for another worker,
    and Ray gives up a waiting trial at any failure.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._class_cache = WaitingWorkers()

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
    ray.tune.tune.TuneController = StudyController
    try:
        yield
    finally:
        ray.tune.tune.TuneController = original
