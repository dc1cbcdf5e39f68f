"""Tables of what was run."""

from analysis.tables import Tables
from analysis.trials import chosen_table, failure_table, stopped_table, trial_table


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


def test_stopped_trials_are_counted_by_epoch(tables: Tables) -> None:
    table = stopped_table(tables)
    assert table["trials"].tolist() == [1, 1, 1, 1]
    assert set(table["stopped after epoch"]) == {4}


def test_chosen_settings_name_their_source_but_never_its_score(tables: Tables) -> None:
    table = chosen_table(tables)
    assert len(table) == 6
    assert table["settings"].str.contains("learning_rate").all()
    assert not any("value" in column or "score" in column for column in table)
