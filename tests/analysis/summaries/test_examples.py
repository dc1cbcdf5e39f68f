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
    colorfulness_table,
    evenly,
    example_table,
    first_rows,
)
from analysis.summaries.pictures import side_by_side
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
    assert table["category"].tolist()[0] == "all test photos"
    assert table["photos"].tolist() == [60, 10, 10, 10, 10, 10, 10]
    assert not any("class_only" in name for name in table)
    assert table["joint.color: PSNR [dB]"].tolist() == pytest.approx([20.0] * 7)


def test_published_numbers_are_those_of_the_survey() -> None:
    assert PUBLISHED_NCD.set_index("colorizer").loc["Let there be Color"].tolist() == [19.55, 0.792]
    assert len(PUBLISHED_NCD) == 6


def test_this_study_stands_below_the_published_colorizers(tables: Tables) -> None:
    table = beside_published(tables).set_index("colorizer")
    assert table.loc["joint.color (this study, its test photos)"].tolist() == pytest.approx([20.0, 0.8])
    assert len(table) == 6 + 4 and not any(name.startswith("class_only") for name in table.index)


def test_the_first_screen_shows_best_median_and_worst_of_the_compared_arms(tables: Tables) -> None:
    shown = first_rows(tables)
    assert shown is not None
    assert [[picture.name for picture in row] for row in shown.rows] == [
        ["grey", "truth", "joint.color", "color_only"]
    ] * 3
    two = tables.photos[tables.photos["setting"].isin(["joint.color", "color_only"])]
    mean = two.groupby(["photo", "setting"])["delta_e"].mean().unstack().mean(axis=1).sort_values()
    errors = tables.photos[tables.photos["replicate"] == 1].set_index(["photo", "setting"])["delta_e"]
    expected = [f"{errors[mean.index[place], 'joint.color']:.1f}" for place in (0, 30, 59)]
    assert [row[2].word for row in shown.rows] == expected


def test_colourfulness_stands_beside_the_truth_s(tables: Tables) -> None:
    unmeasured = tables.photos.drop(columns=["colorfulness", "true_colorfulness"])
    assert colorfulness_table(replace(tables, photos=unmeasured)).empty
    photos = tables.photos.assign(true_colorfulness=40.0, chroma_ratio=0.5, colorfulness=10.0)
    photos.loc[photos["setting"] == "color_only", "colorfulness"] = 30.0
    table = colorfulness_table(replace(tables, photos=photos)).set_index("setting")
    assert table["colourfulness painted"].to_dict() == {
        "joint.color": 10, "joint.naming": 10, "color_only": 30, "no_fusion": 10
    }  # fmt: skip
    assert set(table["of the truth"]) == {40} and set(table["trainings"]) == {6} and set(table["photos"]) == {60}


def test_examples_are_chosen_among_photos_with_pictures(tables: Tables) -> None:
    worst = best_median_worst(tables)["photo"].iloc[-1]
    helped = example_table(tables)["photo"].iloc[0]
    pictures = tables.pictures[~tables.pictures["photo"].isin([worst, helped])]
    fewer = replace(tables, pictures=pictures)
    assert worst not in set(best_median_worst(fewer)["photo"])
    assert helped not in set(example_table(fewer).loc[lambda table: table["contrast"] == "color", "photo"])
    assert side_by_side(fewer, worst) == []


def test_a_few_photos_are_spread_evenly_from_first_to_last(tables: Tables) -> None:
    ordered = list(tables.photos.drop_duplicates("photo").sort_values(["category", "photo"])["photo"])
    chosen = evenly(tables)
    assert len(chosen) == 8 and (chosen[0], chosen[-1]) == (ordered[0], ordered[-1])
    gaps = pd.Series([ordered.index(photo) for photo in chosen]).diff().dropna()
    assert gaps.between(8, 9).all()


@pytest.mark.parametrize("pictures", [pd.DataFrame(), pd.DataFrame(columns=["photo", "setting", "jpeg"])])
def test_without_pictures_there_is_nothing_to_show_and_the_rules_hold(tables: Tables, pictures: pd.DataFrame) -> None:
    without = replace(tables, pictures=pictures)
    assert evenly(without) == [] and side_by_side(without, tables.photos["photo"].iloc[0]) == []
    assert first_rows(without) is None
    assert best_median_worst(without).equals(best_median_worst(tables))
