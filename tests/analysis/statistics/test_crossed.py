"""The rule of the crossed design against hand-worked answers and a slow loop; test_statistics.py simulates."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.crossed import estimate, interval, needed, p_value


def test_variance_and_degrees_of_freedom_match_a_case_worked_by_hand() -> None:
    # Means: grand 3; replicates 1.5, 4.5; photos 2, 4; every rest is 0.5 in size.
    found = estimate(np.array([[1.0, 2.0], [3.0, 6.0]]))
    assert found.effect == 3
    assert (found.mean_square_replicates, found.mean_square_photos, found.mean_square_rest) == (9, 4, 1)
    assert found.variance == (9 + 4 - 1) / 4
    assert found.degrees_of_freedom == pytest.approx(12**2 / (9**2 + 4**2 + 1**2))
    assert found.variance_these_photos == 9 / 4


def test_variance_never_falls_below_what_replicates_alone_say() -> None:
    # Photos agree on average, so MS_r + MS_p - MS_rp = 4 + 0 - 1 would be below MS_r = 4.
    found = estimate(np.array([[1.0, 2.0], [4.0, 3.0]]))
    assert (found.mean_square_replicates, found.mean_square_photos, found.mean_square_rest) == (4, 0, 1)
    assert found.variance == 4 / 4
    assert found.degrees_of_freedom == 1


def test_variance_never_falls_below_what_photos_alone_say() -> None:
    found = estimate(np.array([[1.0, 2.0], [4.0, 3.0]]).T)
    assert found.variance == 4 / 4
    assert found.variance_these_photos == 0


def slow_estimate(d_RP: np.ndarray) -> tuple[float, float, float]:
    """Effect, variance, degrees of freedom with nothing but loops."""
    R, P = d_RP.shape
    grand = sum(d_RP[r, p] for r in range(R) for p in range(P)) / (R * P)
    by_r = [sum(d_RP[r]) / P for r in range(R)]
    by_p = [sum(d_RP[:, p]) / R for p in range(P)]
    ms_r = P * sum((m - grand) ** 2 for m in by_r) / (R - 1)
    ms_p = R * sum((m - grand) ** 2 for m in by_p) / (P - 1)
    rest = sum((d_RP[r, p] - by_r[r] - by_p[p] + grand) ** 2 for r in range(R) for p in range(P))
    ms_rp = rest / ((R - 1) * (P - 1))
    total = ms_r + ms_p - ms_rp
    if total >= max(ms_r, ms_p):
        df = total**2 / (ms_r**2 / (R - 1) + ms_p**2 / (P - 1) + ms_rp**2 / ((R - 1) * (P - 1)))
    else:
        df = R - 1 if ms_r > ms_p else P - 1
    return grand, max(total, ms_r, ms_p) / (R * P), df


def test_many_studies_at_once_match_a_slow_loop_over_each() -> None:
    d_SRP = np.random.default_rng(3).normal(size=(40, 4, 7))
    found = estimate(d_SRP)
    slow = np.array([slow_estimate(d_RP) for d_RP in d_SRP])
    np.testing.assert_allclose(found.effect, slow[:, 0], rtol=1e-12)
    np.testing.assert_allclose(found.variance, slow[:, 1], rtol=1e-10)
    np.testing.assert_allclose(found.degrees_of_freedom, slow[:, 2], rtol=1e-8)


def test_photos_without_any_spread_leave_the_paired_t_test_of_replicate_means() -> None:
    by_replicate_R = np.array([0.3, -0.1, 0.8, 0.4, 0.2])
    found = estimate(np.repeat(by_replicate_R[:, None], 30, axis=1))
    expected = stats.ttest_1samp(by_replicate_R, 0)
    low, high = interval(found.effect, found.variance, found.degrees_of_freedom, 0.95)
    assert p_value(found.effect, found.variance, found.degrees_of_freedom) == pytest.approx(expected.pvalue)
    assert (low, high) == pytest.approx(tuple(expected.confidence_interval(0.95)))


@pytest.mark.parametrize(("value", "p"), [(0.0, 1.0), (0.1, 0.0)])
def test_the_same_difference_everywhere_has_no_spread_and_a_plain_p(value: float, p: float) -> None:
    found = estimate(np.full((3, 7), value))
    assert found.variance == 0
    assert p_value(found.effect, found.variance, found.degrees_of_freedom) == p


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_one_replicate_or_one_photo_leaves_the_variance_unknown(shape: tuple[int, int]) -> None:
    found = estimate(np.ones(shape))
    assert found.effect == 1
    assert np.isnan(found.variance)


def widths(ms_r: float, ms_p: float, ms_rest: float, R: int, P: int, num_contrasts: int) -> float:
    """Half widths of what decides a difference and what decides equivalence, both at the family's level, added."""
    total = ms_r + ms_p - ms_rest
    df = total**2 / (ms_r**2 / (R - 1) + ms_p**2 / (P - 1) + ms_rest**2 / ((R - 1) * (P - 1)))
    return float(
        np.sqrt(total / (R * P))
        * (stats.t.ppf(1 - 0.025 / num_contrasts, df) + stats.t.ppf(1 - 0.05 / num_contrasts, df))
    )


def test_replicates_needed_are_the_first_that_leave_no_effect_undecided() -> None:
    d_RP = np.random.default_rng(1).normal(size=(6, 400)) + np.linspace(-1, 1, 6)[:, None]
    found = estimate(d_RP)
    margin = 0.6
    answer = needed(found, margin, num_contrasts=2).replicates
    rest = float(found.mean_square_rest)
    variance_r = (float(found.mean_square_replicates) - rest) / 400
    variance_p = max(0.0, (float(found.mean_square_photos) - rest) / 6)
    planned = [widths(rest + 400 * variance_r, rest + n * variance_p, rest, n, 400, 2) for n in range(7, 200)]
    assert answer == 7 + next(index for index, width in enumerate(planned) if width < margin)
    assert answer > 7


def test_photos_are_asked_for_where_replicates_cannot_help() -> None:
    photo_P = 3 * np.random.default_rng(2).normal(size=40)
    d_RP = photo_P + 0.01 * np.random.default_rng(3).normal(size=(6, 40))
    answer = needed(estimate(d_RP), 0.2, num_contrasts=1)
    assert answer.replicates is None
    assert answer.photos is not None
    # The half widths of a plain mean of that many photos just fit into the margin.
    deviation = photo_P.std(ddof=1) / np.sqrt(answer.photos)
    assert deviation * (1.96 + 1.645) == pytest.approx(0.2, rel=0.02)


def test_both_together_are_asked_for_where_neither_suffices_alone() -> None:
    rng = np.random.default_rng(4)
    d_RP = 3 * rng.normal(size=(1, 40)) + 2 * rng.normal(size=(6, 1)) + 0.1 * rng.normal(size=(6, 40))
    answer = needed(estimate(d_RP), 0.3, num_contrasts=1)
    assert (answer.replicates, answer.photos) == (None, None)
    assert answer.replicates_and_photos is not None
    assert answer.replicates_and_photos[0] > 6
    assert answer.replicates_and_photos[1] > 40


def test_without_a_margin_the_effect_seen_sets_the_goal() -> None:
    d_RP = 0.2 + np.random.default_rng(6).normal(size=(6, 50))
    assert needed(estimate(d_RP), None, num_contrasts=1).photos is not None
    assert needed(estimate(np.zeros((6, 50))), None, num_contrasts=1).photos is None
