"""examples.py: photos by rule with their pictures, scores by category."""

from dataclasses import replace

import pandas as pd
import pytest

from analysis.statistics.differences import differences
from analysis.summaries.examples import (
    PUBLISHED_NCD,
    beside_published,
    best_median_worst,
    category_scores,
    evenly,
    example_table,
    painters,
    side_by_side,
)
from analysis.tables import Tables


def test_the_photo_helped_most_comes_first_whichever_direction_is_better(tables: Tables) -> None:
    table = example_table(tables).set_index(["contrast", "rule"])
    color = differences(tables, "joint.color", "color_only", "delta_e")[0].mean()
    naming = differences(tables, "joint.naming", "class_only", "top1")[0].mean()
    assert table.loc[("color", "most helped"), "photo"] == color.idxmin()
    assert table.loc[("color", "most hurt"), "photo"] == color.idxmax()
    assert table.loc[("color", "middle"), "difference"] == pytest.approx(color.sort_values().iloc[30])
    assert table.loc[("naming", "most helped"), "difference"] == pytest.approx(naming.max())
    assert table.loc[("naming", "most hurt"), "difference"] == pytest.approx(naming.min())
    sides = table["treatment"] - table["control"]
    assert sides.tolist() == pytest.approx(table["difference"].tolist())


def test_best_median_and_worst_favour_no_setting(tables: Tables) -> None:
    table = best_median_worst(tables)
    coloured = tables.photos[tables.photos["arm"] != "class_only"]
    settings = sorted(coloured["setting"].unique())
    by_photo = coloured.groupby(["photo", "setting"])["delta_e"].mean().unstack()[settings].mean(axis=1)
    assert table["rule"].tolist() == ["best", "median", "worst"]
    assert table["photo"].tolist() == [by_photo.idxmin(), by_photo.sort_values().index[30], by_photo.idxmax()]
    assert list(table.columns) == ["rule", "photo", "category", *settings]


def test_scores_by_category_leave_out_arms_that_do_not_colour(tables: Tables) -> None:
    table = category_scores(tables)
    assert table["category"].tolist()[0] == "whole pool"
    assert table["photos"].tolist() == [60, 10, 10, 10, 10, 10, 10]
    assert not any("class_only" in name for name in table)
    assert table["joint.color: PSNR [dB]"].tolist() == pytest.approx([20.0] * 7)


def test_published_numbers_are_those_of_the_survey() -> None:
    assert PUBLISHED_NCD.set_index("colorizer").loc["Let there be Color"].tolist() == [19.55, 0.792]
    assert len(PUBLISHED_NCD) == 6


def test_this_study_stands_below_the_published_colorizers(tables: Tables) -> None:
    table = beside_published(tables).set_index("colorizer")
    assert table.loc["joint.color (this study, its test pool)"].tolist() == pytest.approx([20.0, 0.8])
    assert len(table) == 6 + 4 and not any(name.startswith("class_only") for name in table.index)


def test_grey_and_truth_come_first_then_every_setting_that_colours_with_its_error(tables: Tables) -> None:
    photo = tables.photos["photo"].iloc[7]
    shown = side_by_side(replace(tables, photos=tables.photos.iloc[::-1]), photo)
    assert shown is not None
    assert painters(tables) == ["joint.color", "joint.naming", "color_only", "no_fusion"]
    first = tables.photos[(tables.photos["photo"] == photo) & (tables.photos["replicate"] == 1)].set_index("setting")
    assert shown.words == ["grey", "truth", *(f"{name}: {first['delta_e'][name]:.1f}" for name in painters(tables))]
    pictures = tables.pictures[tables.pictures["photo"] == photo].set_index("setting")["jpeg"]
    assert shown.jpegs == [pictures[name] for name in ["grey", "truth", *painters(tables)]]


def test_examples_are_chosen_among_photos_with_pictures(tables: Tables) -> None:
    worst = best_median_worst(tables)["photo"].iloc[-1]
    helped = example_table(tables)["photo"].iloc[0]
    pictures = tables.pictures[~tables.pictures["photo"].isin([worst, helped])]
    fewer = replace(tables, pictures=pictures)
    assert worst not in set(best_median_worst(fewer)["photo"])
    assert helped not in set(example_table(fewer).loc[lambda table: table["contrast"] == "color", "photo"])
    assert side_by_side(fewer, worst) is None


def test_a_few_photos_are_spread_evenly_from_first_to_last(tables: Tables) -> None:
    ordered = list(tables.photos.drop_duplicates("photo").sort_values(["category", "photo"])["photo"])
    chosen = evenly(tables)
    assert len(chosen) == 8 and (chosen[0], chosen[-1]) == (ordered[0], ordered[-1])
    gaps = pd.Series([ordered.index(photo) for photo in chosen]).diff().dropna()
    assert gaps.between(8, 9).all()


@pytest.mark.parametrize("pictures", [pd.DataFrame(), pd.DataFrame(columns=["photo", "setting", "jpeg"])])
def test_without_pictures_there_is_nothing_to_show_and_the_rules_hold(tables: Tables, pictures: pd.DataFrame) -> None:
    without = replace(tables, pictures=pictures)
    assert evenly(without) == [] and side_by_side(without, tables.photos["photo"].iloc[0]) is None
    assert best_median_worst(without).equals(best_median_worst(tables))
