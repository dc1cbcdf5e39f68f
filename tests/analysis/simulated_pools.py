"""Whole studies of one fold that were never trained, a thousand at a time: how often is the crossed analysis right?

    python -m tests.analysis.simulated_pools        # the table of every case, 1,000 studies each

Letters: S studies, R replicates, P photos. The noise of a difference is crossed: each replicate, each photo and each
pair of the two has its own luck. delta_e is continuous. top1 is 0 or 1: a photo is named rightly where a hidden score
(its own hardness, shared by both sides, plus each side's luck) is above zero.
Two truths: for new photos and trainings, and for these photos, which averages over trainings alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.statistics import crossed, rule
from analysis.statistics.rule import Judged

NUM_PHOTOS = 180
NUM_STUDIES = 1_000
CHUNK = 250
"""Studies held in memory at once."""
MARGIN = {"delta_e": 0.5, "top1": 0.03}
BETTER = {"delta_e": "min", "top1": "max"}
ACCURACY, HARDNESS = 0.55, 1.5
"""Mean share of right names, and the spread of the photos' hardness in units of the score's noise."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Standard deviations of the three kinds of luck, of a difference in delta_e."""

    replicate: float
    photo: float
    rest: float

    def standard_error(self, num_replicates: int) -> float:
        """Of the mean difference in delta_e, for new photos and trainings."""
        by_replicate, by_photo = self.replicate**2 / num_replicates, self.photo**2 / NUM_PHOTOS
        return float(np.sqrt(by_replicate + by_photo + self.rest**2 / (num_replicates * NUM_PHOTOS)))


MIXES = {
    "replicates": Noise(replicate=0.6, photo=0.3, rest=2.0),
    "photos": Noise(replicate=0.02, photo=2.5, rest=3.0),
    "both": Noise(replicate=0.38, photo=1.74, rest=3.0),  # as estimated on the small study of 720 photos of fruit
    "rest only": Noise(replicate=0.0, photo=0.0, rest=3.0),
}
"""What dominates, and by how much. A 0/1 metric has the same shares of luck in its hidden score."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of study to simulate."""

    metric: str
    mix: str
    num_replicates: int
    effect: float = 0.0
    """Treatment minus control, for new photos and trainings."""
    seed: int = 0


def differences(case: Case, num_studies: int = NUM_STUDIES) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Chunks of differences S x R x P, each with its truth for these photos, S; together num_studies."""
    entropy = (case.seed, list(MARGIN).index(case.metric), list(MIXES).index(case.mix), case.num_replicates)
    rng = np.random.default_rng(entropy)
    for start in range(0, num_studies, CHUNK):
        shape = (min(CHUNK, num_studies - start), case.num_replicates, NUM_PHOTOS)
        yield (_delta_e if case.metric == "delta_e" else _top1)(rng, shape, MIXES[case.mix], case.effect)


def _delta_e(
    rng: np.random.Generator, shape: tuple[int, int, int], noise: Noise, effect: float
) -> tuple[np.ndarray, np.ndarray]:
    S, R, P = shape
    photo_S1P = noise.photo * rng.standard_normal((S, 1, P))
    rest_SRP = noise.rest * rng.standard_normal(shape, np.float32)
    difference_SRP = effect + photo_S1P + noise.replicate * rng.standard_normal((S, R, 1)) + rest_SRP
    return difference_SRP, effect + photo_S1P.mean(axis=(1, 2))


def _top1(
    rng: np.random.Generator, shape: tuple[int, int, int], noise: Noise, effect: float
) -> tuple[np.ndarray, np.ndarray]:
    S, R, P = shape
    # Both sides have luck of their own, so each takes the share that makes the difference as lucky as delta_e's.
    replicate, photo = noise.replicate / noise.rest, noise.photo / noise.rest
    hardness_S1P = HARDNESS * rng.standard_normal((S, 1, P))
    total = np.sqrt(1 + replicate**2 + photo**2 + HARDNESS**2)
    sides = []
    for sign in (1, -1):
        shift = total * stats.norm.ppf(ACCURACY + sign * effect / 2)
        score_S1P = shift + hardness_S1P + photo * rng.standard_normal((S, 1, P))
        luck_SRP = replicate * rng.standard_normal((S, R, 1)) + rng.standard_normal(shape, np.float32)
        these_S = stats.norm.cdf(score_S1P / np.sqrt(1 + replicate**2)).mean(axis=(1, 2))
        sides.append(((score_S1P + luck_SRP > 0).astype(np.float64), these_S))
    return sides[0][0] - sides[1][0], sides[0][1] - sides[1][1]


def judge(difference_SRP: np.ndarray, margin: float | None, metric: str, family_size: int = 1) -> Judged:
    """The rule at the one look of a study of one fold, for many studies at once."""
    found = crossed.estimate(difference_SRP)
    return rule.judge(
        found.effect, found.variance, found.degrees_of_freedom,
        margin=margin, better=BETTER[metric], alpha=rule.alpha(1.0, family_size),
    )  # fmt: skip


def these_photos(difference_SRP: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval for new trainings on the same photos."""
    found = crossed.estimate(difference_SRP)
    return crossed.interval(found.effect, found.variance_these_photos, found.num_replicates - 1, 0.95)


def coverage(case: Case, num_studies: int = NUM_STUDIES) -> tuple[float, float]:
    """Share of studies whose 95 % interval holds its truth: for new photos and trainings, and for these photos."""
    covered = []
    for difference_SRP, these_S in differences(case, num_studies):
        judged, (low_S, high_S) = judge(difference_SRP, None, case.metric), these_photos(difference_SRP)
        new_S = (judged.low_95 <= case.effect) & (case.effect <= judged.high_95)
        covered.append([new_S, (low_S <= these_S) & (these_S <= high_S)])
    new, these = np.concatenate(covered, axis=1).mean(axis=1)
    return float(new), float(these)


def claims(family: list[Case], num_studies: int = NUM_STUDIES) -> np.ndarray:
    """Which contrasts of a family get a helps or hurts of whatever size, studies x contrasts; each has its own luck."""
    return np.stack(
        [
            np.concatenate(
                [
                    judge(difference_SRP, None, case.metric, len(family)).holds(*rule.EFFECTS)
                    for difference_SRP, _ in differences(case, num_studies)
                ]
            )
            for case in family
        ],
        axis=-1,
    )


def false_equivalence(case: Case, margin: float, num_studies: int = NUM_STUDIES) -> float:
    """Share of studies that call a difference of exactly the margin one within the margin (however else qualified)."""
    wrong = [
        judge(difference_SRP, margin, case.metric).holds(rule.EQUIVALENT)
        for difference_SRP, _ in differences(case, num_studies)
    ]
    return float(np.concatenate(wrong).mean())


def true_standard_error(case: Case) -> float:
    """Of the mean difference, for new photos and trainings: by formula, or from simulated studies."""
    if case.metric == "delta_e":
        return MIXES[case.mix].standard_error(case.num_replicates)
    return float(np.std(np.concatenate([d_SRP.mean(axis=(1, 2)) for d_SRP, _ in differences(case)])))


def power(metric: str, mix: str, both: bool, num_studies: int = NUM_STUDIES) -> float:
    """Share of studies with 10 replicates that find an effect of four standard errors beside another contrast."""
    case = Case(metric=metric, mix=mix, num_replicates=10, seed=3)
    effect = 4 * true_standard_error(case)
    found = Case(metric=metric, mix=mix, num_replicates=10, effect=effect, seed=3)
    other = Case(metric=metric, mix=mix, num_replicates=10, effect=effect if both else 0.0, seed=4)
    return float(claims([found, other], num_studies)[:, 0].mean())


def main() -> None:
    print("coverage of the 95 % intervals      new photos and trainings   these photos")
    for metric in MARGIN:
        for mix in MIXES:
            for R in (6, 10, 20):
                new, these = coverage(Case(metric=metric, mix=mix, num_replicates=R))
                print(f"{metric:8} {mix:11} {R:3} replicates  {new:20.3f} {these:14.3f}")
    print("\nany false helps or hurts, both contrasts of the primary family truly zero")
    for mix in MIXES:
        for R in (6, 10, 20):
            family = [Case(metric=metric, mix=mix, num_replicates=R, seed=1) for metric in MARGIN]
            print(f"{mix:11} {R:3} replicates  {claims(family).any(axis=-1).mean():.3f}")
    print("\ncalled within the margin, truth exactly the margin        the study's margin   eight standard errors")
    for metric, margin in MARGIN.items():
        for mix in MIXES:
            for R in (6, 10, 20):
                wide = 8 * true_standard_error(Case(metric=metric, mix=mix, num_replicates=R))
                rates = [
                    false_equivalence(Case(metric=metric, mix=mix, num_replicates=R, effect=one, seed=2), one)
                    for one in (margin, wide)
                ]
                print(f"{metric:8} {mix:11} {R:3} replicates  {rates[0]:26.3f} {rates[1]:20.3f}")
    print("\nan effect of four standard errors found, 10 replicates     the other contrast zero   the other like it")
    for metric in MARGIN:
        for mix in MIXES:
            print(f"{metric:8} {mix:11} " + "".join(f"{power(metric, mix, both):26.3f}" for both in (False, True)))


if __name__ == "__main__":
    main()
