"""trade_off.py: what stands on both axes."""

from dataclasses import replace

import pytest

from analysis.figures import trade_off
from analysis.tables import Tables


def test_trade_off_has_full_budget_search_trials_and_means_of_confirmed_settings(tables: Tables) -> None:
    table = trade_off.trade_off_table(tables)
    search = table[table["kind"] == "search"]
    assert len(search) == 4 * 5 - 1  # one of six stopped in each arm, one failed
    assert "joint-search-4" not in set(search["name"])
    mean = table[(table["kind"] == "confirm") & (table["name"] == "joint.color")].iloc[0]
    last = tables.epochs[tables.epochs["trial"].str.startswith("joint.color-confirm") & (tables.epochs["epoch"] == 12)]
    assert mean["val/delta_e"] == pytest.approx(last["val/delta_e"].mean())
    assert mean["num_trials"] == 6


def test_trade_off_leaves_out_trials_with_fewer_epochs(tables: Tables) -> None:
    epochs = tables.trials["num_epochs"].where(tables.trials["trial"] != "joint-search-0", 11)
    table = trade_off.trade_off_table(replace(tables, trials=tables.trials.assign(num_epochs=epochs)))
    assert "joint-search-0" not in set(table["name"])


def test_trade_off_gives_no_score_on_a_task_that_an_arm_does_not_train(tables: Tables) -> None:
    table = trade_off.trade_off_table(tables)
    assert table.loc[table["arm"] == "color_only", "val/top1"].isna().all()
    assert table.loc[table["arm"] == "class_only", "val/delta_e"].isna().all()
    assert table.loc[table["arm"] == "joint", ["val/delta_e", "val/top1"]].notna().all(axis=None)
