"""From tables to verdicts of one fold: pairing, families, the rule, and what cannot be tested."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics import rule
from analysis.statistics.contrasts import contrasts
from analysis.tables import Tables


def row_of(tables: Tables, name: str) -> pd.Series:
    found = contrasts(tables).set_index("contrast")
    return found.loc[name]


def test_row_agrees_with_the_numbers_taken_from_the_photos_by_hand(tables: Tables) -> None:
    row = row_of(tables, "color")
    photos = tables.photos
    sides = [
        np.array([photos[(photos["setting"] == s) & (photos["replicate"] == r)]["delta_e"] for r in range(1, 7)])
        for s in ("joint.color", "color_only")
    ]
    d_RP = sides[0] - sides[1]
    mean_R = d_RP.mean(axis=1)
    assert row["effect"] == pytest.approx(d_RP.mean())
    assert row["treatment_mean"] == pytest.approx(sides[0].mean())
    assert row["control_mean"] == pytest.approx(sides[1].mean())
    assert (row["num_replicates"], row["num_photos"]) == (6, 60)
    assert row["effect_size"] == pytest.approx(mean_R.mean() / mean_R.std(ddof=1))
    assert row["improvement"] == pytest.approx(np.mean(d_RP < 0))
    assert 0 < row["improvement_low"] < row["improvement"] < row["improvement_high"] < 1
    assert row["gap_share"] == pytest.approx(d_RP.mean() / (7.0 - 11.2))  # grey is the better trivial rule
    these = stats.ttest_1samp(mean_R, 0).confidence_interval(0.95)
    assert (row["low_95_these_photos"], row["high_95_these_photos"]) == pytest.approx(tuple(these))
    assert row["verdict"] == rule.HELPS_MORE
    assert row["claims"] == [rule.HELPS_MORE, rule.HELPS, rule.NOT_WORSE]
    assert (row["settled"], row["look"], row["num_looks"], row["num_folds"]) == (True, 1, 1, 1)


def test_families_share_the_error_each_on_its_own(tables: Tables) -> None:
    found = contrasts(tables)
    assert list(found["family"]) == ["primary", "primary", "controls"]
    assert list(found["alpha"]) == [0.025, 0.025, 0.05]
    np.testing.assert_allclose(found["p_adjusted"], np.minimum(1, found["p"] * [2, 2, 1]))


def test_twins_count_in_their_family_whether_they_were_trained_or_not(tables: Tables) -> None:
    """Else the level of a control would depend on what was found."""
    study = {**tables.study, "confirm": {**tables.study["confirm"], "twins": True}}
    for one in (replace(tables, study=study), replace(with_twin(tables, 0.1), study=study)):
        assert row_of(one, "fusion")["alpha"] == pytest.approx(0.05 / 3)


def test_pairs_are_matched_by_name_and_not_by_order(tables: Tables) -> None:
    shuffled = replace(tables, photos=tables.photos.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(contrasts(shuffled), contrasts(tables), rtol=1e-9)


def with_state(tables: Tables, state: str, setting: str = "color_only", replicate: int = 4) -> Tables:
    trials = tables.trials.copy()
    is_one = (trials["setting"] == setting) & (trials["replicate"] == replicate)
    trials.loc[is_one, "state"] = state
    gone = (tables.photos["setting"] == setting) & (tables.photos["replicate"] == replicate)
    return replace(tables, trials=trials, photos=tables.photos[~gone])


def test_the_survivors_of_a_failed_training_are_not_judged(tables: Tables) -> None:
    row = row_of(with_state(tables, "failed"), "color")
    assert (row["verdict"], row["settled"]) == (rule.NOT_TESTABLE, True)
    assert row["note"] == "the training of color_only failed in replicate 4; the ones left are not judged"
    assert np.isnan(row["effect"])


@pytest.mark.parametrize("state", ["running", "queued", "stopped"])
def test_a_look_waits_for_all_its_trainings(tables: Tables, state: str) -> None:
    row = row_of(with_state(tables, state), "color")
    assert (row["verdict"], row["settled"], row["claims"]) == (rule.NOT_YET, False, [])
    assert row["note"] == "1 of 6 trainings of color_only have not ended"


def test_a_training_without_numbers_is_no_training(tables: Tables) -> None:
    row = row_of(with_state(tables, "done"), "color")
    assert row["verdict"] == rule.NOT_TESTABLE
    assert row["note"] == "1 of 6 trainings of color_only ended without numbers photo by photo"


def test_a_photo_without_a_number_is_left_out_and_counted(tables: Tables) -> None:
    photos = tables.photos.copy()
    broken = (photos["setting"] == "joint.color") & (photos["replicate"] == 2) & (photos["photo"] == "Apple/Apple0.jpg")
    photos.loc[broken, "delta_e"] = np.nan
    row = row_of(replace(tables, photos=photos), "color")
    assert (row["num_replicates"], row["num_photos"]) == (6, 59)
    assert "1 of 60 photos left out" in row["note"]


def test_an_arm_that_was_never_confirmed_is_a_row_that_says_so(tables: Tables) -> None:
    trials = tables.trials[(tables.trials["arm"] != "class_only") | (tables.trials["phase"] == "search")]
    row = row_of(replace(tables, trials=trials), "naming")
    assert (row["verdict"], row["note"]) == ("not yet", "6 of 6 trainings of class_only have not ended")


def test_a_search_without_a_winner_is_a_row_that_says_so(tables: Tables) -> None:
    row = row_of(replace(tables, selections=tables.selections.assign(source="")), "color")
    assert (row["verdict"], row["settled"]) == ("not testable", True)
    assert "no setting of joint.color was chosen: the search has no finished trial" in row["note"]


def test_a_search_that_has_not_chosen_is_waited_for(tables: Tables) -> None:
    row = row_of(replace(tables, selections=tables.selections.iloc[:0]), "color")
    assert (row["verdict"], row["settled"]) == ("not yet", False)
    assert "no setting of joint has been chosen as treatment yet" in row["note"]


def test_one_replicate_gives_a_difference_but_no_verdict(make_tables: Callable[..., Tables]) -> None:
    row = row_of(make_tables(num_replicates=1), "color")
    assert np.isfinite(row["effect"])
    assert np.isnan(row["p"])
    assert np.isnan(row["low_95"])
    assert row["verdict"] == "not testable"
    assert "one replicate only" in row["note"]


def test_where_neither_side_beats_what_costs_nothing_there_is_nothing_to_compare(tables: Tables) -> None:
    def with_errors(*settings: str) -> pd.Series:
        errors = tables.photos["delta_e"].where(~tables.photos["setting"].isin(settings), tables.photos["delta_e"] + 4)
        return row_of(replace(tables, photos=tables.photos.assign(delta_e=errors)), "color")

    row = with_errors("joint.color", "color_only")
    assert (row["verdict"], row["settled"], row["claims"]) == ("not testable", True, [])
    assert "neither side does better than leaving photos grey (11.9 and 13 against 11.2 CIEDE2000)" in row["note"]
    assert with_errors("color_only")["verdict"] == rule.HELPS_MORE


def test_naming_at_the_level_of_frequencies_is_not_testable(tables: Tables) -> None:
    row = row_of(replace(tables, photos=tables.photos.assign(top1=0.1)), "naming")
    assert "neither side does better than naming by how frequent each class is (0.1 and 0.1 against" in row["note"]


def test_a_metric_without_trivial_rules_is_judged_without_them(tables: Tables) -> None:
    bare = replace(tables, baselines=tables.baselines.iloc[:0])
    row = row_of(bare, "color")
    assert row["verdict"] == rule.HELPS_MORE
    assert np.isnan(row["gap_share"]) and row["trivial_rule"] == ""


def test_identical_arms_make_no_difference_and_raise_a_doubt(tables: Tables) -> None:
    joint = tables.photos[tables.photos["setting"] == "joint.color"]
    copy = joint.assign(setting="color_only", arm="color_only")
    others = tables.photos[tables.photos["setting"] != "color_only"]
    row = row_of(replace(tables, photos=pd.concat([others, copy], ignore_index=True)), "color")
    assert (row["effect"], row["low_95"], row["high_95"], row["p"]) == (0, 0, 0, 1)
    assert row["verdict"] == "no difference within the margin"
    assert "check that the two arms really differ" in row["note"]


def test_a_metric_that_was_never_measured_is_a_row_that_says_so(tables: Tables) -> None:
    row = row_of(replace(tables, photos=tables.photos.assign(top1=np.nan)), "naming")
    assert row["note"] == "test/top1 was never measured photo by photo"
    row = row_of(replace(tables, photos=tables.photos.drop(columns="top1")), "naming")
    assert row["verdict"] == "not testable"


def test_without_a_margin_nothing_is_called_equal(tables: Tables) -> None:
    row = row_of(replace(tables, study={**tables.study, "margin": {}}), "naming")
    assert not row["equivalent"]
    assert row["verdict"] == "undecided"


def test_only_undecided_contrasts_say_what_another_study_would_need(tables: Tables) -> None:
    found = contrasts(tables)
    asked = found[["replicates_needed", "folds_needed", "photos_needed", "both_needed"]].notna().any(axis=1)
    assert list(asked) == list(found["verdict"] == "undecided")
    assert asked.any()


def with_twin(tables: Tables, shift: float) -> Tables:
    photos, trials = tables.photos, tables.trials
    twin = photos[photos["setting"] == "color_only"].assign(setting="joint.color.color.twin", arm="joint")
    twin["delta_e"] += shift
    confirm = trials[trials["setting"] == "joint.color"].assign(setting="joint.color.color.twin")
    return replace(tables, photos=pd.concat([photos, twin]), trials=pd.concat([trials, confirm]))


def test_a_twin_is_compared_with_the_setting_it_was_made_from(tables: Tables) -> None:
    row = row_of(with_twin(tables, 0.1), "color, twin")
    assert (row["family"], row["treatment"], row["control"]) == ("controls", "joint.color", "joint.color.color.twin")
    assert row["effect"] == pytest.approx(row_of(tables, "color")["effect"] - 0.1)


@pytest.mark.parametrize(
    ("shift", "said"), [(0.6, "the twin is undertuned"), (-0.6, "color_only is undertuned"), (0.4, ""), (-0.4, "")]
)
def test_a_twin_far_from_its_specialist_is_withheld_either_way(tables: Tables, shift: float, said: str) -> None:
    row = row_of(with_twin(tables, shift), "color, twin")
    assert (row["verdict"] == "withheld") == bool(said)
    assert said in row["note"]
    if said:
        assert row["claims"] == []
        better = "worse" if shift > 0 else "better"
        assert f"switched off it is 0.6 {better} than color_only (margin 0.5)" in row["note"]


def test_a_twin_of_the_other_task_is_not_compared(tables: Tables) -> None:
    made = with_twin(tables, 0.1)
    other = made.trials.replace({"setting": {"joint.color.color.twin": "joint.color.class.twin"}})
    assert "color, twin" not in set(contrasts(replace(made, trials=other))["contrast"])
