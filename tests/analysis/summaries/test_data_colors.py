"""The data set's colours in words, tables and a figure."""

from dataclasses import replace

import pytest

from analysis.figures.data_colors import swatches
from analysis.summaries.data_colors import category_table, in_words, missing, rule_table, swatch_table
from analysis.tables import Tables


def test_rules_and_networks_stand_in_one_order_worst_first(tables: Tables) -> None:
    table = rule_table(tables)
    assert table["CIEDE2000"].is_monotonic_decreasing
    assert (
        table["painted"].iloc[0] == "one colour" and table["painted"].iloc[-1] == "one colour a category and lightness"
    )
    joint = tables.photos.loc[tables.photos["setting"] == "joint.color", "delta_e"].mean()
    row = table.set_index("painted").loc["joint.color"]
    assert row["CIEDE2000"] == pytest.approx(joint) and "6 replicates" in row["which is"]
    assert "class_only" not in set(table["painted"]), "it does not colour"


def test_shares_of_each_category_add_up_with_near_white_last(tables: Tables) -> None:
    table = swatch_table(tables)
    assert table.groupby("category")["share"].sum().tolist() == pytest.approx([1.0] * 7)
    apple = table[table["category"] == "Apple"]
    assert list(zip(apple["colour"], apple["share"], strict=True)) == [
        ("red", 0.375),
        ("green", 0.125),
        ("near white", 0.5),
    ]
    assert list(category_table(tables)["category"])[:2] == ["whole set", "Apple"]


def test_the_figure_paints_each_bar_in_the_colour_it_stands_for(tables: Tables) -> None:
    figure = swatches(tables)
    assert list(figure.data[0].marker.color) == ["#c82828"] * 7
    assert list(figure.data[-1].marker.color) == ["#e6daa6"] * 7


def test_words_say_what_hedging_paints_and_what_naming_offers(tables: Tables) -> None:
    words = in_words(tables)
    assert "everything beige" in words and "16.0 CIEDE2000 off, more than leaving the photos grey (11.0)" in words
    assert "9.0" in words and "4.0" in words


def test_a_study_without_colours_says_what_is_missing_and_the_command(tables: Tables) -> None:
    assert missing(tables) == ""
    without = replace(tables, colors={})
    assert f"tintune data colors {tables.study_dir}/study.yaml" in missing(without)
    assert "no photos" in missing(replace(without, study={**tables.study, "data": {"dataset": "analytic"}}))
    assert len(swatches(without).data) == 0
