"""The tables behind the figures of single photos, categories and names."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.figures import photos
from analysis.figures.style import arm_styles
from analysis.statistics.contrasts import contrasts
from analysis.summaries.pairs import category_table, confusion_table, naming_contrasts, photo_table
from analysis.tables import Tables


def test_categories_are_sorted_by_their_difference_and_spread_over_their_photos(tables: Tables) -> None:
    table = category_table(tables, "color")
    assert table["difference"].is_monotonic_increasing
    effect = contrasts(tables).set_index("contrast").loc["color", "effect"]
    assert np.average(table["difference"], weights=table["num_photos"]) == pytest.approx(effect)
    plum = table.set_index("category").loc["Plum"]
    mine = photo_table(tables, "color").query("category == 'Plum'")["difference"]
    assert (plum["difference"], plum["num_photos"]) == (pytest.approx(mine.mean()), 10)
    assert (plum["low"], plum["high"]) == pytest.approx(tuple(np.quantile(mine, [0.25, 0.75])))


def test_a_photo_stands_where_both_sides_put_it_on_average(tables: Tables) -> None:
    table = photo_table(tables, "color").set_index("photo")
    assert len(table) == 60
    photo = table.index[7]
    mine = tables.photos[tables.photos["photo"] == photo].groupby("setting")["delta_e"].mean()
    assert tuple(table.loc[photo, ["treatment", "control"]]) == pytest.approx((mine["joint.color"], mine["color_only"]))


def test_a_mark_has_the_colour_of_the_arm_that_did_better(tables: Tables) -> None:
    styles = arm_styles(tables)
    for contrast, control, better in (("color", "color_only", min), ("naming", "class_only", max)):
        figure = photos.scatter(tables, contrast)
        by_name = {trace.name.split(" (")[0]: trace for trace in figure.data if trace.name}
        for arm in ("joint", control):
            marks = by_name[f"better with {arm}"]
            assert marks.marker.color == styles[arm][0]
            ours, theirs = (marks.y, marks.x) if arm == "joint" else (marks.x, marks.y)
            assert all(better(pair) == pair[0] != pair[1] for pair in zip(ours, theirs, strict=True))


def test_confusion_is_the_difference_of_shares_in_points(tables: Tables) -> None:
    names = tables.photos["predicted"].where(
        (tables.photos["setting"] != "joint.naming") | (tables.photos["category"] != "Plum"), "Tomato"
    )
    confused = replace(tables, photos=tables.photos.assign(predicted=names))
    table = confusion_table(confused, "naming")
    assert table.loc["Plum", "Plum"] == -100 and table.loc["Plum", "Tomato"] == 100
    assert np.count_nonzero(table.to_numpy()) == 2
    assert table.sum(axis=1).tolist() == pytest.approx([0] * 6)
    first = photos.confusion_words(confused, "naming").iloc[0]
    assert first["true"] == "Plum" and abs(first["points"]) == 100
    assert naming_contrasts(tables) == ["naming"]
