"""arm_search.py: the same ledger gives the same suggestion, whoever asks and whenever."""

import dataclasses
import itertools
import math
import random

import optuna
import pytest

from study.definition.load import parse_study
from study.definition.methods import SAMPLERS
from study.definition.study import Study
from study.ledger.ledger import Entry
from study.search.arm_search import ArmSearch
from study.search.selection import make_entry
from tests.study.analytic import TEXT, analytic_study
from tests.study.design_study import DESIGN
from trainables.records import Record

States = list[tuple[Entry, list[Record]]]


def grow(study: Study, arm: str, states: list[str]) -> tuple[ArmSearch, States]:
    """An arm's search that has been told of trials that ended in these states, and what the ledger then holds."""
    search, told = ArmSearch(study, arm, []), []
    for number, state in enumerate(states):
        settings, sampler = search.ask()
        entry = make_entry(study, arm, settings, phase="search", number=number, replicate=0)
        state, _, kind = state.partition(" ")
        entry = dataclasses.replace(entry, sampler=sampler, searched=settings, state=state, failure_kind=kind)
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
    states = ["done", "stopped", "done", "failed not_finite", "failed out_of_memory", "done", "done", "running", "done"]
    search, told = grow(study, arm, states)
    rebuilt = ArmSearch(study, arm, told)
    for _ in range(3):
        assert rebuilt.ask()[0] == search.ask()[0]
    assert rebuilt.optuna.sampler.__class__ is search.optuna.sampler.__class__


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
@pytest.mark.parametrize("rule", ["median", "pareto_halving"])
def test_a_rebuilt_search_with_early_stopping_goes_on_as_if_never_stopped(sampler: str, rule: str) -> None:
    study = analytic_study(f"search.sampler={sampler}", f"search.early_stopping={rule}", "search.min_epochs=1",
                           "search.trials_per_arm=12")  # fmt: skip
    states = ["done", "stopped", "done", "failed not_finite", "failed out_of_memory", "done", "running", "stopped"]
    for arm in ("joint", "color_only"):
        search, told = grow(study, arm, states)
        search.hear(6, told[6][1][0])
        search.hear(6, told[6][1][1])
        rebuilt = ArmSearch(study, arm, told)
        for _ in range(3):
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
    states = ["done", "stopped", "failed not_finite", "running", "failed out_of_memory", "failed worker_lost"]
    search, told = grow(analytic_study(), "color_only", states)
    names = [trial.state.name for trial in search.optuna.trials]
    assert names == ["COMPLETE", "PRUNED", "FAIL", "RUNNING", "PRUNED", "FAIL"]
    assert search.optuna.trials[0].values == [8.0]
    # One objective: a stopped trial counts by how far it got.
    assert search.optuna.trials[1].intermediate_values == {1: 8.0, 2: 7.0}
    rebuilt = ArmSearch(analytic_study(), "color_only", told)
    assert [trial.state.name for trial in rebuilt.optuna.trials] == names
    assert rebuilt.optuna.trials[1].intermediate_values == search.optuna.trials[1].intermediate_values
    for one in (search, rebuilt):
        assert [trial.constraints for trial in one.optuna.trials] == [{}, {}, {}, {}, {"memory": 1.0}, {}]
        assert one.optuna.trials[4].intermediate_values == {}


@pytest.mark.parametrize("arm", ["joint", "color_only"])
def test_tpe_keeps_away_from_settings_that_do_not_fit_into_memory(arm: str) -> None:
    def share_of_large(kind: str) -> float:
        """How often the sampler asks for learning rates above the middle, where every trial fails, with this kind."""
        study = analytic_study("search.sampler=tpe", "search.trials_per_arm=30", "base.epochs=2")
        search, num_large = ArmSearch(study, arm, []), 0
        for number in range(30):
            settings, sampler = search.ask()
            large = settings["learning_rate"] > 1.7e-3
            num_large += large and number >= 10
            entry = make_entry(study, arm, settings, phase="search", number=number, replicate=0)
            state = {"state": "failed", "failure_kind": kind} if large else {"state": "done"}
            records: list[Record] = [{"epoch": 2, "val/delta_e": 5.0, "val/top1": 0.5}]
            search.tell(dataclasses.replace(entry, sampler=sampler, searched=settings, **state), records)
        return num_large / 20

    assert share_of_large("out_of_memory") <= share_of_large("ValueError") / 2


@pytest.mark.parametrize("kind", ["not_finite", "out_of_memory"])
def test_gp_does_not_suggest_again_what_failed(kind: str) -> None:
    study = analytic_study("search.sampler=gp", "search.trials_per_arm=9")
    search, _ = grow(study, "color_only", ["done", "done", "done"])
    rates = [math.log10(search.ask()[0]["learning_rate"])]
    for number in range(3, 7):
        entry = make_entry(study, "color_only", {"learning_rate": 10 ** rates[-1]}, phase="search", number=number,
                           replicate=0, state="failed", failure_kind=kind)  # fmt: skip
        search.tell(entry, [])
        rates.append(math.log10(search.ask()[0]["learning_rate"]))
    assert min(abs(one - other) for one, other in itertools.combinations(rates, 2)) > 0.05


def test_with_early_stopping_all_trials_are_shown_at_the_budget_that_enough_reached() -> None:
    study = analytic_study("search.sampler=tpe", "search.early_stopping=pareto_halving", "search.min_epochs=1",
                           "search.reduction_factor=2", "search.trials_per_arm=9")  # fmt: skip
    search, told = ArmSearch(study, "joint", []), []
    ends = [(6, "done"), (4, "running"), (2, "stopped"), (1, "stopped"), (1, "running"), (0, "failed")]
    for number, (num_epochs, state) in enumerate(ends):
        settings, sampler = search.ask()
        entry = make_entry(study, "joint", settings, phase="search", number=number, replicate=0)
        entry = dataclasses.replace(entry, sampler=sampler, searched=settings, state=state)
        records: list[Record] = [
            {"epoch": e, "val/delta_e": 10.0 * number + e, "val/top1": 0.0} for e in range(1, num_epochs + 1)
        ]
        told.append((entry, records))
        for record in records:
            search.hear(number, record)
        if state != "running":
            search.tell(entry, records)
    search.ask()
    # A third of nine trials is enough: three reached 2 epochs, only two reached 4.
    shown = search.optuna.trials[:6]
    assert [trial.state.name for trial in shown] == ["COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "RUNNING", "FAIL"]
    assert [trial.values[0] for trial in shown[:3]] == [2.0, 12.0, 22.0]
    # One epoch of six: the sooner stopped, the farther from what is allowed, but nearer than what does not fit at all.
    assert shown[3].constraints == {"budget": pytest.approx(5 / 6)}
    assert told[3][0].sampler["attributes"] == ArmSearch(study, "joint", told).trials[3].sampler["attributes"]


@pytest.mark.parametrize(("sampler", "stopping"), [("tpe", "pareto_halving"), ("nsga2", "none")])
def test_a_search_that_goes_on_suggests_what_one_rebuilt_from_the_ledger_does(sampler: str, stopping: str) -> None:
    rungs = ["search.min_epochs=1", "search.reduction_factor=2"] if stopping != "none" else []
    chosen = [f"search.sampler={sampler}", f"search.early_stopping={stopping}", "search.trials_per_arm=24"]
    study = analytic_study(*chosen, *rungs)
    chance = random.Random(0)
    search = ArmSearch(study, "joint", [])
    told: list[tuple[Entry, list[Record]]] = []
    for number in range(24):
        rebuilt = ArmSearch(study, "joint", [(entry, list(records)) for entry, records in told])
        settings, kept = search.ask()
        assert rebuilt.ask()[0] == settings
        entry = make_entry(study, "joint", settings, phase="search", number=number, replicate=0)
        told.append((dataclasses.replace(entry, sampler=kept, searched=settings, state="running"), []))
        # Three slots: trials end out of turn, some early, some not at all.
        running = [index for index, (entry, _) in enumerate(told) if not entry.finished]
        for index in chance.sample(running, max(0, len(running) - 2)):
            entry, records = told[index]
            num_epochs = chance.choice([1, 2, 4, 6]) if stopping != "none" else 6
            for epoch in range(len(records) + 1, num_epochs + 1):
                records.append({"epoch": epoch, "val/delta_e": chance.random(), "val/top1": chance.random()})
                search.hear(index, records[-1])
            if num_epochs != 4:
                state = "done" if len(records) == 6 else chance.choice(["stopped", "failed"])
                told[index] = dataclasses.replace(entry, state=state), records
                search.tell(told[index][0], records)


def test_a_trial_keeps_only_what_the_sampler_s_study_gained_with_it() -> None:
    study = analytic_study("search.sampler=nsga2", "search.trials_per_arm=40")
    _, told = grow(study, "joint", ["done"] * 40)
    kept = [key for entry, _ in told for key in entry.sampler["study_attributes"]]
    assert kept and len(kept) == len(set(kept))


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


def test_every_arm_of_a_fold_begins_with_the_same_shares_of_its_learning_rate_range() -> None:
    wider = TEXT.replace("color_only: {", "color_only: {learning_rate: {log_uniform: [1.0e-5, 1.0e-1]}, ")
    study = parse_study(wider, overrides=["search.trials_per_arm=9"])

    def shares(arm: str, fold: int = 0) -> list[float]:
        search = ArmSearch(study, arm, [], fold=fold)
        (case,) = study.arm_space(arm).cases["learning_rate"]
        rates = [float(search.ask()[0]["learning_rate"]) for _ in range(3)]
        low, high = math.log(case.distribution.low), math.log(case.distribution.high)  # type: ignore[union-attr]
        return [(math.log(rate) - low) / (high - low) for rate in rates]

    assert shares("joint") == pytest.approx(shares("color_only"))
    # One in each third of the range.
    assert sorted(int(3 * share) for share in shares("joint")) == [0, 1, 2]


def test_each_fold_has_a_sampler_seed_of_its_own() -> None:
    text = TEXT.replace("replicates: 3", "folds: 2, looks: [1]")
    first, second = (ArmSearch(parse_study(text), "joint", [], fold=fold).ask()[0] for fold in (0, 1))
    assert first != second


def test_a_learning_rate_with_a_range_for_each_optimizer_begins_at_one_share_of_whichever_applies() -> None:
    study = parse_study(DESIGN)
    search, rates = ArmSearch(study, "joint", []), ArmSearch(study, "color_only", [])
    names = [set(params) for params in search.first]
    assert len(names) == 10 and names[0] == {f"learning_rate@{name}" for name in ("adamw", "sgd", "adadelta")}
    assert search.first == rates.first
