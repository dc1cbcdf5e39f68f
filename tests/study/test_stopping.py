"""study/stopping.py: who goes on at a rung, worked out by hand."""

from pathlib import Path

from study.entries import make_entry
from study.ledger import Ledger
from study.stopping import ParetoHalving, best_share
from tests.study.analytic import analytic_study


def test_nobody_is_stopped_before_there_are_enough_to_compare() -> None:
    assert best_share({"a": (5.0,), "b": (1.0,)}, factor=3) == {"a", "b"}


def test_with_one_objective_the_best_third_goes_on() -> None:
    losses = {name: (float(value),) for name, value in zip("abcdef", [4, 1, 6, 2, 5, 3], strict=True)}
    assert best_share(losses, factor=3) == {"b", "d"}


def test_with_two_objectives_the_front_goes_first() -> None:
    losses = {"a": (1.0, 9.5), "b": (9.0, 1.0), "c": (4.0, 4.0), "d": (5.0, 5.0), "e": (9.0, 9.0), "f": (2.0, 10.0)}
    # The front is a, b, c; the sums of ranks are 4, 4 and 3.
    assert best_share(losses, factor=6) == {"c"}
    assert best_share(losses, factor=2) == {"a", "b", "c"}


def test_a_dominated_trial_never_goes_on_before_one_that_dominates_it() -> None:
    losses = {"good": (1.0, 1.0), "worse": (1.0, 2.0), "worst": (2.0, 2.0)}
    assert best_share(losses, factor=3) == {"good"}


def test_equal_trials_are_taken_by_name() -> None:
    assert best_share({"b": (1.0,), "a": (1.0,), "c": (1.0,)}, factor=3) == {"a"}


def test_a_driver_killed_between_a_record_and_its_verdict_gives_it_on_return(tmp_path: Path) -> None:
    study = analytic_study("search.early_stopping=pareto_halving", "search.min_epochs=2", "search.reduction_factor=3")
    ledger = Ledger(tmp_path)
    reached = [(2, "running", 9.0), (2, "running", 1.0), (3, "running", 5.0), (6, "done", 4.0), (1, "running", 9.0)]
    for number, (num_epochs, state, delta_e) in enumerate(reached):
        entry = make_entry(
            study, "color_only", {"learning_rate": 1e-3}, phase="search", number=number, replicate=0, state=state
        )
        ledger.write(entry)
        ledger.write_records(entry.name, [{"epoch": e, "val/delta_e": delta_e} for e in range(1, num_epochs + 1)])
    ParetoHalving(study, tmp_path).stop_overdue()
    # Four trials reached the rung of 2 epochs and one of them may go on; number 2 had been let through before.
    assert [entry.state for entry in ledger.entries()] == ["stopped", "running", "running", "done", "running"]
