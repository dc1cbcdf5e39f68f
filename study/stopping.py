"""Which search trials end early: schedulers by name, comparing trials of one arm only."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune.schedulers import TrialScheduler

from study.arrival_order import ArrivalOrder
from study.ledger import Ledger
from study.study_file import Study

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController
    from ray.tune.experiment import Trial


class ParetoHalving(ArrivalOrder):
    """Asynchronous successive halving on several objectives (Schmucker et al. 2021).

    At the rungs min_epochs, min_epochs x factor, ... a trial goes on if it stands in the best 1/factor of its arm's
    trials that reached the rung, ranked by non-dominated sorting and, within a front, by the sum of ranks over
    objectives. With one objective that is plain successive halving. Until `factor` trials have reached a rung nobody
    is stopped.
    """

    def __init__(self, study: Study, folder: Path) -> None:
        super().__init__()
        search = study.search
        self.factor = search.reduction_factor
        self.objectives = {arm: study.arm_objectives(arm) for arm in study.arms}
        self.rungs = []
        rung = search.min_epochs
        while rung < study.epochs:
            self.rungs.append(rung)
            rung *= self.factor
        self.reached: dict[tuple[str, int], dict[str, tuple[float, ...]]] = defaultdict(dict)
        """For each arm and rung, the trials that got there with their losses, smaller is better."""
        self.folder = folder
        self.arms: dict[str, str] = {}
        ledger = Ledger(folder)
        for entry in ledger.entries("search"):
            for record in ledger.records(entry.name):
                self._note(entry.arm, entry.name, record)

    def stop_overdue(self) -> None:
        """Ends the trials whose driver died between their record at a rung and the decision there."""
        ledger = Ledger(self.folder)
        for entry in ledger.entries("search"):
            epoch = len(ledger.records(entry.name))
            if entry.finished or epoch not in self.rungs:
                continue
            if entry.name not in best_share(self.reached[entry.arm, epoch], self.factor):
                ledger.end(entry.name, "stopped")

    def on_trial_result(self, tune_controller: "TuneController", trial: "Trial", result: dict[str, Any]) -> str:
        """Ray's question after each epoch."""
        name = trial.config["trial"]
        epoch = result.get("epoch")
        if epoch not in self.rungs or result.get("done"):
            return str(TrialScheduler.CONTINUE)
        if name not in self.arms:
            self.arms[name] = Ledger(self.folder).entry(name).arm
        arm = self.arms[name]
        self._note(arm, name, result)
        losses = self.reached[arm, epoch]
        goes_on = name in best_share(losses, self.factor)
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)

    def _note(self, arm: str, name: str, record: dict[str, Any]) -> None:
        if record.get("epoch") in self.rungs:
            losses = (
                float(record[metric]) * (1 if better == "min" else -1)
                for metric, better in self.objectives[arm].items()
            )
            self.reached[arm, int(record["epoch"])][name] = tuple(losses)


def best_share(losses: dict[str, tuple[float, ...]], factor: int) -> set[str]:
    """The best 1/factor of the trials, all of them while there are fewer than `factor`."""
    if len(losses) < factor:
        return set(losses)
    ranks = _sum_of_ranks(losses)
    order: list[str] = []
    remaining = dict(losses)
    while remaining:
        front = [name for name, mine in remaining.items() if not any(_dominates(o, mine) for o in remaining.values())]
        order += sorted(front, key=lambda name: (ranks[name], name))
        for name in front:
            del remaining[name]
    return set(order[: len(losses) // factor])


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other


def _sum_of_ranks(losses: dict[str, tuple[float, ...]]) -> dict[str, int]:
    num_objectives = len(next(iter(losses.values())))
    ranks = dict.fromkeys(losses, 0)
    for column in range(num_objectives):
        for rank, name in enumerate(sorted(losses, key=lambda name: (losses[name][column], name))):
            ranks[name] += rank
    return ranks


def _none(study: Study, folder: Path) -> TrialScheduler:
    return ArrivalOrder()


SCHEDULERS: dict[str, Callable[[Study, Path], TrialScheduler]] = {"none": _none, "pareto_halving": ParetoHalving}
"""Each builds a scheduler for the search of the study in a folder."""
