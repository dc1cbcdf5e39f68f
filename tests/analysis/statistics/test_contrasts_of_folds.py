"""From tables to verdicts of a study with folds: roles, looks, freezing, families, and what is not testable."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics import rule
from analysis.statistics.contrasts import contrasts
from analysis.statistics.differences import differences, measured
from analysis.tables import Tables, load
from tests.analysis.synthetic_study import BOTH, SHARED_FOLD, write_study

EFFECTS = {"joint.color": -0.8, "joint.color/class_use": 0.8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("folds"), num_folds=8, looks=(2, 3), num_photos=240, effects=EFFECTS)


@pytest.fixture
def folds(folder: Path) -> Tables:
    return load(folder)


def row_of(tables: Tables, name: str) -> pd.Series:
    return contrasts(tables).set_index("contrast").loc[name]


def test_the_row_is_students_t_over_fold_means_worked_by_hand(folds: Tables) -> None:
    row, photos = row_of(folds, "color"), folds.photos
    first = photos[photos["replicate"] <= 2].dropna(subset=["delta_e_inside"])
    means = first.groupby(["setting", "fold"])["delta_e_inside"].mean()
    mean_K = (means["joint.color"] - means["color_only"]).to_numpy()
    test = stats.ttest_1samp(mean_K, 0)
    assert row["effect"] == pytest.approx(mean_K.mean())
    assert (row["low_95"], row["high_95"]) == pytest.approx(tuple(test.confidence_interval(0.95)))
    sides = test.confidence_interval(1 - 2 * 0.05 * 0.2 / 2)
    assert (row["low_side"], row["high_side"]) == pytest.approx(tuple(sides))
    assert row["p"] == pytest.approx(test.pvalue)
    assert (row["look"], row["num_looks"], row["num_folds"], row["num_replicates"]) == (1, 2, 8, 2)
    assert row["num_photos"] == 240 - 24
    assert row["alpha"] == pytest.approx(0.05 * 0.2 / 2)
    assert row["verdict"] == rule.HELPS and row["settled"]
    assert row["treatment_mean"] - row["control_mean"] == pytest.approx(row["effect"])
    assert row["gap_share"] == pytest.approx(row["effect"] / (1.5 * (7.0 - 11.2)))


def test_improvement_is_the_share_of_photos_with_an_interval_over_folds(folds: Tables) -> None:
    row = row_of(folds, "color")
    difference, _ = differences(folds, "joint.color", "color_only", "delta_e_inside", row["num_replicates"])
    fold = folds.photos.drop_duplicates("photo").set_index("photo")["fold"].reindex(difference.columns)
    by_fold = (difference < 0).mean().groupby(fold).mean()
    assert row["improvement"] == pytest.approx(by_fold.mean())
    interval = stats.ttest_1samp(by_fold, 0).confidence_interval(0.95)
    assert (row["improvement_low"], row["improvement_high"]) == pytest.approx((interval[0], min(1.0, interval[1])))


def test_a_settled_row_does_not_change_when_later_replicates_arrive_or_fail(folds: Tables) -> None:
    later = folds.photos["replicate"] > 2
    for photos, states in (
        (folds.photos[~later], "queued"),
        (folds.photos.assign(delta_e_inside=folds.photos["delta_e_inside"].where(~later, 99.0)), "done"),
        (folds.photos.assign(delta_e_inside=folds.photos["delta_e_inside"].where(~later)), "failed"),
    ):
        trials = folds.trials.assign(state=folds.trials["state"].where(folds.trials["replicate"] <= 2, states))
        row = row_of(replace(folds, photos=photos, trials=trials), "color")
        pd.testing.assert_series_equal(row, row_of(folds, "color"))


def test_an_unsettled_contrast_goes_on_to_the_last_look_and_waits_for_it(make_tables: Callable[..., Tables]) -> None:
    wide = make_tables(num_folds=8, looks=(2, 3), num_photos=96, effects={"joint.color": -0.25}, search_spread=0.5)
    row = row_of(wide, "color")
    assert (row["look"], row["num_replicates"], row["settled"]) == (2, 3, True)
    assert row["alpha"] == pytest.approx(0.05 * 0.8 / 2)
    open_ = wide.trials.assign(state=wide.trials["state"].where(wide.trials["replicate"] < 3, "queued"))
    waits = row_of(replace(wide, trials=open_), "color")
    assert (waits["verdict"], waits["settled"], waits["look"], waits["num_replicates"]) == ("not yet", False, 1, 2)
    assert waits["note"].startswith("look 1 of 2 did not settle it; 8 of 24 trainings of joint.color have not ended")
    assert waits["claims"] == []


def with_state(tables: Tables, setting: str, fold: int, replicate: int, state: str) -> Tables:
    trials = tables.trials.copy()
    is_one = (trials["setting"] == setting) & (trials["fold"] == fold) & (trials["replicate"] == replicate)
    assert is_one.sum() == 1
    trials.loc[is_one, "state"] = state
    return replace(tables, trials=trials)


def test_one_failed_training_of_one_fold_is_not_testable(folds: Tables) -> None:
    row = row_of(with_state(folds, "color_only", 4, 2, "failed"), "color")
    assert (row["verdict"], row["settled"]) == ("not testable", True)
    assert row["note"] == "the training of color_only failed in fold 5, replicate 2; the ones left are not judged"
    assert row_of(with_state(folds, "color_only", 4, 3, "failed"), "color")["verdict"] == rule.HELPS


def test_a_fold_whose_search_chose_nothing_is_not_testable_and_one_that_has_not_ended_is_waited_for(
    folds: Tables,
) -> None:
    at = (folds.selections["fold"] == 3) & (folds.selections["role"] == "joint.color")
    nothing = folds.selections.assign(source=folds.selections["source"].where(~at, ""))
    row = row_of(replace(folds, selections=nothing), "color")
    assert row["verdict"] == "not testable" and "no setting of joint.color was chosen in fold 4:" in row["note"]
    row = row_of(replace(folds, selections=folds.selections[~at]), "color")
    assert row["verdict"] == "not yet" and "no setting of joint.color has been chosen yet in fold 4" in row["note"]


def test_a_role_is_looked_up_fold_by_fold(folds: Tables) -> None:
    """In one fold joint.both chose the trial of joint.color and was trained under that name."""
    photos = folds.photos.drop_duplicates("photo").set_index("photo")["fold"]
    folds = replace(folds, photos=folds.photos.iloc[::-1])  # whatever comes last
    both, color = (measured(folds, role, "delta_e") for role in (BOTH, "joint.color"))
    shared = photos.index[photos == SHARED_FOLD]
    assert (folds.photos["setting"] == BOTH).sum() == 3 * (240 - len(shared))
    assert both.shape == (3, 240) and both.notna().all(axis=None)
    pd.testing.assert_frame_equal(both[shared], color[shared])
    others = photos.index[photos != SHARED_FOLD]
    assert not np.isclose(both[others], color[others]).any()


def test_families_are_primary_both_and_controls_with_the_twins(folds: Tables) -> None:
    found = contrasts(folds)
    assert found.groupby("family", sort=False)["contrast"].agg(list).to_dict() == {
        "primary": ["color", "naming"], "both": ["both, color", "both, naming"],
        "controls": ["fusion", "class use", "color, twin", "naming, twin"],
    }  # fmt: skip
    assert dict(zip(found["family"], found["alpha"] / (0.05 * 0.2), strict=True)) == pytest.approx(
        {"primary": 1 / 2, "both": 1 / 2, "controls": 1 / 4}
    )
    assert row_of(folds, "both, color")[["treatment", "control"]].tolist() == [BOTH, "color_only"]
    bare = replace(folds, study={**folds.study, "compromise": {}})
    assert "both" not in set(contrasts(bare)["family"])


def test_class_use_between_arms_is_a_control_of_its_own_metric(folds: Tables) -> None:
    row = row_of(folds, "class use")
    assert (row["metric"], row["verdict"]) == ("test/class_use", rule.HELPS_MORE)
    assert row["effect"] == pytest.approx(0.8, abs=0.15)


def test_controls_without_an_effect_to_explain_are_not_waited_for(make_tables: Callable[..., Tables]) -> None:
    null = make_tables(num_folds=8, looks=(2, 3), num_photos=960, search_spread=0.05)
    null = replace(null, study={**null.study, "margin": {**null.study["margin"], "test/delta_e_inside": 1.0}})
    primary = contrasts(null).query("family == 'primary'")
    assert set(primary["verdict"]) == {rule.EQUIVALENT} and set(primary["look"]) == {1}
    kept = ~null.trials["setting"].isin(["no_fusion"]) & ~null.trials["setting"].str.endswith(".twin")
    row = row_of(replace(null, trials=null.trials[kept]), "fusion")
    assert (row["verdict"], row["settled"]) == ("not testable", True)
    assert "no primary contrast found an effect that it could explain" in row["note"]
    # One that shares its trainings with the primary contrasts says what its last look allows, and is over.
    trials = null.trials[kept & (null.trials["replicate"] < 3)]
    blurred = null.photos.assign(class_use=null.photos["class_use"] * np.where(null.photos["fold"] % 2, 9, -9))
    row = row_of(replace(null, trials=trials, photos=blurred), "class use")
    assert (row["verdict"], row["claims"], row["settled"], row["look"]) == ("not better", ["not better"], True, 1)
    assert row["note"] == "not trained further: no primary contrast found an effect that it could explain"
    more = null.trials[(null.trials["setting"] == "joint.color") & (null.trials["replicate"] == 3)]
    running = pd.concat([trials, more.assign(state="running")], ignore_index=True)
    assert row_of(replace(null, trials=running, photos=blurred), "class use")["verdict"] == "not yet"


def test_controls_of_an_effect_are_waited_for(folds: Tables) -> None:
    kept = folds.trials["setting"] != "no_fusion"
    row = row_of(replace(folds, trials=folds.trials[kept]), "fusion")
    assert (row["verdict"], row["settled"]) == ("not yet", False)


def test_the_spread_is_recovered_and_can_be_borrowed(make_tables: Callable[..., Tables]) -> None:
    """Each side has trainings apart by 0.15, photos by 0.6, a rest of 0.7 and searches by 0.4; a difference has two."""
    tables = make_tables(num_folds=24, looks=(2, 3), num_photos=2_400, search_spread=0.4)
    tables = replace(tables, study={**tables.study, "margin": {}, "controls": {}, "compromise": {}})
    spread = row_of(tables, "color")["spread"]
    root = 1.5 * np.sqrt(2)  # the object's error is one and a half times the photo's
    assert spread["photos"] == pytest.approx(0.6 * root, rel=0.1)
    assert spread["rest"] == pytest.approx(0.7 * root, rel=0.05)
    assert spread["search"] == pytest.approx(0.4 * root, rel=0.4)
    assert spread["replicates"] == pytest.approx(0.15 * root, rel=0.4)
