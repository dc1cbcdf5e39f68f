"""scheduler.py: the rule in Ray's hands, fed from the ledger."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from study.definition.study import Study
from study.execution.scheduler import StopWithinArm, build_scheduler
from study.ledger.ledger import Ledger
from study.search.selection import make_entry
from tests.study.analytic import analytic_study
from trainables.records import Record

HALVING = ("search.early_stopping=pareto_halving", "search.min_epochs=2", "search.reduction_factor=3")


def add(study: Study, ledger: Ledger, number: int, delta_e: list[float], state: str = "running") -> str:
    """A trial of `color_only` with these records."""
    settings = {"learning_rate": 1e-3}
    entry = make_entry(study, "color_only", settings, phase="search", number=number, replicate=0, state=state)
    ledger.write(entry)
    ledger.write_records(entry.name, [{"epoch": e, "val/delta_e": value} for e, value in enumerate(delta_e, start=1)])
    return entry.name


def scheduler_of(study: Study, folder: Path) -> StopWithinArm:
    scheduler = build_scheduler(study, folder, study.search.early_stopping)
    assert isinstance(scheduler, StopWithinArm)
    return scheduler


def asked(scheduler: StopWithinArm, name: str, record: Record) -> str:
    trial: Any = SimpleNamespace(config={"trial": name})
    controller: Any = None
    return scheduler.on_trial_result(controller, trial, dict(record))


def test_a_driver_killed_between_a_record_and_its_verdict_gives_it_on_return(tmp_path: Path) -> None:
    study, ledger = analytic_study(*HALVING), Ledger(tmp_path)
    reached = [(2, "running", 9.0), (2, "running", 1.0), (3, "running", 5.0), (6, "done", 4.0), (1, "running", 9.0)]
    for number, (num_epochs, state, delta_e) in enumerate(reached):
        add(study, ledger, number, [delta_e] * num_epochs, state)
    scheduler_of(study, tmp_path).stop_overdue()
    # Four trials reached the rung of 2 epochs and one of them may go on; number 2 had been let through before.
    assert [entry.state for entry in ledger.entries()] == ["stopped", "running", "running", "done", "running"]


@pytest.mark.parametrize(("last", "verdict"), [(9.0, TrialScheduler.STOP), (0.5, TrialScheduler.CONTINUE)])
def test_a_trial_is_stopped_at_a_rung_where_its_arm_is_better(tmp_path: Path, last: float, verdict: str) -> None:
    study, ledger = analytic_study(*HALVING), Ledger(tmp_path)
    for number in range(3):
        add(study, ledger, number, [1.0, 1.0 + number])
    scheduler = scheduler_of(study, tmp_path)
    name = add(study, ledger, 3, [9.0, last])
    assert asked(scheduler, name, {"epoch": 1, "val/delta_e": 9.0}) == TrialScheduler.CONTINUE
    assert asked(scheduler, name, {"epoch": 2, "val/delta_e": last}) == verdict


def test_a_record_that_a_lost_worker_never_reported_is_judged_all_the_same(tmp_path: Path) -> None:
    study, ledger = analytic_study(*HALVING), Ledger(tmp_path)
    for number in range(3):
        add(study, ledger, number, [1.0, 1.0])
    scheduler = scheduler_of(study, tmp_path)
    name = add(study, ledger, 3, [9.0, 9.0, 9.0])
    assert asked(scheduler, name, {"epoch": 1, "val/delta_e": 9.0}) == TrialScheduler.CONTINUE
    assert asked(scheduler, name, {"epoch": 3, "val/delta_e": 9.0}) == TrialScheduler.STOP


def test_an_end_without_a_record_is_not_judged(tmp_path: Path) -> None:
    study = analytic_study(*HALVING)
    name = add(study, Ledger(tmp_path), 0, [])
    scheduler = scheduler_of(study, tmp_path)
    assert asked(scheduler, name, {"done": True, "end": "failed"}) == TrialScheduler.CONTINUE
