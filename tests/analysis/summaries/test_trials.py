"""Tables of what was run."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from analysis.summaries.trials import (
    chosen_table,
    cost_sentence,
    cost_table,
    failure_counts,
    failure_table,
    stop_reason,
    stopped_table,
    trial_table,
)
from analysis.tables import Tables


def test_every_trial_is_counted_once_under_its_end(tables: Tables) -> None:
    table = trial_table(tables).set_index(["phase", "arm"])
    assert table["trials"].sum() == len(tables.trials)
    row = table.loc[("search", "no_fusion")]
    assert (row["trials"], row["done"], row["stopped"], row["failed"]) == (6, 4, 1, 1)
    assert row["epochs"] == 4 * 12 + 4 + 2
    assert row["device seconds"] == (4 * 12 + 4 + 2) * 1.5


def test_failures_are_listed_with_their_message(tables: Tables) -> None:
    table = failure_table(tables)
    assert list(table["trial"]) == ["no_fusion-search-5"]
    assert "nan in epoch 3" in table["message"][0]


def test_failures_are_counted_by_kind_message_and_arm_whatever_the_epoch(tables: Tables) -> None:
    trials = tables.trials.copy()
    hit = {
        "joint-search-1": "train/total_loss is nan in epoch 9, step 1.",
        "joint-search-2": "nan in epoch 1.",
        "joint-search-3": "out",
    }
    for trial, message in hit.items():
        trials.loc[trials["trial"] == trial, ["state", "failure_kind", "failure_message"]] = [
            "failed",
            "not_finite",
            message,
        ]
    trials.loc[trials["trial"] == "joint-search-2", "failure_message"] = "train/total_loss is nan in epoch 1, step 2."
    table = failure_counts(replace(tables, trials=trials))
    assert table["trials"].tolist() == [2, 1, 1]
    assert table.iloc[0].tolist()[:3] == ["not_finite", "train/total_loss is nan in epoch 9, step 1.", "joint"]
    assert set(table["arm"]) == {"joint", "no_fusion"}


def test_stopped_trials_are_counted_by_epoch(tables: Tables) -> None:
    table = stopped_table(tables)
    assert table["trials"].tolist() == [1, 1, 1, 1]
    assert set(table["stopped after epoch"]) == {4}


def test_chosen_settings_name_their_source_but_never_its_score(tables: Tables) -> None:
    table = chosen_table(tables)
    assert len(table) == 6
    assert table["settings"].str.contains("learning_rate").all()
    assert not any("value" in column or "score" in column for column in table)


def test_with_folds_every_role_has_a_row_a_fold_and_says_what_it_was_trained_as(
    make_tables: Callable[..., Tables],
) -> None:
    table = chosen_table(make_tables(num_folds=6, num_photos=36)).set_index(["role", "fold"])
    assert len(table) == 6 * 6
    assert table.loc[("joint.both", 2), "trained as"] == "joint.color"
    assert table.loc[("joint.both", 3), "trained as"] == "joint.both"
    assert table.loc[("color_only", 6), "chosen from"] == "color_only-search-5-0"


def test_rechecks_are_counted_apart(tables: Tables) -> None:
    again = tables.trials[tables.trials["trial"] == "joint-search-0"].assign(trial="joint-recheck-0", phase="recheck")
    table = trial_table(replace(tables, trials=pd.concat([tables.trials, again], ignore_index=True)))
    assert list(table["phase"].unique()) == ["search", "recheck", "confirm"]
    assert table.set_index(["phase", "arm"]).loc[("recheck", "joint"), "done"] == 1


def test_cost_counts_what_early_stopping_saved_at_the_arm_s_own_pace(tables: Tables) -> None:
    seconds = tables.trials["seconds"].where(tables.trials["arm"] != "joint", tables.trials["seconds"] * 2)
    table = cost_table(replace(tables, trials=tables.trials.assign(seconds=seconds))).set_index(["phase", "arm"])
    row = table.loc[("search", "joint")]
    assert (row["trials"], row["epochs"], row["epochs saved"]) == (6, 5 * 12 + 4, 12 - 4)
    assert row["device hours"] == pytest.approx((5 * 12 + 4) * 3.0 / 3600)
    assert row["device hours saved"] == pytest.approx(8 * 3.0 / 3600)
    everything = table.loc[("all", "all")]
    assert everything["trials"] == len(tables.trials)
    assert everything["device hours"] == pytest.approx(seconds.sum() / 3600)


def test_failed_trials_do_not_count_as_saved(tables: Tables) -> None:
    failed = tables.trials["state"].replace("stopped", "failed")
    assert cost_table(replace(tables, trials=tables.trials.assign(state=failed)))["epochs saved"].sum() == 0


def test_the_cost_is_said_in_a_sentence_even_of_nothing(tables: Tables) -> None:
    assert "Early stopping saved about" in cost_sentence(tables)
    assert cost_sentence(replace(tables, trials=tables.trials.iloc[:0])) == "Nothing was trained yet."


def test_the_reason_for_stopping_names_epoch_and_share(tables: Tables) -> None:
    reason = stop_reason(tables)
    assert "At epoch 4" in reason and "best 1/3 of its own arm" in reason
    none = replace(tables, study={**tables.study, "search": {"early_stopping": "none"}})
    assert stop_reason(none) == "This study stops no trial early."


def test_gpu_hours_are_those_of_the_share_that_a_trial_had(tables: Tables) -> None:
    assert "GPU hours" not in cost_table(tables)
    shared = replace(tables, study={**tables.study, "resources": {"gpus_per_trial": 0.25}})
    table = cost_table(shared)
    assert table["GPU hours"].tolist() == pytest.approx((table["device hours"] / 4).tolist())
    assert f"on {table['GPU hours'].iloc[-1]:.2g} GPU-hours" in cost_sentence(shared)
