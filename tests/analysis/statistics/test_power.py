"""Power agrees with studies simulated elsewhere, with formulas, and with itself."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import power as module
from analysis.statistics import rule
from analysis.statistics.contrasts import contrasts
from analysis.statistics.power import Power, no_difference, power
from analysis.tables import Tables
from tests.analysis.simulated_studies import NUM_PHOTOS, PLANS, share

SPREAD = {"replicates": 0.38, "photos": 1.74, "rest": 3.0}


def of(plan: str, search: float, **changes: object) -> Power:
    one = PLANS[plan]
    settings = {
        "num_folds": one.num_folds, "looks": one.looks, "shares": one.shares,
        "photos_per_fold": NUM_PHOTOS // one.num_folds, "margin": 0.5, "family_size": 2,
    }  # fmt: skip
    return power({**SPREAD, "search": search}, **{**settings, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("search", [0.0, 0.29])
def test_chances_are_those_of_the_simulated_studies(plan: str, search: float) -> None:
    found = of(plan, search)
    assert found.no_difference == pytest.approx(share(plan, "color", 0.0, search, rule.EQUIVALENT), abs=0.015)
    assert found.helps_at_margin == pytest.approx(share(plan, "color", -0.5, search, rule.HELPS), abs=0.015)


def test_the_smallest_effect_is_found_in_four_of_five_studies() -> None:
    smallest = of("12 x 2", 0.19).smallest_effect
    assert share("12 x 2", "color", -smallest, 0.19, rule.HELPS) == pytest.approx(0.8, abs=0.015)


def test_one_look_without_search_luck_is_a_t_test_s_power() -> None:
    found = of("12 x 2", 0.0, looks=[1], shares=[1.0], family_size=1, margin=None)
    error = np.sqrt((0.38**2 + (1.74**2 + 3.0**2) / 60) / 12)
    critical = stats.t.ppf(0.975, 11)
    exact = stats.nct.sf(critical, 11, found.smallest_effect / error)
    assert exact == pytest.approx(0.8, abs=0.015)
    assert np.isnan([found.no_difference, found.helps_at_margin]).all()


def test_one_fold_has_the_power_of_the_crossed_design() -> None:
    found = of("12 x 2", 5.0, num_folds=1, looks=[6], shares=[1.0], photos_per_fold=174)
    assert found == of("12 x 2", 0.0, num_folds=1, looks=[6], shares=[1.0], photos_per_fold=174)
    # Standard error 0.224: the normal quantiles of 2.5 % over two and 80 % together are 3.08 of it, t a little more.
    assert 0.69 < found.smallest_effect < 0.85
    assert found.no_difference < 0.3


def test_more_photos_folds_and_margin_never_cost_power() -> None:
    base = of("8 x 2, 3", 0.19)
    assert of("8 x 2, 3", 0.19, photos_per_fold=200).smallest_effect < base.smallest_effect
    assert of("8 x 2, 3", 0.19, num_folds=16).smallest_effect < base.smallest_effect
    assert of("8 x 2, 3", 0.19, margin=0.8).no_difference > base.no_difference
    assert of("8 x 2, 3", 0.19, family_size=6).smallest_effect > base.smallest_effect


def test_too_few_replicates_of_one_fold_find_nothing() -> None:
    found = of("12 x 2", 0.0, num_folds=1, looks=[2], shares=[1.0])
    assert found == Power(float("inf"), 0.0, 0.0)


def test_the_same_plan_gets_the_same_numbers() -> None:
    assert of("12 x 2", 0.19) == of("12 x 2", 0.19)
    one = PLANS["12 x 2"]
    alone = no_difference(
        {**SPREAD, "search": 0.19}, num_folds=12, looks=one.looks, shares=one.shares, photos_per_fold=60, margin=0.5,
        family_size=2,
    )  # fmt: skip
    assert alone == of("12 x 2", 0.19).no_difference


@pytest.mark.parametrize(
    ("spread", "said"),
    [
        ({"replicates": 0.1, "photos": 1.0}, "has no rest"),
        ({**SPREAD, "seed": 0.1}, "knows no 'seed'"),
        ({**SPREAD, "search": -0.1}, "search must be a standard deviation of at least 0, but got -0.1"),
        ({**SPREAD, "rest": float("nan")}, "rest must be a standard deviation"),
    ],
)
def test_a_spread_that_is_none_is_refused(spread: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        power(spread, num_folds=8, looks=[2], shares=[1.0], photos_per_fold=9, margin=None, family_size=1)


def test_a_spread_from_a_verdict_can_be_planned_with(make_tables: Callable[..., Tables]) -> None:
    for tables in (make_tables(name="one"), make_tables(name="folds", num_folds=8, num_photos=240)):
        spread = contrasts(tables).iloc[0]["spread"]
        assert set(spread) <= set(module.COMPONENTS)
        found = power(
            spread, num_folds=8, looks=[1, 2], shares=[0.1, 0.9], photos_per_fold=30, margin=0.5, family_size=2
        )
        assert 0 < found.smallest_effect < 5
