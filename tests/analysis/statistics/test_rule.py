"""The rule of the verdict on cases worked by hand, for one study and for many at once."""

import numpy as np
import pytest

from analysis.statistics.rule import holm, judge, verdict


@pytest.mark.parametrize(
    ("significant", "equivalent", "effect", "better", "expected"),
    [
        (True, False, -1.0, "min", "helps"),
        (True, False, 1.0, "min", "hurts"),
        (True, False, 1.0, "max", "helps"),
        (True, False, -1.0, "max", "hurts"),
        (True, True, -1.0, "min", "helps by less than the margin"),
        (True, True, 1.0, "min", "hurts by less than the margin"),
        (True, True, 1.0, "max", "helps by less than the margin"),
        (True, True, -1.0, "max", "hurts by less than the margin"),
        (False, True, -1.0, "min", "no difference within the margin"),
        (False, True, 1.0, "max", "no difference within the margin"),
        (False, False, -1.0, "min", "undecided"),
        (False, False, 1.0, "max", "undecided"),
    ],
)
def test_verdict_follows_the_rule(
    significant: bool, equivalent: bool, effect: float, better: str, expected: str
) -> None:
    assert verdict(significant, equivalent, effect, better) == expected


def test_holm_matches_a_case_worked_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 is 0.02, 0.03, 0.06, 0.04; made rising: 0.02, 0.03, 0.06, 0.06.
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


def test_holm_never_exceeds_one_and_counts_what_could_not_be_tested() -> None:
    np.testing.assert_allclose(holm(np.array([0.6, 0.9])), [1.0, 1.0])
    np.testing.assert_allclose(holm(np.array([np.nan, 0.02])), [np.nan, 0.04])


def test_holm_of_nothing_is_nothing() -> None:
    assert len(holm(np.array([]))) == 0


def test_many_families_at_once_are_corrected_as_each_alone() -> None:
    p_SN = np.array([[0.01, 0.04, 0.03, 0.005], [0.6, np.nan, 0.9, 0.02], [0.2, 0.2, 0.2, 0.2]])
    np.testing.assert_allclose(holm(p_SN), [holm(p_N) for p_N in p_SN])


def test_the_90_percent_interval_must_lie_wholly_inside_the_margin() -> None:
    d_SRP = np.random.default_rng(0).normal(size=(300, 6, 30))
    judged = judge(d_SRP, 0.25)
    inside_S = (judged.low_90 > -0.25) & (judged.high_90 < 0.25)
    assert 0 < inside_S.sum() < 300
    np.testing.assert_array_equal(judged.equivalent, inside_S)
    assert not judge(d_SRP, None).equivalent.any()


def test_two_replicates_give_a_difference_and_these_photos_interval_but_no_verdict() -> None:
    d_RP = 3 + np.random.default_rng(1).normal(size=(2, 40))
    judged = judge(d_RP, 10.0)
    assert judged.found.effect == pytest.approx(d_RP.mean())
    assert np.isfinite(judged.low_95_these_photos)
    assert np.isnan([judged.p, judged.low_95, judged.high_90]).all()
    assert not judged.equivalent
