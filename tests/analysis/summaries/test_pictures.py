"""Pictures of photos that a rule has chosen, the same for every setting."""

from dataclasses import replace

import pandas as pd
import pytest

from analysis.summaries.examples import best_median_worst, evenly, example_table, painters, side_by_side
from analysis.tables import Tables


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
