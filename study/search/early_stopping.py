"""Who goes on among the trials of one arm and fold: rules that learn of every record and are asked after some of them.

A rule knows neither Ray nor the ledger: `note` what every trial recorded, then ask whether one `goes_on`.
"""

import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

import numpy as np

from study.definition.study import Study
from study.ledger.ledger import Rivals
from trainables.records import Record

Losses = tuple[float, ...]
"""An arm's objectives of one record, each turned so that smaller is better."""


class Rule(Protocol):
    """Decides after the epochs for which `decides` is true."""

    def decides(self, epoch: int) -> bool: ...

    def note(self, rivals: Rivals, name: str, record: Record) -> None: ...

    def goes_on(self, rivals: Rivals, name: str, epoch: int) -> bool: ...


class ParetoHalving:
    """Asynchronous successive halving on several objectives (Schmucker et al. 2021).

    At the rungs min_epochs, min_epochs x factor, ... a trial goes on if it stands in the best 1/factor of its arm's
    trials that reached the rung. With one objective that is plain successive halving.
    """

    def __init__(self, study: Study) -> None:
        search = study.search
        self.factor, self.grace_trials = search.reduction_factor, search.grace_trials
        self.objectives = {arm: study.arm_objectives(arm) for arm in study.arms}
        self.rungs = budgets(study)[:-1]
        self.reached: dict[tuple[Rivals, int], dict[str, Losses]] = defaultdict(dict)
        """For each search and rung, the trials that got there."""

    def decides(self, epoch: int) -> bool:
        return epoch in self.rungs

    def note(self, rivals: Rivals, name: str, record: Record) -> None:
        if self.decides(int(record["epoch"])):
            self.reached[rivals, int(record["epoch"])][name] = losses_of(record, self.objectives[rivals[1]])

    def goes_on(self, rivals: Rivals, name: str, epoch: int) -> bool:
        reached = self.reached[rivals, epoch]
        return len(reached) < self.grace_trials or name in best_share(reached, self.factor)


class Median:
    """The median stopping rule (Golovin et al. 2017), from min_epochs on.

    A trial ends whose best loss so far is worse than the median of its arm's other trials, each by its mean up to the
    same epoch; with two objectives, worse in both.
    """

    def __init__(self, study: Study) -> None:
        self.min_epochs, self.num_epochs = study.search.min_epochs, study.epochs
        self.grace_trials = study.search.grace_trials
        self.objectives = {arm: study.arm_objectives(arm) for arm in study.arms}
        self.best: dict[tuple[Rivals, str], Losses] = {}
        self.sums: dict[tuple[Rivals, int], dict[str, Losses]] = defaultdict(dict)
        """For each search and epoch, the sum of losses up to it of the trials that got there."""

    def decides(self, epoch: int) -> bool:
        return self.min_epochs <= epoch < self.num_epochs

    def note(self, rivals: Rivals, name: str, record: Record) -> None:
        losses, epoch = losses_of(record, self.objectives[rivals[1]]), int(record["epoch"])
        best = self.best.get((rivals, name), losses)
        self.best[rivals, name] = tuple(map(min, best, losses))
        before = self.sums[rivals, epoch - 1].get(name, (0.0,) * len(losses))
        self.sums[rivals, epoch][name] = tuple(a + b for a, b in zip(before, losses, strict=True))

    def goes_on(self, rivals: Rivals, name: str, epoch: int) -> bool:
        others = [sums for other, sums in self.sums[rivals, epoch].items() if other != name]
        if len(others) + 1 < self.grace_trials:
            return True
        medians = [statistics.median(column) / epoch for column in zip(*others, strict=True)]
        return any(mine <= median for mine, median in zip(self.best[rivals, name], medians, strict=True))


RULES: dict[str, Callable[[Study], Rule] | None] = {"none": None, "median": Median, "pareto_halving": ParetoHalving}
"""Each builds the rule of a study's search; None lets every trial go on."""


def budgets(study: Study) -> list[int]:
    """The epochs after which trials are compared: min_epochs, min_epochs x factor, ..., and all epochs."""
    rungs = []
    rung = study.search.min_epochs
    while rung < study.epochs:
        rungs.append(rung)
        rung *= study.search.reduction_factor
    return [*rungs, study.epochs]


def losses_of(record: Record, objectives: dict[str, str]) -> Losses:
    """The objectives of a record, smaller is better."""
    return tuple(float(record[metric]) * (1 if better == "min" else -1) for metric, better in objectives.items())


def best_share(losses: dict[str, Losses], factor: int) -> set[str]:
    """The best 1/factor of the trials, at least one: front by front, within a front those that span it first."""
    order: list[str] = []
    remaining = dict(losses)
    while remaining:
        front = {n: mine for n, mine in remaining.items() if not any(_dominates(o, mine) for o in remaining.values())}
        order += spanning_order(front)
        for name in front:
            del remaining[name]
    return set(order[: max(1, len(losses) // factor)])


def spanning_order(front: dict[str, Losses]) -> list[str]:
    """The trials of a front, each next one farthest from those before it: the epsilon-net of Schmucker et al. 2021.

    The best of each objective stand first, because confirm chooses settings by single metrics; distances are taken
    after every objective is scaled to the front's range.
    """
    names = sorted(front)
    losses_NM = np.array([front[name] for name in names])
    span_M = np.ptp(losses_NM, axis=0)
    scaled_NM = (losses_NM - losses_NM.min(axis=0)) / np.where(span_M > 0, span_M, 1.0)
    chosen = list(dict.fromkeys(int(index) for index in losses_NM.argmin(axis=0)))
    while len(chosen) < len(names):
        gaps_NC = np.linalg.norm(scaled_NM[:, None] - scaled_NM[chosen][None], axis=-1)
        gaps_N = gaps_NC.min(axis=1)
        gaps_N[chosen] = -1.0
        chosen.append(int(gaps_N.argmax()))
    return [names[index] for index in chosen]


def _dominates(one: Losses, other: Losses) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other
