"""From tables to verdicts: pairing, families, the rule, and what cannot be tested."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.contrasts import by_category, contrasts
from analysis.statistics.rule import holm
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
    assert row["probability_of_improvement"] == np.mean(mean_R < 0)
    these = stats.ttest_1samp(mean_R, 0).confidence_interval(0.95)
    assert (row["low_95_these_photos"], row["high_95_these_photos"]) == pytest.approx(tuple(these))
    assert row["verdict"] == "helps"


def test_families_are_corrected_each_on_its_own(tables: Tables) -> None:
    found = contrasts(tables)
    assert list(found["family"]) == ["primary", "primary", "controls"]
    for _, members in found.groupby("family"):
        np.testing.assert_allclose(members["p_adjusted"], holm(members["p"].to_numpy()))
    alone = found[found["family"] == "controls"].iloc[0]
    assert alone["p_adjusted"] == alone["p"]


def test_pairs_are_matched_by_name_and_not_by_order(tables: Tables) -> None:
    shuffled = replace(tables, photos=tables.photos.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(contrasts(shuffled), contrasts(tables), rtol=1e-9)


def test_a_replicate_that_one_side_lacks_is_left_out_and_named(tables: Tables) -> None:
    gone = (tables.photos["setting"] == "color_only") & (tables.photos["replicate"] == 4)
    row = row_of(replace(tables, photos=tables.photos[~gone]), "color")
    assert row["num_replicates"] == 5
    assert row["num_photos"] == 60
    assert "replicate 4 left out" in row["note"]


def test_a_photo_without_a_number_is_left_out_and_counted(tables: Tables) -> None:
    photos = tables.photos.copy()
    broken = (photos["setting"] == "joint.color") & (photos["replicate"] == 2) & (photos["photo"] == "Apple/Apple0.jpg")
    photos.loc[broken, "delta_e"] = np.nan
    row = row_of(replace(tables, photos=photos), "color")
    assert (row["num_replicates"], row["num_photos"]) == (6, 59)
    assert "1 of 60 photos left out" in row["note"]


def test_a_missing_arm_is_a_row_that_says_so(tables: Tables) -> None:
    photos = tables.photos[tables.photos["arm"] != "class_only"]
    row = row_of(replace(tables, photos=photos), "naming")
    assert row["verdict"] == "not testable"
    assert row["note"] == "no replicate of class_only has finished"


def test_a_search_without_a_winner_is_a_row_that_says_so(tables: Tables) -> None:
    for selections in (tables.selections.iloc[:0], tables.selections.assign(source="", setting="joint")):
        row = row_of(replace(tables, selections=selections), "color")
        assert row["verdict"] == "not testable"
        assert "no setting of joint was chosen" in row["note"]


def test_one_replicate_gives_a_difference_but_no_verdict(make_tables: Callable[..., Tables]) -> None:
    row = row_of(make_tables(num_replicates=1), "color")
    assert np.isfinite(row["effect"])
    assert np.isnan(row["p"])
    assert np.isnan(row["low_95"])
    assert row["verdict"] == "not testable"
    assert "one replicate only" in row["note"]


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


def test_only_undecided_contrasts_ask_for_more(tables: Tables) -> None:
    found = contrasts(tables)
    asked = found["replicates_needed"].notna() | found["photos_needed"].notna() | found["both_needed"].notna()
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


def test_an_undertuned_twin_is_withheld(tables: Tables) -> None:
    row = row_of(with_twin(tables, 0.6), "color, twin")
    assert row["verdict"] == "withheld"
    assert "undertuned" in row["note"]
    assert np.isnan(row["p_adjusted"])


def test_a_twin_of_the_other_task_is_not_compared(tables: Tables) -> None:
    made = with_twin(tables, 0.1)
    other = made.trials.replace({"setting": {"joint.color.color.twin": "joint.color.class.twin"}})
    assert "color, twin" not in set(contrasts(replace(made, trials=other))["contrast"])


def test_categories_average_to_the_whole_difference(tables: Tables) -> None:
    table = by_category(tables)
    color = table[table["contrast"] == "color"]
    assert len(color) == 6
    assert np.average(color["difference"], weights=color["num_photos"]) == pytest.approx(
        row_of(tables, "color")["effect"]
    )
    assert (color["low"] <= color["difference"]).all()
    assert (color["high"] >= color["difference"]).all()
