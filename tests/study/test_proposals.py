"""study/proposals.py: the same ledger gives the same suggestion, whoever asks and whenever."""

import dataclasses

import optuna
import pytest

from study.entries import make_entry
from study.ledger import Entry
from study.proposals import ArmSearch
from study.samplers import SAMPLERS
from study.study_file import Study
from tests.study.analytic import analytic_study
from trainables.records import Record

States = list[tuple[Entry, list[Record]]]


def grow(study: Study, arm: str, states: list[str]) -> tuple[ArmSearch, States]:
    """An arm's search that has been told of trials that ended in these states, and what the ledger then holds."""
    search, told = ArmSearch(study, arm, []), []
    for number, state in enumerate(states):
        settings, sampler = search.ask()
        entry = make_entry(study, arm, settings, phase="search", number=number, replicate=0)
        entry = dataclasses.replace(entry, sampler=sampler, searched=settings, state=state)
        records: list[Record] = [
            {"epoch": epoch, "val/delta_e": 10.0 - number - epoch, "val/top1": 0.1 * number} for epoch in (1, 2)
        ]
        if entry.finished:
            search.tell(entry, records)
        told.append((entry, records))
    return search, told


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("arm", ["joint", "color_only"])
def test_a_search_rebuilt_from_the_ledger_goes_on_as_if_never_stopped(sampler: str, arm: str) -> None:
    study = analytic_study(f"search.sampler={sampler}", "search.trials_per_arm=12")
    states = ["done", "stopped", "done", "failed", "done", "done", "running", "done"]
    search, told = grow(study, arm, states)
    rebuilt = ArmSearch(study, arm, told)
    assert rebuilt.ask()[0] == search.ask()[0]


def test_a_suggestion_depends_on_study_seed_arm_and_number() -> None:
    def first_two(seed: int) -> list[float]:
        search, _ = grow(analytic_study(f"seed={seed}"), "color_only", ["done"])
        (told,) = [trial.params["learning_rate"] for trial in search.optuna.trials]
        return [told, search.ask()[0]["learning_rate"]]

    assert first_two(0) == first_two(0)
    assert first_two(0) != first_two(1)
    assert first_two(0)[0] != first_two(0)[1]


def test_optuna_is_told_the_truth_about_every_end() -> None:
    search, told = grow(analytic_study(), "color_only", ["done", "stopped", "failed", "running"])
    names = [trial.state.name for trial in search.optuna.trials]
    assert names == ["COMPLETE", "PRUNED", "FAIL", "RUNNING"]
    assert search.optuna.trials[0].values == [8.0]
    # One objective: a stopped trial counts by how far it got.
    assert search.optuna.trials[1].intermediate_values == {1: 8.0, 2: 7.0}
    rebuilt = ArmSearch(analytic_study(), "color_only", told)
    assert [trial.state.name for trial in rebuilt.optuna.trials] == names
    assert rebuilt.optuna.trials[1].intermediate_values == search.optuna.trials[1].intermediate_values


def test_with_two_objectives_a_stopped_trial_has_no_intermediate_values() -> None:
    search, _ = grow(analytic_study(), "joint", ["stopped"])
    assert search.optuna.trials[0].state == optuna.trial.TrialState.PRUNED
    assert search.optuna.trials[0].intermediate_values == {}


def test_a_value_that_is_not_a_number_is_told_as_a_failure() -> None:
    study = analytic_study()
    search = ArmSearch(study, "color_only", [])
    settings, sampler = search.ask()
    entry = make_entry(study, "color_only", settings, phase="search", number=0, replicate=0)
    search.tell(dataclasses.replace(entry, sampler=sampler, state="done"), [{"epoch": 1, "val/delta_e": float("nan")}])
    assert search.optuna.trials[0].state.name == "FAIL"


def test_enqueued_settings_come_first() -> None:
    study = analytic_study("search.enqueue=[{learning_rate: 0.002}]")
    search = ArmSearch(study, "color_only", [])
    assert search.ask()[0]["learning_rate"] == 0.002
    assert search.ask()[0]["learning_rate"] != 0.002
