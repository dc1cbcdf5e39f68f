"""The rule of the verdict on cases worked by hand, for one study and for many at once."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import rule
from analysis.statistics.rule import Judged, judge, judge_folds, mean_of_folds


def one(effect: float, deviation: float = 0.1, margin: float | None = 0.5, better: str = "min") -> Judged:
    """Eleven degrees of freedom at a two-sided level of 5 %: half widths 2.201, 1.796 and 3.106 deviations."""
    return judge(np.array(effect), np.array(deviation**2), 11, margin=margin, better=better, alpha=0.05)


@pytest.mark.parametrize(
    ("effect", "deviation", "expected"),
    [
        (-0.82, 0.1, [rule.HELPS_MORE, rule.HELPS, rule.NOT_WORSE]),  # 0.82 - 0.31 > 0.5
        (-0.80, 0.1, [rule.HELPS, rule.NOT_WORSE]),  # 0.80 - 0.31 < 0.5
        (-0.23, 0.1, [rule.HELPS, rule.EQUIVALENT, rule.NOT_WORSE, rule.NOT_BETTER]),
        (-0.21, 0.1, [rule.EQUIVALENT, rule.NOT_WORSE, rule.NOT_BETTER]),  # 0.21 < 0.2201
        (0.0, 0.3, []),  # 0.54 on either side
        (-0.1, 0.3, [rule.NOT_WORSE]),
        (0.1, 0.3, [rule.NOT_BETTER]),
        (0.23, 0.1, [rule.HURTS, rule.EQUIVALENT, rule.NOT_WORSE, rule.NOT_BETTER]),
        (0.80, 0.1, [rule.HURTS, rule.NOT_BETTER]),
        (0.82, 0.1, [rule.HURTS_MORE, rule.HURTS, rule.NOT_BETTER]),
    ],
)
def test_every_claim_that_holds_is_said_the_verdict_first(effect: float, deviation: float, expected: list[str]) -> None:
    assert one(effect, deviation).said() == expected
    assert one(-effect, deviation, better="max").said() == expected


@pytest.mark.parametrize("words", [rule.HELPS_MORE, rule.HELPS, rule.HURTS, rule.HURTS_MORE, rule.EQUIVALENT])
def test_differences_and_equivalence_settle(words: str) -> None:
    claims_C = np.array([word == words for word in rule.CLAIMS])
    blank = one(0.0)
    assert Judged(**{**vars(blank), "claims_C": claims_C}).settles


@pytest.mark.parametrize("effect", [-0.1, 0.0, 0.1])
def test_one_side_of_the_margin_alone_settles_nothing(effect: float) -> None:
    assert not one(effect, 0.3).settles


def test_intervals_are_those_of_scipy_and_belong_to_their_levels() -> None:
    mean_K = np.random.default_rng(0).normal(0.1, 0.4, 12)
    effect, variance, degrees = mean_of_folds(mean_K)
    judged = judge(effect, variance, degrees, margin=0.5, better="min", alpha=rule.alpha(0.9, 2))
    test = stats.ttest_1samp(mean_K, 0)
    assert float(judged.p) == pytest.approx(test.pvalue)
    assert (judged.low_95, judged.high_95) == pytest.approx(tuple(test.confidence_interval(0.95)))
    sides = test.confidence_interval(1 - 2 * 0.05 * 0.9 / 2)
    assert (judged.low_side, judged.high_side) == pytest.approx(tuple(sides))


def test_the_level_is_shared_by_looks_and_family() -> None:
    assert rule.alpha(0.1, 2) == pytest.approx(0.0025)
    assert sum(rule.alpha(share, 3) * 3 for share in (0.2, 0.8)) == pytest.approx(0.05)


def test_without_a_margin_only_a_difference_can_be_said() -> None:
    assert one(0.0, 0.001, margin=None).said() == []
    assert one(-9.0, 0.001, margin=None).said() == [rule.HELPS]


def test_an_unknown_variance_claims_nothing() -> None:
    for found in (one(-9.0, np.nan), judge_folds(np.ones((1, 3)), **PLAN)[0]):
        assert found.said() == []
        assert np.isnan(found.low_95)


def test_the_same_mean_everywhere_has_no_spread_and_a_plain_p() -> None:
    effect, variance, degrees = mean_of_folds(np.full(12, 0.1))
    assert variance == 0
    judged = judge(effect, variance, degrees, margin=0.5, better="min", alpha=0.05)
    assert (judged.p, judged.low_95, judged.said()[0]) == (0, judged.effect, rule.HURTS)


PLAN = {"looks": (1, 2), "shares": (0.1, 0.9), "margin": 0.5, "better": "min", "family_size": 2}


def test_a_study_is_frozen_at_the_look_that_settled_it() -> None:
    rng = np.random.default_rng(1)
    first_K = rng.normal(-1.0, 0.1, 12)
    early_KR = np.stack([first_K, rng.normal(9.0, 0.1, 12)], axis=1)
    late_KR = np.stack([rng.normal(-0.2, 0.9, 12), rng.normal(-0.2, 0.3, 12)], axis=1)
    judged, look = judge_folds(np.stack([early_KR, late_KR]), **PLAN)
    assert look.tolist() == [1, 2]
    assert judged.effect == pytest.approx([first_K.mean(), late_KR.mean()])
    assert judged.low_95[0] == pytest.approx(stats.ttest_1samp(first_K, 0).confidence_interval(0.95)[0])
    assert judged.low_95[1] == pytest.approx(stats.ttest_1samp(late_KR.mean(axis=1), 0).confidence_interval(0.95)[0])


def test_many_studies_at_once_are_judged_as_each_alone() -> None:
    mean_SKR = np.random.default_rng(2).normal(-0.2, 0.5, (60, 8, 2))
    together, look_S = judge_folds(mean_SKR, **PLAN)
    assert set(look_S) == {1, 2}
    for study, mean_KR in enumerate(mean_SKR):
        alone, look = judge_folds(mean_KR, **PLAN)
        assert (alone.said(), look) == (
            [word for word, holds in zip(rule.CLAIMS, together.claims_C[study], strict=True) if holds], look_S[study],
        )  # fmt: skip
        assert (alone.effect, alone.high_side) == (together.effect[study], together.high_side[study])
