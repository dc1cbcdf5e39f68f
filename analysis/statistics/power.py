"""What a design will find, before anything is trained: from the spread of a difference between two arms.

Letters: S simulated studies, K folds, R replicates, J looks. The studies are drawn with the same seed and judged by the
rule itself, so that the same plan gets the same numbers and no formula can drift away from the verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics import rule

NUM_STUDIES = 10_000
"""A probability of 0.8 is then known to 0.8 of a hundredth, in 19 of 20 cases."""
WANTED = 0.8
"""Four of five studies."""
COMPONENTS = ("replicates", "photos", "rest", "search")


@dataclass(frozen=True)
class Power:
    """What to expect of one contrast."""

    smallest_effect: float
    """Of either sign, in the metric's unit: helps or hurts, rightly, in four of five studies."""
    no_difference: float
    """Probability of "no difference within the margin" where there is none; NaN without a margin."""
    helps_at_margin: float
    """Probability of "helps" where the effect is the margin; NaN without one."""


def power(
    spread: Mapping[str, float],
    *,
    num_folds: int,
    looks: Sequence[int],
    shares: Sequence[float],
    photos_per_fold: int,
    margin: float | None,
    family_size: int,
) -> Power:
    """The expected power of a contrast in a family of family_size.

    spread: standard deviations of the difference between two arms, in the metric's unit: between trainings
    (replicates), between photos, of the rest, and between searches (0 where left out). With one fold the search's
    spread plays no part: that verdict holds with the settings of this search.

    Raises ValueError for a component that is unknown, missing or below zero.
    """
    studies = _Studies(spread, num_folds, looks, shares, photos_per_fold, family_size)
    if margin is None:
        return Power(studies.smallest_effect(None), float("nan"), float("nan"))
    return Power(
        studies.smallest_effect(margin),
        studies.probability(0.0, margin, rule.EQUIVALENT),
        studies.probability(margin, margin, rule.HELPS),
    )


def no_difference(
    spread: Mapping[str, float],
    *,
    num_folds: int,
    looks: Sequence[int],
    shares: Sequence[float],
    photos_per_fold: int,
    margin: float,
    family_size: int,
) -> float:
    """Power.no_difference alone, for trying many designs."""
    studies = _Studies(spread, num_folds, looks, shares, photos_per_fold, family_size)
    return studies.probability(0.0, margin, rule.EQUIVALENT)


class _Studies:
    """Estimates and variances of S studies without an effect, at every look; an effect only shifts them."""

    def __init__(
        self,
        spread: Mapping[str, float],
        num_folds: int,
        looks: Sequence[int],
        shares: Sequence[float],
        photos_per_fold: int,
        family_size: int,
    ):
        _check(spread)
        replicates, photos, rest = (float(spread[name]) for name in COMPONENTS[:3])
        search = float(spread.get("search", 0.0))
        rng = np.random.default_rng(0)
        self._alphas = [rule.alpha(share, family_size) for share in shares]
        if num_folds == 1:
            self._looks = [_crossed(rng, replicates, photos, rest, R, photos_per_fold) for R in looks]
            return
        shape = (NUM_STUDIES, num_folds, looks[-1])
        of_fold_K1 = np.hypot(search, photos / np.sqrt(photos_per_fold)) * rng.standard_normal((*shape[:2], 1))
        of_training_KR = np.hypot(replicates, rest / np.sqrt(photos_per_fold)) * rng.standard_normal(shape)
        mean_KR = of_fold_K1 + of_training_KR
        self._looks = [rule.mean_of_folds(mean_KR[..., :R].mean(axis=-1)) for R in looks]

    def probability(self, effect: float, margin: float | None, word: str) -> float:
        """Of a claim, with larger values the better ones."""
        judged = [
            rule.judge(zero + effect, variance, degrees, margin=margin, better="max", alpha=alpha)
            for (zero, variance, degrees), alpha in zip(self._looks, self._alphas, strict=True)
        ]
        return float(rule.frozen(judged)[0].holds(word).mean())

    def smallest_effect(self, margin: float | None) -> float:
        """By bisection. The margin counts: equivalence at an early look ends a contrast before its difference shows."""
        if not np.isfinite(self._looks[-1][1]).any():
            return float("inf")
        low, high = 0.0, 1e-9
        while self.probability(high, margin, rule.HELPS) < WANTED:
            low, high = high, 4 * high
        while high - low > 1e-3 * high:
            middle = (low + high) / 2
            if self.probability(middle, margin, rule.HELPS) < WANTED:
                low = middle
            else:
                high = middle
        return high


def _crossed(
    rng: np.random.Generator, replicates: float, photos: float, rest: float, R: int, P: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """The crossed design's mean and variance, the latter with Satterthwaite's degrees of freedom at its true size."""
    squares = np.array([rest**2 + P * replicates**2, rest**2 + R * photos**2, rest**2])
    counts = np.array([R - 1, P - 1, (R - 1) * (P - 1)])
    total = squares[0] + squares[1] - squares[2]
    if R < rule.MIN_REPLICATES or P < 2:
        return np.zeros(NUM_STUDIES), np.full(NUM_STUDIES, np.nan), 1.0
    degrees = float(total**2 / (squares**2 / counts).sum()) if total > 0 else float(R - 1)
    deviation = np.sqrt(total / (R * P))
    zero = deviation * rng.standard_normal(NUM_STUDIES)
    return zero, deviation**2 * rng.chisquare(degrees, NUM_STUDIES) / degrees, degrees


def _check(spread: Mapping[str, float]) -> None:
    unknown = sorted(set(spread) - set(COMPONENTS))
    missing = [name for name in COMPONENTS[:3] if name not in spread]
    if unknown or missing:
        what = f"has no {missing[0]}" if missing else f"knows no {unknown[0]!r}"
        raise ValueError(f"A spread {what}. It consists of {', '.join(COMPONENTS)} (search may be left out).")
    for name, value in spread.items():
        if not (np.isfinite(value) and value >= 0):
            raise ValueError(f"spread {name} must be a standard deviation of at least 0, but got {value!r}.")
