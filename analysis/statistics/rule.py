"""The rule of the verdict, fixed before any data: for the contrasts of one study, or of many studies at once.

Letters: N contrasts of a family, R replicates, P photos, ... any leading axes (many studies at once).
S, Holm-adjusted p below 0.05 within the family; E, the 90 % interval inside the margin (two one-sided tests).
"""

from dataclasses import dataclass

import numpy as np

from analysis.statistics import crossed

SIGNIFICANCE = 0.05
MIN_REPLICATES = 3
"""With two, the 95 % interval for new photos and trainings was seen to hold the truth in 88 to 91 of 100 studies."""
EQUIVALENT = "no difference within the margin"
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Judged:
    """One contrast's intervals and p; every field is an array over the leading axes."""

    found: crossed.Estimate
    p: np.ndarray
    low_95: np.ndarray
    high_95: np.ndarray
    low_90: np.ndarray
    high_90: np.ndarray
    low_95_these_photos: np.ndarray
    high_95_these_photos: np.ndarray
    equivalent: np.ndarray
    """E; false everywhere where there is no margin."""

    def numbers(self) -> dict[str, float]:
        """Of a single contrast, as the columns of a table."""
        intervals = ("low_95", "high_95", "low_90", "high_90", "low_95_these_photos", "high_95_these_photos")
        ends = {name: float(getattr(self, name)) for name in intervals}
        return {"effect": float(self.found.effect), **ends, "p": float(self.p)}


def judge(difference_RP: np.ndarray, margin: float | None) -> Judged:
    """Differences ... x R x P, treatment minus control, to all that the rule looks at.

    Below MIN_REPLICATES everything that speaks for new photos and trainings is NaN, and nothing is equivalent.
    """
    found = crossed.estimate(difference_RP)
    effect, variance, degrees = found.effect, found.variance, found.degrees_of_freedom
    if found.num_replicates < MIN_REPLICATES:
        variance = np.full(np.shape(effect), np.nan)
    low_95, high_95 = crossed.interval(effect, variance, degrees, 0.95)
    low_90, high_90 = crossed.interval(effect, variance, degrees, 0.90)
    these = crossed.interval(effect, found.variance_these_photos, found.num_replicates - 1, 0.95)
    inside = np.zeros(np.shape(effect), bool) if margin is None else (-margin < low_90) & (high_90 < margin)
    p = crossed.p_value(effect, variance, degrees)
    return Judged(found, p, low_95, high_95, low_90, high_90, *these, inside)


def holm(p_N: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values, ... x N; a contrast that could not be tested (NaN) stays NaN but counts."""
    order_N = np.argsort(p_N, axis=-1)  # NaN sorts last
    steps_N = p_N.shape[-1] - np.arange(p_N.shape[-1])
    sorted_N = np.minimum(1.0, steps_N * np.take_along_axis(p_N, order_N, axis=-1))
    adjusted_N = np.empty(p_N.shape)
    np.put_along_axis(adjusted_N, order_N, np.maximum.accumulate(sorted_N, axis=-1), axis=-1)
    return adjusted_N


def verdict(significant: bool, equivalent: bool, effect: float, better: str) -> str:
    """What is said of S and E. better is min or max: which direction of the metric helps."""
    helps = "helps" if (effect < 0) == (better == "min") else "hurts"
    if significant and equivalent:
        return f"{helps} by less than the margin"
    if significant:
        return helps
    return EQUIVALENT if equivalent else UNDECIDED
