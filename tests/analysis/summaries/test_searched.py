"""What the search saw: importances, values tried, ranges."""

from dataclasses import replace

import pandas as pd
import pytest

from analysis.summaries.searched import (
    best_settings_table,
    choice_table,
    common_epoch,
    importance_table,
    no_importance,
    ranges,
    seen_table,
    settings_in_words,
)
from analysis.tables import Tables


def with_importance(tables: Tables, rows: list[tuple[int, str, str, float, float]]) -> Tables:
    """fold, arm, setting, importance, by_chance; of val/delta_e, 30 trials each."""
    frame = pd.DataFrame(rows, columns=["fold", "arm", "setting_name", "importance", "by_chance"])
    return replace(tables, importance=frame.assign(objective="val/delta_e", num_trials=30, quantile=5 / 30))


def test_importances_are_sorted_within_arms_in_the_study_s_order(tables: Tables) -> None:
    rows = [(0, "color_only", "dropout", 1.0, 0.3), (0, "joint", "dropout", 0.1, 0.3), (0, "joint", "width", 0.9, 0.3)]
    table = importance_table(with_importance(tables, rows), "val/delta_e")
    assert table[["arm", "setting", "beyond chance"]].to_numpy().tolist() == [
        ["joint", "width", "yes"], ["joint", "dropout", "no"], ["color_only", "dropout", "yes"],
    ]  # fmt: skip
    assert table["trials"].tolist() == [30] * 3


def test_over_folds_it_is_the_median_and_how_often_beyond_chance(tables: Tables) -> None:
    rows = [(fold, "joint", "dropout", share, 0.5) for fold, share in enumerate([0.9, 0.2, 0.7, 0.8])]
    (row,) = importance_table(with_importance(tables, rows), "val/delta_e").itertuples(index=False)
    assert row[2] == pytest.approx(0.75)
    assert row[4] == "in 3 of 4 folds"


def test_without_importances_the_page_says_how_many_trials_it_takes(tables: Tables) -> None:
    without = replace(tables, importance=tables.importance.iloc[:0])
    assert importance_table(without, "val/delta_e").empty
    words = no_importance(without, "val/delta_e")
    assert "takes 15 scored search trials" in words and "joint 6, color_only 6, no_fusion 5" in words


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
