"""Which pending trial starts next: the order of arrival, without asking every trial of the study."""

from typing import TYPE_CHECKING

from ray.tune.schedulers import FIFOScheduler

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController


class ArrivalOrder(FIFOScheduler):  # type: ignore[misc]
    """Leaves the start of pending trials to Tune, which keeps a queue of them.

    `FIFOScheduler` looks through all trials, finished ones too, at every step of the driver.
    """

    def choose_trial_to_run(self, tune_controller: "TuneController") -> None:
        """No preference."""
