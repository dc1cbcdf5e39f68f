"""The tables behind forest and bullet charts."""

from collections.abc import Callable

import pytest

from analysis.figures import effects
from analysis.statistics.differences import differences
from analysis.summaries.pairs import unit_table
from analysis.tables import Tables


def test_forest_table_keeps_what_was_measured(tables: Tables) -> None:
    table = effects.forest_table(tables)
    assert list(table["contrast"]) == ["color", "naming", "fusion"]
    assert table["margin"].tolist() == [0.5, 0.03, 0.5]


def test_dots_are_the_means_of_replicates_where_there_is_one_fold(tables: Tables) -> None:
    table = unit_table(tables)
    mine = table[(table["family"] == "primary") & (table["contrast"] == "color")]
    assert mine["unit"].tolist() == [f"replicate {number}" for number in range(1, 7)]
    by_hand = differences(tables, "joint.color", "color_only", "delta_e")[0].mean(axis=1)
    assert mine["difference"].tolist() == pytest.approx(by_hand.tolist())


def test_a_bullet_says_the_verdict_and_shows_margin_interval_effect_and_dots(tables: Tables) -> None:
    figure = effects.bullet(tables, "color")
    row = effects.forest_table(tables).set_index(["family", "contrast"]).loc[("primary", "color")]
    assert f"<b>{row['verdict']}</b>" in [one.text for one in figure.layout.annotations]
    band = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert [(shape.x0, shape.x1) for shape in band] == [(-0.5, 0.5)]
    drawn = [list(trace.x) for trace in figure.data]
    assert [row["low_95"], row["high_95"]] in drawn and [row["effect"]] in drawn
    low, high = figure.layout.xaxis.range
    assert low < row["low_95"] and high > 0.5


def test_every_answer_has_its_chart(tables: Tables) -> None:
    answers = effects.answers(tables)
    assert not isinstance(answers, list)
    assert ["colouring" in answers.found[0][0], "naming" in answers.found[1][0]] == [True, True]


def test_with_folds_there_is_a_dot_a_fold_and_their_mean_is_the_effect(make_tables: Callable[..., Tables]) -> None:
    tables = make_tables(num_folds=4, num_photos=48, effects={"joint.color": -2.0, "joint.both": -2.0})
    table = unit_table(tables)
    found = effects.forest_table(tables)
    assert set(found["family"]) == {"primary", "both", "controls"}
    for row in found.itertuples():
        mine = table[(table["family"] == row.family) & (table["contrast"] == row.contrast)]
        assert mine["unit"].tolist() == ["fold 1", "fold 2", "fold 3", "fold 4"]
        assert mine["difference"].mean() == pytest.approx(row.effect)
        assert mine["num_photos"].sum() == row.num_photos
