"""The promises of the rule for folds and looks, kept on simulated studies with known truths."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import rule
from analysis.statistics.contrasts import contrasts
from analysis.tables import Tables
from tests.analysis.simulated_studies import (
    BETTER,
    MARGIN,
    NUM_PHOTOS,
    PHOTOS,
    PLANS,
    PROMISES,
    REPLICATES,
    REST,
    Plan,
    Promise,
    coverage,
    false_claims,
    fold_means,
    own_luck,
    shared_luck,
)

QUICK = ("s = 0.29", "the rule before")
"""The largest spread is the hardest; the others run with the full tests."""


@pytest.mark.parametrize(
    "promise",
    [
        pytest.param(one, id=one.name, marks=() if any(word in one.name for word in QUICK) else pytest.mark.full)
        for one in PROMISES
    ],
)
def test_what_was_asked_for_is_measured(promise: Promise) -> None:
    low, high = promise.asked
    assert low - promise.slack() <= promise.measure() <= high + promise.slack()


def test_looks_that_are_not_paid_for_break_the_promise() -> None:
    """Else the promise would hold whatever the rule does."""
    plan = Plan(8, (1, 2, 3, 4, 5, 6), (1.0,) * 6)
    wrong = []
    for seed in (1, 2):
        mean_SKR = fold_means(plan, "color", 0.0, 0.0, own_luck, np.random.default_rng(seed), 4_000)
        found, _ = rule.judge_folds(
            mean_SKR, looks=plan.looks, shares=plan.shares, margin=0.5, better="min", family_size=2
        )
        wrong.append(false_claims(found, 0.0, "color"))
    assert (wrong[0] | wrong[1]).mean() > 0.075


def test_luck_that_folds_share_is_not_in_the_interval() -> None:
    shared = coverage("12 x 2", "color", 0.0, 0.29, shared_luck(0.5))
    assert shared < 0.8 < coverage("12 x 2", "color", 0.0, 0.29)


def test_fold_means_have_the_spread_of_a_study_drawn_photo_by_photo() -> None:
    """The shortcut against trainings, photos and rest drawn one by one."""
    plan, rng, S = Plan(3, (2,), (1.0,)), np.random.default_rng(5), 1_500
    P = 60
    d_SKRP = REPLICATES * rng.standard_normal((S, 3, 2, 1)) + PHOTOS * rng.standard_normal((S, 3, 1, P))
    slow_SKR = (d_SKRP + REST * rng.standard_normal((S, 3, 2, P))).mean(axis=-1)
    fast_SKR = fold_means(
        replace(plan, num_folds=NUM_PHOTOS // P), "color", 0.0, 0.0, own_luck, np.random.default_rng(6), S
    )
    for of in (lambda mean_SKR: mean_SKR.mean(axis=-1), lambda mean_SKR: mean_SKR[..., 0] - mean_SKR[..., 1]):
        assert of(fast_SKR).std() == pytest.approx(of(slow_SKR).std(), rel=0.03)


def as_tables(tables: Tables, mean_KR: dict[str, np.ndarray]) -> Tables:
    """A study whose tables hold these fold means by metric: the control scores zero, the treatment the difference."""
    sides = {"delta_e_inside": ("joint.color", "color_only"), "p_true": ("joint.naming", "class_only")}
    frames = []
    for metric, roles in sides.items():
        fold_KRP, replicate_KRP, photo_KRP = np.indices((*mean_KR[metric].shape, 2))
        # Two photos a fold, apart by 2: what they have in common is the fold's mean.
        value_KRP = mean_KR[metric][..., None] + np.array([-1.0, 1.0])
        photos = [f"{fold}-{photo}.jpg" for fold, photo in zip(fold_KRP.ravel(), photo_KRP.ravel(), strict=True)]
        rows = {"fold": fold_KRP.ravel(), "replicate": replicate_KRP.ravel() + 1, "photo": photos}
        for role, one_KRP in zip(roles, (value_KRP, 0 * value_KRP), strict=True):
            arm = role.partition(".")[0]
            frames.append(pd.DataFrame({**rows, metric: one_KRP.ravel()}).assign(setting=role, arm=arm))
    photos = pd.concat(frames, ignore_index=True).assign(trial="", category="")
    study = {**tables.study, "controls": {}, "compromise": {}}
    trials = tables.trials[~tables.trials["setting"].str.endswith(".twin")]
    return replace(tables, photos=photos, study=study, trials=trials, baselines=tables.baselines.iloc[:0])


@pytest.mark.parametrize("num_studies", [10, pytest.param(60, marks=pytest.mark.full)])
def test_the_report_s_path_from_tables_gives_what_the_simulations_saw(make_tables, num_studies: int) -> None:
    tables, plan, rng = make_tables(num_folds=12, num_photos=72), PLANS["12 x 2"], np.random.default_rng(0)
    names = {"color": "delta_e_inside", "p_true": "p_true"}
    simulated = {
        metric: fold_means(plan, metric, -0.7 * MARGIN[metric], 0.19, own_luck, rng, num_studies) for metric in names
    }
    expected = {
        metric: rule.judge_folds(
            mean_SKR, looks=plan.looks, shares=plan.shares, margin=MARGIN[metric], better=BETTER[metric], family_size=2
        )
        for metric, mean_SKR in simulated.items()
    }
    words, looks = set(), set()
    for study in range(num_studies):
        found = contrasts(as_tables(tables, {names[metric]: one[study] for metric, one in simulated.items()}))
        for metric, (_, row) in zip(names, found.iterrows(), strict=True):
            judged, look_S = expected[metric]
            seen = (row["effect"], row["low_95"], row["high_side"], row["standard_error"])
            one = (judged.effect, judged.low_95, judged.high_side, judged.standard_error)
            assert seen == pytest.approx(tuple(float(values[study]) for values in one), rel=1e-9)
            claims = [word for word, holds in zip(rule.CLAIMS, judged.claims_C[study], strict=True) if holds]
            assert (row["claims"], row["look"]) == (claims, look_S[study])
            words.add(row["verdict"])
            looks.add(row["look"])
    assert len(words) > 1 and looks == {1, 2}
