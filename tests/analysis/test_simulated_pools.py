"""The promises of a study of one fold, kept or broken on simulated studies with known truths.

The small cases run with every test; `full` ones go through every mix of noise, both metrics and 6, 10, 20 replicates.
All of them simulate 1,000 studies: so few that a rate of 5 % is seen as 3.6 to 6.4 % in 19 of 20 cases.
"""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics import rule
from analysis.statistics.contrasts import contrasts
from analysis.tables import Tables
from tests.analysis.simulated_pools import (
    MARGIN,
    MIXES,
    Case,
    claims,
    coverage,
    differences,
    false_equivalence,
    judge,
    power,
    these_photos,
    true_standard_error,
)

SMALL = {("delta_e", "both", 6), ("top1", "both", 6)}


CASES = [
    pytest.param(
        Case(metric=metric, mix=mix, num_replicates=R),
        id=f"{metric}-{mix}-{R}",
        marks=() if (metric, mix, R) in SMALL else pytest.mark.full,
    )
    for metric, mix, R in product(MARGIN, MIXES, (6, 10, 20))
]
MIX_NAMES = [pytest.param(mix, marks=() if mix == "both" else pytest.mark.full) for mix in MIXES]


@pytest.mark.parametrize("case", CASES)
def test_both_intervals_cover_their_own_truth_in_93_to_98_of_100_studies(case: Case) -> None:
    new, these = coverage(case)
    assert 0.93 <= new <= 0.98
    assert 0.93 <= these <= 0.98


def test_the_interval_for_these_photos_misses_the_truth_for_new_photos() -> None:
    """Else the two intervals would answer one question, and testing each against its own truth would prove nothing."""
    case = Case(metric="delta_e", mix="photos", num_replicates=6)
    covered = []
    for difference_SRP, _ in differences(case, 250):
        low_S, high_S = these_photos(difference_SRP)
        covered.append((low_S <= 0) & (high_S >= 0))
    assert np.concatenate(covered).mean() < 0.85


@pytest.mark.parametrize("mix", MIX_NAMES)
@pytest.mark.parametrize("R", [6, *(pytest.param(R, marks=pytest.mark.full) for R in (10, 20))])
def test_a_study_without_any_effect_claims_one_in_at_most_65_of_1000(mix: str, R: int) -> None:
    family = [Case(metric=metric, mix=mix, num_replicates=R, seed=1) for metric in MARGIN]
    assert claims(family).any(axis=-1).mean() <= 0.065


@pytest.mark.parametrize("case", CASES)
def test_a_difference_of_the_margin_is_called_none_in_at_most_65_of_1000(case: Case) -> None:
    """At the study's margin, and at one so wide that the interval always fits: there the rule is hardest pressed."""
    for margin in (MARGIN[case.metric], 8 * true_standard_error(case)):
        assert false_equivalence(replace(case, effect=margin, seed=2), margin) <= 0.065


def test_no_difference_at_all_is_called_so_where_the_margin_is_wide() -> None:
    """Else never saying it would pass the test above."""
    case = Case(metric="delta_e", mix="both", num_replicates=10)
    assert false_equivalence(case, 4 * true_standard_error(case)) > 0.8


@pytest.mark.parametrize("mix", MIX_NAMES)
@pytest.mark.parametrize("metric", MARGIN)
def test_an_effect_of_four_standard_errors_is_found_in_80_of_100_studies(metric: str, mix: str) -> None:
    assert power(metric, mix, both=False) >= 0.8
    assert power(metric, mix, both=True) >= 0.8


def test_the_simulated_truths_are_true() -> None:
    """A long loop over one photo: its mean over trainings comes near the truth given for these photos."""
    for metric, effect in (("delta_e", 0.7), ("top1", 0.2)):
        case = Case(metric=metric, mix="photos", num_replicates=2_000, effect=effect)
        ((difference_SRP, these_S),) = differences(case, 1)
        assert difference_SRP.mean() == pytest.approx(these_S[0], abs=0.04 if metric == "delta_e" else 0.004)
        many = Case(metric=metric, mix="photos", num_replicates=2, effect=effect)
        truths_S = np.concatenate([these for _, these in differences(many, 2_000)])
        assert stats.ttest_1samp(truths_S, effect).pvalue > 0.001


def as_tables(tables: Tables, difference_RP: dict[str, np.ndarray]) -> Tables:
    """A study whose tables hold these differences by metric: the control scores zero, the treatment the difference."""
    sides = {"delta_e": ("joint.color", "color_only"), "top1": ("joint.naming", "class_only")}
    frames = []
    for metric, (treatment, control) in sides.items():
        d_RP = difference_RP[metric]
        replicate_RP, photo_RP = np.indices(d_RP.shape)
        rows = {"replicate": replicate_RP.ravel() + 1, "photo": [f"{p}.jpg" for p in photo_RP.ravel()]}
        for setting, value_RP in ((treatment, d_RP), (control, 0 * d_RP)):
            arm = setting.partition(".")[0]
            frames.append(pd.DataFrame({**rows, metric: value_RP.ravel()}).assign(setting=setting, arm=arm))
    photos = pd.concat(frames, ignore_index=True).assign(trial="", category="", fold=0)
    study = {**tables.study, "controls": {}}
    return replace(tables, photos=photos, study=study, baselines=tables.baselines.iloc[:0])


@pytest.mark.parametrize("num_studies", [8, pytest.param(60, marks=pytest.mark.full)])
def test_the_report_s_path_from_tables_gives_what_the_simulations_saw(tables: Tables, num_studies: int) -> None:
    family = [Case(metric=metric, mix="both", num_replicates=6, effect=2 * MARGIN[metric]) for metric in MARGIN]
    simulated = {case.metric: np.concatenate([d for d, _ in differences(case, num_studies)]) for case in family}
    judged = {metric: judge(d_SRP, MARGIN[metric], metric, 2) for metric, d_SRP in simulated.items()}
    verdicts = set()
    for study in range(num_studies):
        found = contrasts(as_tables(tables, {metric: d_SRP[study] for metric, d_SRP in simulated.items()}))
        for index, metric in enumerate(MARGIN):
            row, one = found.iloc[index], judged[metric]
            low_these = these_photos(simulated[metric][study])[0]
            seen = (row["effect"], row["low_95"], row["low_side"], row["p"], row["low_95_these_photos"])
            numbers = (one.effect, one.low_95, one.low_side, one.p)
            expected = (*(float(values[study]) for values in numbers), low_these)
            assert seen == pytest.approx(expected, rel=1e-9)
            claims = [word for word, holds in zip(rule.CLAIMS, one.claims_C[study], strict=True) if holds]
            assert row["claims"] == claims
            assert row["verdict"] == (claims[0] if claims else rule.UNDECIDED)
            verdicts.add(row["verdict"])
    assert len(verdicts) > 1
