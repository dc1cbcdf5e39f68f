"""early_stopping.py: who goes on, worked out by hand."""

import pytest

from study.definition.methods import EARLY_STOPPING
from study.search.early_stopping import RULES, Median, ParetoHalving, Rule, best_share, budgets, spanning_order
from tests.study.analytic import analytic_study
from trainables.records import Record

HALVING = ("search.early_stopping=pareto_halving", "search.min_epochs=2", "search.reduction_factor=3")
MEDIAN = ("search.early_stopping=median", "search.min_epochs=2")


def record(epoch: int, delta_e: float, top1: float = 0.0) -> Record:
    return {"epoch": epoch, "val/delta_e": delta_e, "val/top1": top1}


def note(rule: Rule, arm: str, name: str, *delta_e: float) -> None:
    for epoch, value in enumerate(delta_e, start=1):
        rule.note((0, arm), name, record(epoch, value))


def test_with_one_objective_the_best_third_goes_on() -> None:
    losses = {name: (float(value),) for name, value in zip("abcdef", [4, 1, 6, 2, 5, 3], strict=True)}
    assert best_share(losses, factor=3) == {"b", "d"}


def test_with_two_objectives_the_front_goes_first_and_its_ends_before_its_middle() -> None:
    losses = {"a": (1.0, 9.5), "b": (9.0, 1.0), "c": (4.0, 4.0), "d": (5.0, 5.0), "e": (9.0, 9.0), "f": (2.0, 10.0)}
    # The front is a, b, c; a has the best first objective, b the best second.
    assert best_share(losses, factor=6) == {"a"}
    assert best_share(losses, factor=3) == {"a", "b"}
    assert best_share(losses, factor=2) == {"a", "b", "c"}


def test_a_front_is_ordered_by_the_widest_gap() -> None:
    # Between the ends (0, 1) and (1, 0) the middle is farthest from both, then the wider of the two gaps is filled.
    front = {"end": (0.0, 100.0), "near": (0.1, 85.0), "middle": (0.5, 50.0), "far": (0.75, 25.0), "other": (1.0, 0.0)}
    assert spanning_order(front) == ["end", "other", "middle", "far", "near"]


def test_a_dominated_trial_never_goes_on_before_one_that_dominates_it() -> None:
    losses = {"good": (1.0, 1.0), "worse": (1.0, 2.0), "worst": (2.0, 2.0)}
    assert best_share(losses, factor=3) == {"good"}


def test_equal_trials_are_taken_by_name() -> None:
    assert best_share({"b": (1.0,), "a": (1.0,), "c": (1.0,)}, factor=3) == {"a"}


def test_rungs_grow_by_the_factor_up_to_the_last_epoch() -> None:
    assert budgets(analytic_study("base.epochs=60", *HALVING)) == [2, 6, 18, 54, 60]


def test_halving_decides_at_rungs_and_never_at_the_last_epoch() -> None:
    rule = ParetoHalving(analytic_study("base.epochs=6", *HALVING))
    assert [epoch for epoch in range(1, 7) if rule.decides(epoch)] == [2]


def test_halving_compares_trials_of_one_arm_only() -> None:
    rule = ParetoHalving(analytic_study(*HALVING))
    for name, value in zip("abc", [1.0, 2.0, 3.0], strict=True):
        note(rule, "color_only", name, 9.0, value)
        note(rule, "joint", f"joint-{name}", 9.0, value + 100)
    assert [rule.goes_on((0, "color_only"), name, 2) for name in "abc"] == [True, False, False]
    assert rule.goes_on((0, "joint"), "joint-a", 2)


@pytest.mark.parametrize("changes", [HALVING, MEDIAN])
def test_nobody_is_stopped_before_grace_trials_have_come_as_far(changes: tuple[str, ...]) -> None:
    study = analytic_study(*changes, "search.grace_trials=4")
    build = RULES[study.search.early_stopping]
    assert build is not None
    rule = build(study)
    for name, value in zip("abc", [1.0, 2.0, 3.0], strict=True):
        note(rule, "color_only", name, value, value)
    assert rule.goes_on((0, "color_only"), "c", 2)
    note(rule, "color_only", "d", 0.5, 0.5)
    assert not rule.goes_on((0, "color_only"), "c", 2)


def test_median_compares_the_best_so_far_with_the_median_of_means() -> None:
    rule = Median(analytic_study(*MEDIAN))
    note(rule, "color_only", "a", 4.0, 2.0)
    note(rule, "color_only", "b", 6.0, 4.0)
    note(rule, "color_only", "late", 8.0, 4.5)
    # Means of the others to epoch 2 are 3 and 5: their median is 4.
    assert not rule.goes_on((0, "color_only"), "late", 2)
    note(rule, "color_only", "lucky", 3.9, 9.0)
    # Means of the others: 3, 5, 6.25; the best of `lucky` so far is 3.9.
    assert rule.goes_on((0, "color_only"), "lucky", 2)
    assert [epoch for epoch in range(1, 7) if rule.decides(epoch)] == [2, 3, 4, 5]


def test_median_of_two_objectives_stops_who_is_worse_in_both() -> None:
    rule = Median(analytic_study(*MEDIAN))
    values = {"a": (2.0, 0.5), "b": (2.0, 0.5), "half": (9.0, 0.9), "worse": (9.0, 0.1)}
    for name, (delta_e, top1) in values.items():
        for epoch in (1, 2):
            rule.note((0, "joint"), name, record(epoch, delta_e, top1))
    assert rule.goes_on((0, "joint"), "half", 2) and not rule.goes_on((0, "joint"), "worse", 2)


def test_every_rule_is_known_to_study_files() -> None:
    assert set(EARLY_STOPPING) == set(RULES)
