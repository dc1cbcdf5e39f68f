"""model_card.py: intervals worked out by hand."""

import math

import pytest
from scipy import stats

from study.results.model_card import interval


def test_shares_get_wilsons_interval_and_numbers_a_normal_one() -> None:
    shares = [1.0] * 7 + [0.0] * 3
    expected = stats.binomtest(7, 10).proportion_ci(method="wilson")
    assert interval(shares, is_share=True) == pytest.approx((0.7, expected.low, expected.high))
    mean, low, high = interval([1.0, 2.0, 3.0, 4.0], is_share=False)
    half = 1.959964 * math.sqrt(5 / 3 / 4)
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - half, 2.5 + half), abs=1e-6)
