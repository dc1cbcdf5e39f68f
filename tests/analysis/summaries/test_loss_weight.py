"""Response of both tasks to the loss weight, on trials laid out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.summaries.loss_weight import confirmed_table, response_arms, response_table, weighted_trials
from analysis.tables import Tables


@pytest.fixture
def swept(tables: Tables) -> Tables:
    """Ten weights from 0.001 to 1 with adamw, and the same with sgd; colour worsens with the weight."""
    rows = [
        (f"joint-search-{optimizer}-{i}", optimizer, 10 ** (-3 + i / 3))
        for optimizer in ("adamw", "sgd")
        for i in range(10)
    ]
    trials = pd.DataFrame(rows, columns=["trial", "config/optimizer", "config/class_loss_weight"]).assign(
        arm="joint", phase="search", setting="", state="done", num_epochs=12, replicate=0
    )
    trials["config/color_loss_weight"] = 2.0
    epochs = trials[["trial"]].assign(epoch=12, **{"val/delta_e": np.tile(np.arange(10.0), 2), "val/top1": 0.5})
    return replace(tables, trials=trials, epochs=epochs)


def test_the_weight_is_that_of_naming_over_that_of_colouring(swept: Tables) -> None:
    assert weighted_trials(swept)["weight"].iloc[0] == pytest.approx(0.001 / 2)


def test_spans_are_equal_in_logarithm_and_keep_optimizers_apart(swept: Tables) -> None:
    table = response_table(swept, "joint")
    color = table[(table["objective"] == "val/delta_e") & (table["optimizer"] == "adamw")]
    assert color["num_trials"].tolist() == [3, 2, 2, 3]
    ratios = color["weight_high"] / color["weight_low"]
    np.testing.assert_allclose(ratios, 1000 ** (1 / 4))
    assert color["median"].tolist() == [1.0, 3.5, 5.5, 8.0]
    assert (color["low"].tolist(), color["high"].tolist()) == ([0, 3, 5, 7], [2, 4, 6, 9])
    assert set(table["optimizer"]) == {"adamw", "sgd"}
    np.testing.assert_allclose(color["lowest"], [10 ** (-3 + i / 3) / 2 for i in (0, 3, 5, 7)])
    np.testing.assert_allclose(color["highest"], [10 ** (-3 + i / 3) / 2 for i in (2, 4, 6, 9)])


def test_stopped_trials_and_other_budgets_are_left_out(swept: Tables) -> None:
    trials = swept.trials.copy()
    trials.loc[0, "state"], trials.loc[1, "num_epochs"] = "stopped", 11
    assert len(weighted_trials(replace(swept, trials=trials))) == 18


def test_confirmed_settings_carry_their_spread_over_replicates(tables: Tables) -> None:
    row = confirmed_table(tables, "joint").query("setting == 'joint.color' and objective == 'val/delta_e'").iloc[0]
    names = tables.epochs["trial"].str.startswith("joint.color-confirm") & (tables.epochs["epoch"] == 12)
    last = tables.epochs.loc[names, "val/delta_e"]
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((last.mean(), last.min(), last.max()))
    assert row["num_replicates"] == 6


def test_only_arms_that_tried_several_weights_respond_primary_treatments_first(tables: Tables) -> None:
    assert response_arms(tables) == ["joint", "no_fusion"]


def test_tables_without_configurations_have_no_response(tables: Tables) -> None:
    bare = tables.trials.drop(columns=[name for name in tables.trials if name.startswith("config/")])
    assert response_arms(replace(tables, trials=bare)) == []


def test_trials_whose_weights_are_learned_have_no_place_on_the_axis(swept: Tables) -> None:
    learned = swept.trials["config/optimizer"].map({"adamw": "uncertainty", "sgd": "pcgrad"})
    mixed = replace(swept, trials=swept.trials.assign(**{"config/task_weighting": learned}))
    assert set(weighted_trials(mixed)["optimizer"]) == {"sgd"}
