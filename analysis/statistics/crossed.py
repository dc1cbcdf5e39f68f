"""The crossed design: the same photos are measured in every replicate.

Letters: R replicates, P photos, ... any leading axes (many studies at once). A difference is treatment minus control.
The mean square of replicates speaks for new trainings, that of photos for new photos; both contain the rest. Summing
the two counts the rest twice, so it is taken off once; where the rest is the larger by chance, the rule falls back on
the larger of the two, so that the variance is never below what either says alone. Degrees of freedom: Satterthwaite
(1946), of the mean squares that the variance is made of.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

MAX_REPLICATES = 1_000
MAX_PHOTOS = 100_000


@dataclass(frozen=True)
class Estimate:
    """Mean difference with its two variances; every field is an array over the leading axes."""

    effect: np.ndarray
    variance: np.ndarray
    """Of the mean, for new photos and new trainings."""
    degrees_of_freedom: np.ndarray
    variance_these_photos: np.ndarray
    """Of the mean, for new trainings on exactly these photos; R - 1 degrees of freedom."""
    mean_square_replicates: np.ndarray
    mean_square_photos: np.ndarray
    mean_square_rest: np.ndarray
    num_replicates: int
    num_photos: int


@dataclass(frozen=True)
class Needed:
    """What it would take to decide; None where that alone cannot suffice."""

    replicates: int | None
    photos: int | None
    replicates_and_photos: tuple[int, int] | None


def estimate(difference_RP: np.ndarray) -> Estimate:
    """Mean of differences ... x R x P and its variance; variances are NaN below two replicates or two photos."""
    R, P = difference_RP.shape[-2:]
    effect = difference_RP.mean(axis=(-2, -1)) if R and P else np.full(difference_RP.shape[:-2], np.nan)
    if R < 2 or P < 2:
        unknown = np.full(np.shape(effect), np.nan)
        return Estimate(effect, unknown, unknown, unknown, unknown, unknown, unknown, R, P)
    grand = effect[..., None, None]
    replicate_R1 = difference_RP.mean(axis=-1, keepdims=True) - grand
    photo_1P = difference_RP.mean(axis=-2, keepdims=True) - grand
    rest_RP = difference_RP - grand - replicate_R1 - photo_1P
    ms_r = P * (replicate_R1**2).sum(axis=(-2, -1)) / (R - 1)
    ms_p = R * (photo_1P**2).sum(axis=(-2, -1)) / (P - 1)
    ms_rest = (rest_RP**2).sum(axis=(-2, -1)) / ((R - 1) * (P - 1))
    # The same difference in every cell leaves rounding dust, which must not pass for spread.
    spread = np.ptp(difference_RP, axis=(-2, -1)) > 1e-12 * np.maximum(np.abs(effect), 1e-300)
    ms_r, ms_p, ms_rest = (np.where(spread, ms, 0.0) for ms in (ms_r, ms_p, ms_rest))
    mean_square, degrees = _combine(ms_r, ms_p, ms_rest, R, P)
    return Estimate(effect, mean_square / (R * P), degrees, ms_r / (R * P), ms_r, ms_p, ms_rest, R, P)


def _combine(
    ms_r: np.ndarray, ms_p: np.ndarray, ms_rest: np.ndarray, R: int | np.ndarray, P: int | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    total = ms_r + ms_p - ms_rest
    largest = np.maximum(np.maximum(total, ms_r), ms_p)
    spread = ms_r**2 / (R - 1) + ms_p**2 / (P - 1) + ms_rest**2 / ((R - 1) * (P - 1))
    satterthwaite = total**2 / np.where(spread > 0, spread, 1.0)
    of_largest = np.where(largest == ms_r, R - 1, P - 1)
    degrees = np.where(spread > 0, np.where(largest == total, satterthwaite, of_largest), R - 1)
    return largest, degrees.astype(np.float64)


def interval(
    effect: np.ndarray, variance: np.ndarray, degrees_of_freedom: np.ndarray | float, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of Student's interval at a level such as 0.95."""
    half = stats.t.ppf(0.5 + level / 2, degrees_of_freedom) * np.sqrt(variance)
    return effect - half, effect + half


def p_value(effect: np.ndarray, variance: np.ndarray, degrees_of_freedom: np.ndarray) -> np.ndarray:
    """Two-sided p of "no difference"; without any spread 1 for a difference of zero and 0 for any other."""
    deviation = np.sqrt(variance)
    t = np.abs(effect) / np.where(deviation == 0, 1.0, deviation)
    p = 2 * stats.t.sf(t, degrees_of_freedom)
    return np.where(deviation == 0, np.where(effect == 0, 1.0, 0.0), p)


def needed(found: Estimate, margin: float | None, num_contrasts: int) -> Needed:
    """Replicates, or photos, or both together, at which the contrast would be decided if the spread stays as seen.

    With a margin: no effect whatsoever could stay undecided, since the half widths of the intervals that decide
    difference and equivalence, at this family's levels, add up to less than the margin. Planning on the margin rather
    than on the effect seen avoids the noise of the latter. Without a margin: the effect seen would be significant.
    Takes an estimate without leading axes.
    """
    goal = margin if margin is not None else abs(float(found.effect))
    if not np.isfinite(found.variance) or goal <= 0:
        return Needed(None, None, None)
    R, P = found.num_replicates, found.num_photos
    more_R = np.arange(R + 1, MAX_REPLICATES + 1)
    more_P = np.unique(np.geomspace(P + 1, max(MAX_PHOTOS, P + 1), 2_000).round().astype(int))
    factor = np.geomspace(1.0, 100.0, 1_000)[1:]
    both_R, both_P = np.ceil(factor * R), np.ceil(factor * P)

    def first(R_N: np.ndarray, P_N: np.ndarray) -> int | None:
        enough = _total_width(found, R_N, P_N, num_contrasts, with_margin=margin is not None) < goal
        return int(np.argmax(enough)) if enough.any() else None

    by_R = first(more_R, np.full(more_R.shape, P))
    by_P = first(np.full(more_P.shape, R), more_P)
    by_both = first(both_R, both_P)
    return Needed(
        replicates=None if by_R is None else int(more_R[by_R]),
        photos=None if by_P is None else int(more_P[by_P]),
        replicates_and_photos=None if by_both is None else (int(both_R[by_both]), int(both_P[by_both])),
    )


def _total_width(
    found: Estimate, R_N: np.ndarray, P_N: np.ndarray, num_contrasts: int, *, with_margin: bool
) -> np.ndarray:
    """Half width of what decides a difference, plus that of equivalence if there is a margin, for N planned sizes."""
    rest = float(found.mean_square_rest)
    variance_r = max(0.0, (float(found.mean_square_replicates) - rest) / found.num_photos)
    variance_p = max(0.0, (float(found.mean_square_photos) - rest) / found.num_replicates)
    mean_square, degrees = _combine(
        rest + P_N * variance_r, rest + R_N * variance_p, np.full(R_N.shape, rest), R_N, P_N
    )
    deviation = np.sqrt(mean_square / (R_N * P_N))
    width = stats.t.ppf(1 - 0.025 / num_contrasts, degrees) * deviation
    return np.asarray(width + stats.t.ppf(1 - 0.05 / num_contrasts, degrees) * deviation if with_margin else width)
