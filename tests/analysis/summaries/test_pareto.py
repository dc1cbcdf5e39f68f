"""Fronts and areas on cases worked by hand and against a slow count."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.summaries.pareto import (
    SPECIALISTS,
    axes,
    hypervolume,
    hypervolume_table,
    in_words,
    on_front,
    reference_sentence,
)
from analysis.tables import Tables


def test_the_front_of_a_case_worked_by_hand() -> None:
    losses_N2 = np.array([[1, 5], [2, 3], [3, 3], [2, 3], [4, 1], [5, 2], [np.nan, 0]])
    assert on_front(losses_N2).tolist() == [True, True, False, True, True, False, False]


def test_the_front_matches_a_slow_loop() -> None:
    losses_N2 = np.random.default_rng(0).integers(0, 12, (80, 2)).astype(float)
    slow = [not any((o <= m).all() and (o < m).any() for o in losses_N2) for m in losses_N2]
    assert on_front(losses_N2).tolist() == slow


def test_the_area_of_a_case_worked_by_hand() -> None:
    # Steps 1..2 at height 5-4, 2..4 at height 5-2; (3, 3) is dominated, (6, 1) lies outside.
    losses_N2 = np.array([[1.0, 4.0], [2.0, 2.0], [3.0, 3.0], [6.0, 1.0]])
    assert hypervolume(losses_N2, (4.0, 5.0)) == 1 * 1 + 2 * 3
    assert hypervolume(np.array([[9.0, 9.0]]), (4.0, 5.0)) == 0


def test_the_area_matches_counting_random_points() -> None:
    rng = np.random.default_rng(1)
    losses_N2, darts_M2 = rng.random((15, 2)), rng.random((20_000, 2))
    hit = (losses_N2[:, None] <= darts_M2).all(axis=-1).any(axis=0).mean()
    assert hypervolume(losses_N2, (1.0, 1.0)) == pytest.approx(hit, abs=0.01)


def test_a_single_setting_wins_a_rectangle_in_every_replicate(tables: Tables) -> None:
    row = hypervolume_table(tables).set_index("arm").loc["no_fusion"]
    photos = tables.photos[tables.photos["setting"] == "no_fusion"].groupby("replicate")[["delta_e", "top1"]].mean()
    areas = (11.2 - photos["delta_e"]) * (photos["top1"] - 1 / 6)
    assert row["hypervolume"] == pytest.approx(areas.mean())
    assert (row["low_95"], row["high_95"]) == pytest.approx(
        tuple(stats.ttest_1samp(areas, 0).confidence_interval(0.95))
    )
    assert row["num_replicates"] == 6


def test_with_folds_there_is_one_area_a_fold(make_tables: Callable[..., Tables]) -> None:
    tables = make_tables(num_folds=4, num_photos=48)
    row = hypervolume_table(tables).set_index("arm").loc["no_fusion"]
    photos = tables.photos[tables.photos["setting"] == "no_fusion"]
    means = photos.groupby("fold")[["delta_e_inside", "p_true"]].mean()
    areas = (1.5 * 11.2 - means["delta_e_inside"]) * (means["p_true"] - 1 / 6)
    assert row["hypervolume"] == pytest.approx(areas.mean())
    assert row["num_replicates"] == 4
    assert in_words(tables).columns.tolist() == ["arm", "settings", "hypervolume", "95 % interval", "folds"]


def test_specialists_are_paired_and_never_have_an_area_of_their_own(tables: Tables) -> None:
    table = hypervolume_table(tables).set_index("arm")
    assert set(table.index) == {"joint", "no_fusion", SPECIALISTS}
    assert table.loc[SPECIALISTS, "settings"] == "color_only and class_only"
    color = tables.photos[tables.photos["setting"] == "color_only"].groupby("replicate")["delta_e"].mean()
    naming = tables.photos[tables.photos["setting"] == "class_only"].groupby("replicate")["top1"].mean()
    assert table.loc[SPECIALISTS, "hypervolume"] == pytest.approx(((11.2 - color) * (naming - 1 / 6)).mean())


def test_a_replicate_that_one_setting_lacks_counts_for_none(tables: Tables) -> None:
    gone = (tables.photos["setting"] == "joint.naming") & (tables.photos["replicate"] == 2)
    assert set(hypervolume_table(replace(tables, photos=tables.photos[~gone]))["num_replicates"]) == {5}


def test_without_what_costs_nothing_there_is_no_area_and_the_page_says_why(tables: Tables) -> None:
    bare = replace(tables, baselines=tables.baselines.iloc[:0])
    assert axes(bare) is None
    assert hypervolume_table(bare).empty
    assert reference_sentence(bare).startswith("No hypervolume")
