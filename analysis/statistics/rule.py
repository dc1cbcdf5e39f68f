"""The rule of the verdict, fixed before any data: for the contrasts of one study, or of many studies at once.

Letters: K folds, C claims, ... any leading axes (many studies at once).

A look has a share w of the error, a family m contrasts; every level below is times w / m:

    a difference at all                two-sided at 5 %
    either side of the margin          one-sided at 5 %
    a difference beyond the margin     one-sided at 0.5 %

A difference of exactly the margin then allows two false claims, of 5 % and 0.5 %, so that all claims of a family
together stay within 5.5 %. A contrast is settled at an early look by a difference or by equivalence, never by one side
of the margin alone; it is frozen there. At the last look every claim that holds is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy import stats

from analysis.statistics.crossed import p_value

ERROR = 0.05
"""Of all claims of a family together, over all looks."""
BEYOND_MARGIN = 0.1
"""Share of its level that a claim beyond the margin may spend."""
MIN_REPLICATES = 3
"""Of one fold: with two, the 95 % interval for new photos and trainings held the truth in 88 to 91 of 100 studies."""

HELPS_MORE, HELPS = "helps by more than the margin", "helps"
HURTS_MORE, HURTS = "hurts by more than the margin", "hurts"
EQUIVALENT, NOT_WORSE, NOT_BETTER = "no difference within the margin", "not worse", "not better"
UNDECIDED, NOT_TESTABLE, NOT_YET, WITHHELD = "undecided", "not testable", "not yet", "withheld"

CLAIMS = (HELPS_MORE, HURTS_MORE, HELPS, HURTS, EQUIVALENT, NOT_WORSE, NOT_BETTER)
"""The first that holds is the verdict."""
EFFECTS = CLAIMS[:4]
SETTLING = CLAIMS[:5]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One contrast at one look; every field is an array over the leading axes."""

    effect: np.ndarray
    standard_error: np.ndarray
    degrees_of_freedom: np.ndarray
    p: np.ndarray
    """Two-sided, of "no difference"."""
    low_95: np.ndarray
    high_95: np.ndarray
    low_side: np.ndarray
    """Below this end with the error of one side of the margin; equivalent where both ends lie inside the margin."""
    high_side: np.ndarray
    claims_C: np.ndarray
    """Which of CLAIMS hold, ... x C."""

    @property
    def settles(self) -> np.ndarray:
        """Whether a look before the last ends the contrast."""
        return np.asarray(self.claims_C[..., : len(SETTLING)].any(axis=-1))

    def holds(self, *words: str) -> np.ndarray:
        """Whether any of these claims holds."""
        return np.asarray(self.claims_C[..., [CLAIMS.index(word) for word in words]].any(axis=-1))

    def said(self) -> list[str]:
        """Of a single contrast: every claim that holds, the verdict first."""
        return [word for word, holds in zip(CLAIMS, self.claims_C, strict=True) if holds]


def alpha(share: float, family_size: int) -> float:
    """The two-sided level of "a difference at all" at a look."""
    return ERROR * share / family_size


def judge(
    effect: np.ndarray,
    variance: np.ndarray,
    degrees_of_freedom: np.ndarray | float,
    *,
    margin: float | None,
    better: str,
    alpha: float,
) -> Judged:
    """A mean difference (treatment minus control) with its variance, to all that the rule says at one look.

    Where the variance is unknown (NaN) nothing is claimed. Without a margin only a difference can be. better: min or
    max, the direction of the metric that helps.
    """
    effect, variance = np.asarray(effect, np.float64), np.asarray(variance, np.float64)
    degrees = np.broadcast_to(np.asarray(degrees_of_freedom, np.float64), effect.shape)
    deviation = np.sqrt(variance)

    def half_width(one_sided: float) -> np.ndarray:
        return np.asarray(stats.t.ppf(1 - one_sided, degrees_of_freedom) * deviation)

    half_95, half_side = half_width(0.025), half_width(alpha)
    gain = effect if better == "max" else -effect
    differs = np.abs(gain) > half_width(alpha / 2)
    no = np.zeros(effect.shape, bool)
    beyond = not_worse = not_better = no
    if margin is not None:
        beyond = np.abs(gain) - half_width(BEYOND_MARGIN * alpha) > margin
        not_worse, not_better = gain - half_side > -margin, gain + half_side < margin
    is_known, up = np.isfinite(variance), gain > 0
    claims = (beyond & up, beyond & ~up, differs & up, differs & ~up, not_worse & not_better, not_worse, not_better)
    return Judged(
        effect=effect, standard_error=deviation, degrees_of_freedom=degrees,
        p=p_value(effect, variance, degrees), low_95=effect - half_95, high_95=effect + half_95,
        low_side=effect - half_side, high_side=effect + half_side,
        claims_C=np.stack(claims, axis=-1) & is_known[..., None],
    )  # fmt: skip


def mean_of_folds(mean_K: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Fold means ... x K to their mean, its variance and degrees of freedom, as of Student's t; below two folds NaN.

    A fold's mean contains new photos, new trainings and a search of its own, so its spread needs no other machinery.
    """
    num_folds = mean_K.shape[-1]
    effect = mean_K.mean(axis=-1)
    if num_folds < 2:
        return effect, np.full(np.shape(effect), np.nan), 1
    # The same mean in every fold leaves rounding dust, which must not pass for spread.
    spreads = np.ptp(mean_K, axis=-1) > 1e-12 * np.maximum(np.abs(effect), 1e-300)
    return effect, np.where(spreads, mean_K.var(axis=-1, ddof=1) / num_folds, 0.0), num_folds - 1


def frozen(looks: Sequence[Judged]) -> tuple[Judged, np.ndarray]:
    """Many studies at once: each as it stood at the look that settled it, else at the last; and that look, from 1."""
    *early, now = looks
    look = np.full(np.shape(now.effect), len(looks))
    for number, before in reversed(list(enumerate(early, start=1))):
        stopped = before.settles
        look = np.where(stopped, number, look)
        mixed = {}
        for name in (one.name for one in fields(Judged)):
            one, other = getattr(before, name), getattr(now, name)
            at = stopped[..., None] if one.ndim > stopped.ndim else stopped
            mixed[name] = np.where(at, one, other)
        now = Judged(**mixed)
    return now, look


def judge_folds(
    mean_KR: np.ndarray,
    *,
    looks: Sequence[int],
    shares: Sequence[float],
    margin: float | None,
    better: str,
    family_size: int,
) -> tuple[Judged, np.ndarray]:
    """Mean differences of every fold and replicate, ... x K x R, to the frozen verdict and its look, from 1."""
    return frozen(
        [
            judge(
                *mean_of_folds(mean_KR[..., :num_replicates].mean(axis=-1)),
                margin=margin, better=better, alpha=alpha(share, family_size),
            )
            for num_replicates, share in zip(looks, shares, strict=True)
        ]
    )  # fmt: skip
