"""The tables behind the figures; of the figures only that axes carry units and arms keep their colour."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from analysis.figures import curves, effects, search, style
from analysis.summaries import dynamics
from analysis.tables import Tables

FIGURES: dict[str, Callable[[Tables], go.Figure]] = {
    "forest": effects.forest,
    "forest of controls": lambda tables: effects.forest(tables, "controls"),
    "learning curves": lambda tables: curves.learning_curves(tables, "val/delta_e"),
    "trade-off": effects.trade_off,
    "response": lambda tables: search.response(tables, "joint"),
    "survival": search.survival,
    "categories": lambda tables: effects.categories(tables, "naming"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_axis_of_numbers_has_a_unit(tables: Tables, name: str) -> None:
    layout = FIGURES[name](tables).to_dict()["layout"]
    titles = [axis["title"]["text"] for key, axis in layout.items() if key[1:5] == "axis" and "title" in axis]
    assert titles
    assert all("[" in title and "]" in title for title in titles)
    assert all("title" in axis for key, axis in layout.items() if key.startswith("xaxis"))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_nothing_says_so(tables: Tables, name: str) -> None:
    nothing = replace(
        tables, trials=tables.trials.iloc[:0], epochs=tables.epochs.iloc[:0], photos=tables.photos.iloc[:0]
    )
    assert "yet" in FIGURES[name](nothing).layout.annotations[0].text


def test_learning_curves_are_median_and_extremes_over_replicates(tables: Tables) -> None:
    table = dynamics.learning_curve_table(tables, "val/delta_e")
    row = table[(table["setting"] == "joint.color") & (table["epoch"] == 3)].iloc[0]
    members = tables.epochs[
        tables.epochs["trial"].str.startswith("joint.color-confirm") & (tables.epochs["epoch"] == 3)
    ]
    values = members["val/delta_e"]
    assert (row["median"], row["low"], row["high"]) == pytest.approx((np.median(values), values.min(), values.max()))
    assert row["num_replicates"] == 6


def test_learning_curves_leave_out_arms_that_do_not_train_the_task(tables: Tables) -> None:
    assert "class_only" not in set(dynamics.learning_curve_table(tables, "val/delta_e")["arm"])
    assert "color_only" not in set(dynamics.learning_curve_table(tables, "val/top1")["arm"])


def test_a_setting_measured_in_its_last_epoch_alone_is_one_point(tables: Tables) -> None:
    unknown = replace(tables, study={**tables.study, "arms": {}})
    table = dynamics.learning_curve_table(unknown, "val/delta_e")
    (row,) = table[table["setting"] == "class_only"].itertuples()
    assert (row.epoch, row.num_replicates) == (tables.study["epochs"], 6)
    (curve,) = [
        one for one in curves.learning_curves(unknown, "val/delta_e").data if one.name == "class_only (6 replicates)"
    ]
    assert list(curve.x) == [row.epoch] and "markers" in curve.mode


def test_trade_off_has_full_budget_search_trials_and_means_of_confirmed_settings(tables: Tables) -> None:
    table = effects.trade_off_table(tables)
    search = table[table["kind"] == "search"]
    assert len(search) == 4 * 5 - 1  # one of six stopped in each arm, one failed
    assert "joint-search-4" not in set(search["name"])
    mean = table[(table["kind"] == "confirm") & (table["name"] == "joint.color")].iloc[0]
    last = tables.epochs[tables.epochs["trial"].str.startswith("joint.color-confirm") & (tables.epochs["epoch"] == 12)]
    assert mean["val/delta_e"] == pytest.approx(last["val/delta_e"].mean())
    assert mean["num_trials"] == 6


def test_trade_off_leaves_out_trials_with_fewer_epochs(tables: Tables) -> None:
    epochs = tables.trials["num_epochs"].where(tables.trials["trial"] != "joint-search-0", 11)
    table = effects.trade_off_table(replace(tables, trials=tables.trials.assign(num_epochs=epochs)))
    assert "joint-search-0" not in set(table["name"])


def test_trade_off_gives_no_score_on_a_task_that_an_arm_does_not_train(tables: Tables) -> None:
    table = effects.trade_off_table(tables)
    assert table.loc[table["arm"] == "color_only", "val/top1"].isna().all()
    assert table.loc[table["arm"] == "class_only", "val/delta_e"].isna().all()
    assert table.loc[table["arm"] == "joint", ["val/delta_e", "val/top1"]].notna().all(axis=None)


def test_forest_table_keeps_what_was_measured(tables: Tables) -> None:
    table = effects.forest_table(tables)
    assert list(table["contrast"]) == ["color", "naming", "fusion"]
    assert table["margin"].tolist() == [0.5, 0.03, 0.5]


def test_categories_are_sorted_by_their_difference(tables: Tables) -> None:
    assert effects.category_table(tables, "color")["difference"].is_monotonic_increasing


def test_arms_keep_their_colour_whatever_has_finished(tables: Tables) -> None:
    styles = style.arm_styles(tables)
    assert len(set(styles.values())) == 4
    fewer = replace(tables, trials=tables.trials[tables.trials["arm"] == "no_fusion"], photos=tables.photos.iloc[:0])
    assert style.arm_styles(fewer) == styles


def test_forty_arms_do_not_run_out_of_styles(tables: Tables) -> None:
    arms = {f"arm{index}": {} for index in range(36)}
    styles = style.arm_styles(replace(tables, study={**tables.study, "arms": arms}))
    assert len({styles[arm] for arm in arms}) == 36
