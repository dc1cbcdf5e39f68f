"""Fold means against slow loops, and the spread against a known truth."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import crossed, folds, rule


def test_fold_means_match_a_slow_loop() -> None:
    rng = np.random.default_rng(0)
    value_RP, fold_P = rng.normal(size=(3, 20)), rng.integers(0, 4, 20)
    slow = [[np.mean([value_RP[r, p] for p in range(20) if fold_P[p] == k]) for r in range(3)] for k in range(4)]
    np.testing.assert_allclose(folds.fold_means(value_RP, fold_P), slow)


def test_several_folds_are_judged_by_t_and_one_by_the_crossed_design() -> None:
    value_RP = np.random.default_rng(1).normal(0.1, 1, (4, 60))
    many = folds.judge(value_RP, np.arange(60) % 6, margin=None, better="max", alpha=0.05)
    mean_K = [value_RP[:, k::6].mean() for k in range(6)]
    assert (many.low_95, many.high_95) == pytest.approx(tuple(stats.ttest_1samp(mean_K, 0).confidence_interval(0.95)))
    one = folds.judge(value_RP, np.zeros(60), margin=None, better="max", alpha=0.05)
    found = crossed.estimate(value_RP)
    expected = crossed.interval(found.effect, found.variance, found.degrees_of_freedom, 0.95)
    assert (one.low_95, one.high_95) == pytest.approx(tuple(map(float, expected)))


def test_few_replicates_of_one_fold_and_nothing_at_all_are_unknown() -> None:
    for value_RP in (np.ones((2, 9)) + np.arange(9), np.ones((0, 0))):
        found = folds.judge(value_RP, np.zeros(value_RP.shape[1]), margin=1.0, better="max", alpha=0.05)
        assert np.isnan(found.low_95) and found.said() == []


def test_the_interval_for_these_photos_is_that_of_replicates_within_folds() -> None:
    mean_KR = np.random.default_rng(2).normal(size=(1, 5))
    expected = stats.ttest_1samp(mean_KR[0], 0).confidence_interval(0.95)
    assert folds.these_photos(mean_KR) == pytest.approx(tuple(expected))
    assert np.isnan(folds.these_photos(mean_KR[:, :1])).all()


def test_a_share_stays_within_its_bounds() -> None:
    share, low, high = folds.share_above(np.array([[1.0, 1, 1, 1, 0, 1]]), np.array([0, 0, 1, 1, 2, 2]))
    assert (share, high) == (5 / 6, 1.0) and 0 <= low < share


@pytest.mark.parametrize("num_folds", [1, 12])
def test_the_spread_of_known_parts_is_recovered(num_folds: int) -> None:
    truth = {"replicates": 0.4, "photos": 1.5, "rest": 3.0, "search": 0.5}
    rng, P, found = np.random.default_rng(3), 240, []
    fold_P = np.arange(P) % num_folds
    for _ in range(200):
        training_RP = 0.4 * rng.standard_normal((4, num_folds))[:, fold_P]
        search_P = 0.5 * rng.standard_normal(num_folds)[fold_P]
        d_RP = training_RP + search_P + 1.5 * rng.standard_normal(P) + 3.0 * rng.standard_normal((4, P))
        found.append(folds.spread(d_RP, fold_P))
    assert set(found[0]) == set(truth) - ({"search"} if num_folds == 1 else set())
    for name in found[0]:
        assert np.sqrt(np.mean([one[name] ** 2 for one in found])) == pytest.approx(truth[name], rel=0.15), name


def test_with_one_replicate_photos_carry_the_rest_and_searches_the_trainings() -> None:
    rng, fold_P = np.random.default_rng(4), np.arange(7_200) % 72
    d_RP = 0.4 * rng.standard_normal((1, 72))[:, fold_P] + 1.5 * rng.standard_normal((1, 7_200))
    found = folds.spread(d_RP, fold_P)
    assert (found["replicates"], found["rest"]) == (0.0, 0.0)
    assert found["photos"] == pytest.approx(1.5, rel=0.05)
    assert found["search"] == pytest.approx(0.4, rel=0.25)
    assert rule.mean_of_folds(folds.fold_means(d_RP, fold_P)[:, 0])[2] == 71
