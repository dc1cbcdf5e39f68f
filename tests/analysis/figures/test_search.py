"""The tables behind the figures of the search."""

import numpy as np

from analysis.figures import search
from analysis.summaries.searched import best_so_far_table
from analysis.tables import Tables


def test_survival_counts_trials_still_training_at_each_epoch(tables: Tables) -> None:
    table = search.survival_table(tables)
    joint = table[table["arm"] == "joint"].set_index("epoch")["num_trials"]
    assert joint.to_dict() == {1: 6, 4: 6, 5: 5, 12: 5}
    fusion = table[table["arm"] == "no_fusion"].set_index("epoch")["num_trials"]
    assert (fusion[2], fusion[3], fusion[5]) == (6, 5, 4)


def test_the_best_so_far_never_gets_worse_and_counts_trials_that_scored_nothing(tables: Tables) -> None:
    table = best_so_far_table(tables, "val/delta_e")
    joint = table[table["arm"] == "joint"]
    last = tables.epochs[tables.epochs["epoch"] == 12].set_index("trial")["val/delta_e"]
    scores = [last[f"joint-search-{number}"] for number in (0, 1, 2, 3, 5)]  # the fifth was stopped
    best = list(np.minimum.accumulate(scores))
    assert joint["num_trials"].tolist() == [1, 2, 3, 4, 5, 6]
    assert joint["median"].tolist() == [*best[:4], best[3], best[4]]
    assert "class_only" not in set(table["arm"])
    naming = best_so_far_table(tables, "val/top1")
    assert all(curve["median"].is_monotonic_increasing for _, curve in naming.groupby("arm"))


def test_a_slice_shows_each_setting_against_the_score_with_stopped_trials_hollow(tables: Tables) -> None:
    figure = search.slices(tables, "joint", "val/delta_e")
    titles = [axis["title"]["text"] for name, axis in figure.to_dict()["layout"].items() if name.startswith("xaxis")]
    assert titles == ["learning_rate [setting]", "optimizer [setting]", "class_loss_weight [setting]"]
    rates = figure.data[0]
    at = tables.epochs[(tables.epochs["epoch"] == 4) & tables.epochs["trial"].str.startswith("joint-search")]
    assert list(rates.y) == at["val/delta_e"].tolist()
    assert [symbol.endswith("-open") for symbol in rates.marker.symbol] == [False] * 4 + [True, False]
    assert figure.layout.xaxis.type == "log"
    assert search.sliced_arms(tables, "val/top1") == ["joint", "class_only", "no_fusion"]
