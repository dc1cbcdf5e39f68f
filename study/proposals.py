"""The search of one arm: an Optuna study rebuilt from the ledger, asked for settings and told their results.

Suggestion k depends on the study's seed, the arm, k, and what was told, so a search continues after any interruption
without a stored generator.
"""

import math
from typing import Any

import optuna
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from study.ledger import Entry
from study.samplers import build_sampler
from study.space import sample
from study.study_file import Study
from trainables.records import Record
from trainables.seeds import derive_seed

optuna.logging.set_verbosity(optuna.logging.WARNING)


DIRECTIONS = {"min": StudyDirection.MINIMIZE, "max": StudyDirection.MAXIMIZE}


class ArmSearch:
    """Suggests settings for one arm.

    Args:
        study: the study file.
        arm: name of the arm.
        told: the arm's search trials so far, by number, each with its records.
    """

    def __init__(self, study: Study, arm: str, told: list[tuple[Entry, list[Record]]]) -> None:
        self.study, self.arm = study, arm
        self.space = study.arm_space(arm)
        self.objectives = study.arm_objectives(arm)
        self.enqueued = study.enqueued_params(arm)
        directions = [DIRECTIONS[better] for better in self.objectives.values()]
        self.optuna = optuna.create_study(directions=directions)
        for number, (entry, records) in enumerate(told):
            assert entry.number == number, f"{entry.name} stands at {number}"
            self._add(entry, records)

    def ask(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The next settings of the arm, and what the ledger keeps to rebuild Optuna's trial."""
        number = len(self.optuna.get_trials(deepcopy=False))
        search = self.study.search
        seed = derive_seed(self.study.seed, "sampler", self.arm, number) % 2**32
        self.optuna.sampler = build_sampler(search.sampler, seed=seed, trials_per_arm=search.trials_per_arm)
        if number < len(self.enqueued):
            self.optuna.enqueue_trial(self.enqueued[number])
        trial = self.optuna.ask()
        settings = dict(sample(self.space, trial))
        distributions = {name: distribution_to_json(one) for name, one in trial.distributions.items()}
        # NSGA-II keeps a trial's generation with the trial, and the parents of each generation with the study.
        attributes = dict(self.optuna.get_trials(deepcopy=False)[number].system_attrs)
        shared = self.optuna._storage.get_study_system_attrs(self.optuna._study_id)
        return settings, {
            "params": dict(trial.params),
            "distributions": distributions,
            "attributes": attributes,
            "study_attributes": dict(shared),
        }

    def tell(self, entry: Entry, records: list[Record]) -> None:
        """Reports how a trial ended."""
        state, values = self._outcome(entry, records)
        if state == TrialState.PRUNED and len(self.objectives) == 1:
            # Optuna's TPE ranks stopped trials by their last value; with two directions it must not see one.
            storage = self.optuna._storage
            trial_id = self.optuna.get_trials(deepcopy=False)[entry.number]._trial_id
            for step, value in self._intermediate(records).items():
                storage.set_trial_intermediate_value(trial_id, step, value)
        self.optuna.tell(entry.number, values, state=state)

    def _add(self, entry: Entry, records: list[Record]) -> None:
        for key, value in entry.sampler["study_attributes"].items():
            self.optuna._storage.set_study_system_attr(self.optuna._study_id, key, value)
        state, values = self._outcome(entry, records)
        intermediate = self._intermediate(records) if state == TrialState.PRUNED and len(self.objectives) == 1 else None
        self.optuna.add_trial(
            create_trial(
                state=state,
                values=values,
                params=entry.sampler["params"],
                distributions={n: json_to_distribution(text) for n, text in entry.sampler["distributions"].items()},
                system_attrs=entry.sampler["attributes"],
                intermediate_values=intermediate,
            )
        )

    def _outcome(self, entry: Entry, records: list[Record]) -> tuple[TrialState, list[float] | None]:
        if not entry.finished:
            return TrialState.RUNNING, None
        if entry.state == "stopped":
            return TrialState.PRUNED, None
        if entry.state == "done":
            values = [float(records[-1][metric]) for metric in self.objectives]
            # A NaN told to Optuna raises and leaves the trial running.
            if all(math.isfinite(value) for value in values):
                return TrialState.COMPLETE, values
        return TrialState.FAIL, None

    def _intermediate(self, records: list[Record]) -> dict[int, float]:
        (metric,) = self.objectives
        return {int(record["epoch"]): float(record[metric]) for record in records}
