"""The search of one arm in one fold: an Optuna study rebuilt from the ledger, asked for settings and told results.

Suggestion k depends on the study's seed, the fold, the arm, k, and what was told, so a search continues after any
interruption without a stored generator.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from study.definition.methods import SAMPLERS
from study.definition.study import Study
from study.ledger.ledger import Entry
from study.search.early_stopping import budgets
from study.search.samplers import build_sampler, num_startup
from study.search_space.distributions import Range, Scalar
from study.search_space.space import Space, sample
from trainables.data.splits import fold_seed
from trainables.records import Record
from trainables.seeds import derive_seed

optuna.logging.set_verbosity(optuna.logging.WARNING)


DIRECTIONS = {"min": StudyDirection.MINIMIZE, "max": StudyDirection.MAXIMIZE}

OUT_OF_MEMORY = {"memory": 1.0}
"""The violated constraint of a trial that did not fit; 1 is more than any trial stopped early violates."""


@dataclass(kw_only=True)
class _Told:
    """What the search knows of one trial."""

    sampler: Mapping[str, Any]
    """As `ArmSearch.ask` gave it."""
    state: str = "running"
    failure_kind: str = ""
    records: list[Record]


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """A trial in Optuna's words."""

    state: TrialState
    values: list[float] | None = None
    intermediate: Mapping[int, float] | None = None
    constraints: Mapping[str, float] | None = None


class ArmSearch:
    """Suggests settings for one arm.

    With early stopping a sampler that can is shown all trials at one budget: their values at the latest rung that
    enough of them reached, as in BOHB (Falkner et al. 2018). Otherwise the trials that go on would count as bad until
    their last epoch, and those stopped first as the best known.

    Args:
        study: the study file.
        arm: name of the arm.
        fold: whose photos the trials train on.
        told: the arm's search trials in this fold so far, by number, each with its records.
        warm: settings of another study, under Optuna's names, tried after those that the file enqueues.
    """

    def __init__(
        self,
        study: Study,
        arm: str,
        told: list[tuple[Entry, list[Record]]],
        warm: Sequence[Mapping[str, Scalar]] = (),
        fold: int = 0,
    ) -> None:
        self.study, self.arm = study, arm
        self.space = study.arm_space(arm)
        self.objectives = study.arm_objectives(arm)
        self.seed = fold_seed(study.data_config(), fold)
        search = study.search
        self.first = [*study.enqueued_params(arm), *(dict(params) for params in warm)]
        num_points = num_startup(search.trials_per_arm)
        self.first += rate_points(self.space, num_points, derive_seed(self.seed, "learning rates"))
        self.budgets = (
            budgets(study) if SAMPLERS[search.sampler].sees_budgets and search.early_stopping != "none" else []
        )
        self.trials: list[_Told] = []
        self.shared: dict[str, Any] = {}
        """What the sampler keeps with the study; each trial carries what was new with it."""
        self.shown: list[_Outcome] = []
        """With budgets: how the trials stand in `optuna`, at the budget `shown_at`."""
        self.shown_at = 0
        self.changed: set[int] = set()
        """Trials that may stand differently since."""
        self.optuna = self._empty()
        for number, (entry, records) in enumerate(told):
            assert entry.number == number, f"{entry.name} stands at {number}"
            one = _Told(
                sampler=entry.sampler,
                state=entry.state if entry.finished else "running",
                failure_kind=entry.failure_kind,
                records=list(records),
            )
            self.trials.append(one)
            self.shown.append(_Outcome(state=TrialState.RUNNING))
            self.shared |= one.sampler["study_attributes"]
            if not self.budgets:
                self._add(self.optuna, one, self._outcome(one))

    def ask(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The next settings of the arm, and what the ledger keeps to rebuild Optuna's trial."""
        number = len(self.trials)
        if self.budgets:
            self._show_at_one_budget()
        search = self.study.search
        seed = derive_seed(self.seed, "sampler", self.arm, number) % 2**32
        self.optuna.sampler = build_sampler(search.sampler, seed=seed, trials_per_arm=search.trials_per_arm)
        if number < len(self.first):
            self.optuna.enqueue_trial(self.first[number])
        trial = self.optuna.ask()
        settings = dict(sample(self.space, trial))
        distributions = {name: distribution_to_json(one) for name, one in trial.distributions.items()}
        # NSGA-II keeps a trial's generation with the trial, and the parents of each generation with the study.
        attributes = dict(self.optuna.get_trials(deepcopy=False)[number].system_attrs)
        shared = self.optuna._storage.get_study_system_attrs(self.optuna._study_id)
        new = {key: value for key, value in shared.items() if key not in self.shared or self.shared[key] != value}
        self.shared |= new
        sampler = {
            "params": dict(trial.params),
            "distributions": distributions,
            "attributes": attributes,
            "study_attributes": new,
        }
        self.trials.append(_Told(sampler=sampler, records=[]))
        self.shown.append(_Outcome(state=TrialState.RUNNING))
        return settings, sampler

    def hear(self, number: int, record: Record) -> None:
        """Reports an epoch of a running trial. After an epoch that never came the rest waits for the trial's end."""
        records = self.trials[number].records
        if int(record["epoch"]) == len(records) + 1:
            records.append(record)
            self.changed.add(number)

    def tell(self, entry: Entry, records: list[Record]) -> None:
        """Reports how a trial ended."""
        one = self.trials[entry.number]
        one.state, one.failure_kind, one.records = entry.state, entry.failure_kind, records
        self.changed.add(entry.number)
        if not self.budgets:
            self._close(entry.number, self._outcome(one))

    def _close(self, number: int, outcome: _Outcome) -> None:
        """Ends a trial that runs in `optuna`."""
        storage = self.optuna._storage
        trial_id = self.optuna.get_trials(deepcopy=False)[number]._trial_id
        for step, value in (outcome.intermediate or {}).items():
            storage.set_trial_intermediate_value(trial_id, step, value)
        for name, violation in (outcome.constraints or {}).items():
            # As Trial.set_constraint does; a trial asked for by an earlier driver has no Trial.
            storage.set_trial_system_attr(trial_id, f"constraints:{name}", violation)
        self.optuna.tell(number, outcome.values, state=outcome.state)

    def _empty(self) -> optuna.Study:
        return optuna.create_study(directions=[DIRECTIONS[better] for better in self.objectives.values()])

    def _show_at_one_budget(self) -> None:
        """Shows all trials as they stood after as many epochs as enough of them have reached.

        Only trials that stand differently are touched, so that a suggestion does not cost the more the more there are:
        showing 500 anew takes six times as long as the sampler. What has ended in `optuna` cannot be changed there.
        """
        enough = num_startup(self.study.search.trials_per_arm)
        reached = {epoch: sum(len(one.records) >= epoch for one in self.trials) for epoch in self.budgets}
        budget = max((epoch for epoch, number in reached.items() if number >= enough), default=self.budgets[0])
        changed = {number: self._outcome(self.trials[number], budget) for number in sorted(self.changed)}
        changed = {number: outcome for number, outcome in changed.items() if outcome != self.shown[number]}
        self.changed.clear()
        if budget == self.shown_at and all(self.shown[one].state == TrialState.RUNNING for one in changed):
            for number, outcome in changed.items():
                self._close(number, outcome)
                self.shown[number] = outcome
            return
        self.optuna, self.shown_at = self._empty(), budget
        self.shown = [self._outcome(one, budget) for one in self.trials]
        for one, outcome in zip(self.trials, self.shown, strict=True):
            self._add(self.optuna, one, outcome)

    def _add(self, study: optuna.Study, one: _Told, outcome: _Outcome) -> None:
        for key, value in one.sampler["study_attributes"].items():
            study._storage.set_study_system_attr(study._study_id, key, value)
        study.add_trial(_frozen(one.sampler, outcome))

    def _outcome(self, one: _Told, budget: int | None = None) -> _Outcome:
        """How a trial stands after `budget` epochs; without one, how it ended."""
        if one.state == "failed":
            if one.failure_kind == "out_of_memory":
                return _Outcome(state=TrialState.PRUNED, constraints=OUT_OF_MEMORY)
            return _Outcome(state=TrialState.FAIL)
        if one.state == "done" or (budget is not None and len(one.records) >= budget):
            record = one.records[-1 if budget is None else budget - 1]
            values = [float(record[metric]) for metric in self.objectives]
            # A NaN told to Optuna raises and leaves the trial running.
            finite = all(math.isfinite(value) for value in values)
            return _Outcome(state=TrialState.COMPLETE, values=values) if finite else _Outcome(state=TrialState.FAIL)
        if one.state == "running":
            return _Outcome(state=TrialState.RUNNING)
        if budget is not None:
            # Behind all that reached the budget; among each other, the sooner stopped the worse.
            shortfall = 1 - len(one.records) / self.study.epochs
            return _Outcome(state=TrialState.PRUNED, constraints={"budget": shortfall})
        # Optuna's TPE ranks stopped trials by their last value; with two directions it must not see one.
        return _Outcome(state=TrialState.PRUNED, intermediate=self._values(one) if len(self.objectives) == 1 else None)

    def _values(self, one: _Told) -> dict[int, float]:
        (metric,) = self.objectives
        return {int(record["epoch"]): float(record[metric]) for record in one.records}


def rate_points(space: Space, num_points: int, seed: int) -> list[dict[str, Scalar]]:
    """The learning rates that a search begins with, under Optuna's names: spread evenly over the range, each at a
    random place in its part, in random order. The same shares of the range in every arm, so that none begins luckier.
    """
    generator = np.random.default_rng(seed)
    shares = (generator.permutation(num_points) + generator.random(num_points)) / num_points
    ranges = {
        case.name: case.distribution
        for case in space.cases.get("learning_rate", ())
        if isinstance(case.distribution, Range)
    }
    return [{name: one.at(share) for name, one in ranges.items()} for share in shares] if ranges else []


def _frozen(sampler: Mapping[str, Any], outcome: _Outcome) -> FrozenTrial:
    return create_trial(
        state=outcome.state,
        values=outcome.values,
        params=sampler["params"],
        distributions={name: json_to_distribution(text) for name, text in sampler["distributions"].items()},
        # Optuna writes constraints into the mapping it is given.
        system_attrs=dict(sampler["attributes"]),
        intermediate_values=dict(outcome.intermediate) if outcome.intermediate else None,
        constraints=dict(outcome.constraints) if outcome.constraints else None,
    )
