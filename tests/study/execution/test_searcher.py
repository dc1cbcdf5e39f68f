"""searcher.py: what Ray is handed, and what it makes of the ends Ray tells it."""

import json
import pickle
from pathlib import Path

import pytest
from ray.tune.search import Searcher

from study.execution.searcher import LedgerSearcher
from study.ledger.ledger import Ledger
from tests.study.analytic import analytic_study
from tests.study.assignments import assignment


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    (tmp_path / "lease.json").write_text(json.dumps({"token": "ours"}))
    return Ledger(tmp_path)


def searcher(ledger: Ledger) -> LedgerSearcher:
    """As Ray gets it: pickled once before its first use."""
    made = LedgerSearcher(analytic_study(), "search", assignment(Path(ledger.folder)))
    copy: LedgerSearcher = pickle.loads(pickle.dumps(made))
    return copy


def finish(ledger: Ledger, one: LedgerSearcher, trial_id: str, name: str) -> None:
    ledger.write_records(name, [{"epoch": 1, "val/delta_e": 5.0, "val/top1": 0.5}])
    one.on_trial_complete(trial_id, {"end": "done"})


def test_trials_are_dealt_out_evenly_over_arms(ledger: Ledger) -> None:
    one = searcher(ledger)
    names = []
    while isinstance(suggestion := one.suggest(f"ray{len(names)}"), dict):
        names.append(suggestion["trial"])
        finish(ledger, one, f"ray{len(names) - 1}", names[-1])
    arms = [name.split("-")[0] for name in names]
    assert suggestion == Searcher.FINISHED
    assert len(names) == 12 and all(set(arms[i : i + 3]) == {"joint", "color_only", "class_only"} for i in (0, 3, 6, 9))


def test_unfinished_trials_come_first_with_their_own_settings(ledger: Ledger) -> None:
    one = searcher(ledger)
    names = [one.suggest(f"ray{index}")["trial"] for index in range(4)]  # type: ignore[index]
    finish(ledger, one, "ray1", names[1])
    before = {name: ledger.entry(name).config for name in names}
    again = searcher(ledger)
    handed = [again.suggest(f"new{index}")["trial"] for index in range(4)]  # type: ignore[index]
    assert set(handed[:3]) == set(names) - {names[1]}
    assert handed[3] not in names
    assert {name: ledger.entry(name).config for name in names} == before


@pytest.mark.parametrize(
    ("result", "error", "state", "kind"),
    [
        ({"end": "done"}, False, "done", ""),
        ({"epoch": 1}, False, "stopped", ""),
        ({"end": "failed", "failure_kind": "not_finite", "failure_message": "m"}, False, "failed", "not_finite"),
        ({"end": "failed", "failure_kind": "out_of_memory", "failure_message": "m"}, False, "failed", "out_of_memory"),
        (None, True, "failed", "worker_lost"),
        ({"epoch": 1}, True, "failed", "worker_lost"),
    ],
)
def test_every_end_reaches_the_ledger_and_the_sampler(
    ledger: Ledger, result: dict[str, object] | None, error: bool, state: str, kind: str
) -> None:
    one = searcher(ledger)
    name = one.suggest("ray")["trial"]  # type: ignore[index]
    ledger.write_records(name, [{"epoch": 1, "val/delta_e": 5.0, "val/top1": 0.5}])
    one.on_trial_complete("ray", result, error)
    entry = ledger.entry(name)
    assert (entry.state, entry.failure_kind) == (state, kind)
    told = {"done": "COMPLETE", "stopped": "PRUNED", "failed": "PRUNED" if kind == "out_of_memory" else "FAIL"}[state]
    trial = one.searches[entry.rivals].optuna.trials[0]
    assert trial.state.name == told
    assert trial.constraints == ({"memory": 1.0} if kind == "out_of_memory" else {})


def test_a_search_with_early_stopping_hears_of_running_trials(ledger: Ledger) -> None:
    study = analytic_study("search.sampler=tpe", "search.early_stopping=pareto_halving", "search.min_epochs=1")
    made = LedgerSearcher(study, "search", assignment(Path(ledger.folder)))
    name = made.suggest("ray")["trial"]  # type: ignore[index]
    made.on_trial_result("ray", {"epoch": 1, "val/delta_e": 5.0, "val/top1": 0.5})
    made.on_trial_result("ray", {"done": True, "end": "failed"})
    arm = ledger.entry(name).arm
    assert [record["epoch"] for record in made.searches[0, arm].trials[0].records] == [1]


def test_another_study_s_best_settings_are_tried_first(ledger: Ledger) -> None:
    kept = {"from": "small", "arms": {"joint": [{"learning_rate": 0.002}], "color_only": [], "class_only": []}}
    (ledger.folder / "warm_start.json").write_text(json.dumps(kept))
    made = LedgerSearcher(analytic_study("search.warm_start=small"), "search", assignment(Path(ledger.folder)))
    names = [made.suggest(f"ray{index}")["trial"] for index in range(3)]  # type: ignore[index]
    rates = {name: ledger.entry(name).config["learning_rate"] for name in names}
    assert rates["joint-search-0"] == 0.002 and rates["color_only-search-0"] != 0.002


def test_a_driver_that_lost_the_study_writes_nothing_more(ledger: Ledger) -> None:
    one = searcher(ledger)
    name = one.suggest("ray")["trial"]  # type: ignore[index]
    (ledger.folder / "lease.json").write_text(json.dumps({"token": "another driver's"}))
    before = ledger.entry(name)
    one.on_trial_complete("ray", {"end": "done"})
    assert one.suggest("next") == Searcher.FINISHED
    assert ledger.names() == [name] and ledger.entry(name) == before


def test_a_trial_whose_storage_failed_stays_open_for_the_next_launch(ledger: Ledger) -> None:
    one = searcher(ledger)
    name = one.suggest("ray")["trial"]  # type: ignore[index]
    one.on_trial_complete("ray", {"done": True, "end": "storage", "failure_message": "Storage failed"})
    assert ledger.entry(name).state == "running"


def test_a_searcher_that_cannot_write_says_why_and_suggests_nothing_more(ledger: Ledger) -> None:
    one = searcher(ledger)
    first = one.suggest("ray")["trial"]  # type: ignore[index]
    # A file where the trial's folder should be: as if the storage had lost it.
    second = ledger.trials / "color_only-search-0"
    second.touch()
    assert one.suggest("next") == Searcher.FINISHED
    assert one.storage_problem.startswith("Storage failed on") and str(second) in one.storage_problem
    one.on_trial_complete("ray", {"end": "done"})
    assert one.suggest("another") == Searcher.FINISHED and ledger.entry(first).state == "running"
