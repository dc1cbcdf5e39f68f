"""What the search saw: planted influences are found, conditions are respected, ranges are read."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.summaries.searched import (
    best_settings_table,
    choice_table,
    common_epoch,
    importance_table,
    ranges,
    seen_table,
    settings_in_words,
)
from analysis.tables import Tables


def searched(tables: Tables, settings: list[dict[str, object]], scores: list[float]) -> Tables:
    """A study whose joint arm searched these settings, each trial with one record of that score."""
    trials = pd.DataFrame({"trial": [f"joint-search-{i}" for i in range(len(scores))]}).assign(
        arm="joint", phase="search", state="done", num_epochs=1, searched=[json.dumps(one) for one in settings]
    )
    epochs = trials[["trial"]].assign(epoch=1, **{"val/delta_e": scores})
    return replace(tables, trials=trials, epochs=epochs)


def test_a_planted_influence_is_found_and_an_idle_setting_is_not(tables: Tables) -> None:
    rng = np.random.default_rng(0)
    settings = [{"dropout": float(d), "width": float(w)} for d, w in rng.random((60, 2))]
    # Best in the middle: no straight line would see it.
    scores = [(one["dropout"] - 0.5) ** 2 + 0.01 * rng.normal() for one in settings]
    table = importance_table(searched(tables, settings, scores), "val/delta_e").set_index("setting")
    assert table.loc["dropout", "share explained"] > 0.4
    assert table.loc["dropout", "beyond chance"] and not table.loc["width", "beyond chance"]


def test_the_share_agrees_with_scipy_s_kruskal_wallis_by_hand(tables: Tables) -> None:
    scores = [1.0, 2.0, 4.0, 3.0, 6.0, 7.0, 5.0, 8.0, 9.0]
    settings = [{"dropout": index / 10} for index in range(9)]
    row = importance_table(searched(tables, settings, scores), "val/delta_e").iloc[0]
    h = stats.kruskal(scores[:3], scores[3:6], scores[6:]).statistic
    assert row["share explained"] == pytest.approx((h - 2) / (9 - 3))
    assert row["by chance up to"] == pytest.approx((stats.chi2.ppf(0.95, 2) - 2) / 6)


def test_the_learning_rate_is_judged_within_each_optimizer(tables: Tables) -> None:
    """Good at the low end for one and at the high end for the other: mixed together nothing would be left."""
    rng = np.random.default_rng(1)
    settings = [{"optimizer": ("adamw", "sgd")[i % 2], "learning_rate": float(rng.random())} for i in range(80)]
    scores = [one["learning_rate"] * (1 if one["optimizer"] == "sgd" else -1) for one in settings]
    table = importance_table(searched(tables, settings, scores), "val/delta_e")
    rates = table[table["setting"] == "learning_rate"]
    assert sorted(rates["among"]) == ["optimizer adamw", "optimizer sgd"]
    assert (rates["share explained"] > 0.8).all()


def test_a_conditional_setting_is_judged_among_the_trials_that_have_it(tables: Tables) -> None:
    rng = np.random.default_rng(2)
    settings = [{"depth": i % 2, **({"skips": bool(rng.random() < 0.5)} if i % 2 else {})} for i in range(60)]
    # Without depth all is worse, whatever skips would have been; with it skips help.
    scores = [rng.random() + (5 if one["depth"] == 0 else 0 if one["skips"] else 1) for one in settings]
    row = importance_table(searched(tables, settings, scores), "val/delta_e").set_index("setting").loc["skips"]
    assert (row["among"], row["trials"]) == ("trials that have it", 30)
    assert row["share explained"] > 0.5


def test_too_few_trials_say_nothing(tables: Tables) -> None:
    assert importance_table(tables, "val/delta_e").query("setting == 'learning_rate'").empty


def test_scores_are_taken_where_every_trial_had_the_same_budget(tables: Tables) -> None:
    assert common_epoch(tables) == 4  # the stopped ones; the failed one ended after 2
    table = choice_table(tables, "val/delta_e").set_index(["arm", "value"])
    members = [f"joint-search-{index}" for index in (0, 2, 4)]
    at = tables.epochs[tables.epochs["trial"].isin(members) & (tables.epochs["epoch"] == 4)]["val/delta_e"]
    row = table.loc[("joint", "adamw")]
    assert (row["trials"], row["done"], row["stopped"]) == (3, 2, 1)
    assert (row["best"], row["median"]) == pytest.approx((at.min(), at.median()))


def test_what_was_seen_keeps_optimizers_apart(tables: Tables) -> None:
    table = seen_table(tables)
    rates = table[(table["arm"] == "joint") & (table["setting"] == "learning_rate")]
    assert rates["among"].tolist() == ["optimizer adamw", "optimizer sgd"]
    assert rates["trials"].tolist() == [3, 3]


def test_best_settings_come_with_the_command_that_trains_them_again(tables: Tables) -> None:
    table = best_settings_table(tables).set_index("setting")
    assert len(table) == 5
    assert table.loc["joint.color", "reproduce with"] == f"tintune reproduce {tables.study_dir} joint.color-confirm-1"
    assert "class_loss_weight" in table.loc["joint.color", "settings found"]


def test_ranges_follow_conditions_and_the_arm_s_own_overrides(tables: Tables) -> None:
    space = {
        "learning_rate": [
            {"when": {"optimizer": "sgd"}, "log_uniform": [1e-3, 1.0]},
            {"when": {"optimizer": ["adam", "adamw"]}, "log_uniform": [1e-4, 1e-2]},
        ],
        "dropout": {"uniform": [0, 0.6]}, "optimizer": {"choice": ["sgd", "adam", "adamw"]},
    }  # fmt: skip
    tables = replace(tables, study={**tables.study, "space": space})
    drawn = {"learning_rate": 0.005, "dropout": 0.1, "optimizer": "adamw", "class_loss_weight": 0.01}
    assert ranges(tables, "joint", drawn) == {
        "learning_rate": (1e-4, 1e-2, True), "dropout": (0.0, 0.6, False), "class_loss_weight": (1e-3, 0.1, True),
    }  # fmt: skip


def test_settings_that_cannot_be_read_are_none() -> None:
    assert settings_in_words("{broken") == settings_in_words(None) == "none searched"
    assert settings_in_words('{"residual": true, "dropout": 0.12345}') == "residual yes, dropout 0.123"
