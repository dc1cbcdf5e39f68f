"""Differences photo by photo to what the folds say: their means, how far single trainings spread, what causes it.

Letters: K folds, R replicates, P photos. Every photo belongs to one fold, so a table of replicates by photos holds all.
"""

import numpy as np

from analysis.statistics import crossed, rule


def fold_means(value_RP: np.ndarray, fold_P: np.ndarray) -> np.ndarray:
    """Means over each fold's photos, K x R, folds in order of their number."""
    return np.stack([value_RP[:, fold_P == fold].mean(axis=1) for fold in np.unique(fold_P)])


def judge(value_RP: np.ndarray, fold_P: np.ndarray, *, margin: float | None, better: str, alpha: float) -> rule.Judged:
    """Student's t over fold means; with one fold the crossed design, from MIN_REPLICATES on. No values: unknown."""
    if value_RP.size == 0:
        return rule.judge(np.full((), np.nan), np.full((), np.nan), 1, margin=margin, better=better, alpha=alpha)
    mean_KR = fold_means(value_RP, fold_P)
    if len(mean_KR) > 1:
        return rule.judge(*rule.mean_of_folds(mean_KR.mean(axis=1)), margin=margin, better=better, alpha=alpha)
    found = crossed.estimate(value_RP)
    variance = found.variance if found.num_replicates >= rule.MIN_REPLICATES else np.full((), np.nan)
    return rule.judge(found.effect, variance, found.degrees_of_freedom, margin=margin, better=better, alpha=alpha)


def these_photos(mean_KR: np.ndarray) -> tuple[float, float]:
    """95 % interval for new trainings of the same settings on the same photos; NaN with one replicate."""
    K, R = mean_KR.shape
    if R < 2:
        return np.nan, np.nan
    variance = mean_KR.var(axis=1, ddof=1).mean() / (R * K)
    low, high = crossed.interval(mean_KR.mean(), variance, K * (R - 1), 0.95)
    return float(low), float(high)


def share_above(is_above_RP: np.ndarray, fold_P: np.ndarray) -> tuple[float, float, float]:
    """A share of photos and trainings with its plain 95 % interval for new ones, within 0 and 1."""
    judged = judge(is_above_RP, fold_P, margin=None, better="max", alpha=rule.ERROR)
    low, high = np.clip([judged.low_95, judged.high_95], 0.0, 1.0)
    return float(judged.effect), float(low), float(high)


def spread(difference_RP: np.ndarray, fold_P: np.ndarray) -> dict[str, float]:
    """Standard deviations of the difference between trainings (replicates), photos, their rest, and searches.

    With one replicate the rest cannot be told from photos, nor trainings from searches: photos and search then carry
    both, so that planning more replicates from it promises too little, never too much. With one fold there is no
    search spread to be seen, and none is given.
    """
    R = len(difference_RP)
    blocks = [difference_RP[:, fold_P == fold] for fold in np.unique(fold_P)]
    blocks = [block_RP for block_RP in blocks if block_RP.shape[1] > 1]
    if not blocks:
        return {}
    variances = np.array([_components(block_RP) for block_RP in blocks]).mean(axis=0)
    replicates, photos, rest = np.maximum(variances, 0.0)
    found = {"replicates": replicates, "photos": photos, "rest": rest}
    if len(blocks) > 1:
        mean_K = np.array([block_RP.mean() for block_RP in blocks])
        P = np.mean([block_RP.shape[1] for block_RP in blocks])
        found["search"] = max(0.0, mean_K.var(ddof=1) - replicates / R - photos / P - rest / (R * P))
    return {name: float(np.sqrt(variance)) for name, variance in found.items()}


def _components(difference_RP: np.ndarray) -> tuple[float, float, float]:
    """Variances of replicates, photos and the rest within one fold; they may come out below zero."""
    R, P = difference_RP.shape
    if R < 2:
        return 0.0, float(difference_RP.var(ddof=1)), 0.0
    found = crossed.estimate(difference_RP)
    rest = float(found.mean_square_rest)
    return (float(found.mean_square_replicates) - rest) / P, (float(found.mean_square_photos) - rest) / R, rest
