"""The tables behind the figures of the search."""

import numpy as np
import pandas as pd

from analysis.figures.search import CLASSES, parallel, parallel_table, place_in_range, survival_table
from analysis.tables import Tables


def test_a_wide_range_is_placed_on_the_logarithmic_scale_and_a_narrow_one_plainly() -> None:
    place, low, high = place_in_range(pd.Series([0.001, 0.01, 0.1]))
    np.testing.assert_allclose(place, [0, 0.5, 1])
    assert (low, high) == ("0.001", "0.1")
    np.testing.assert_allclose(place_in_range(pd.Series([0.1, 0.2, 0.4]))[0], [0, 1 / 3, 1])


def test_choices_are_placed_in_order_and_missing_ones_nowhere() -> None:
    place, low, high = place_in_range(pd.Series(["sgd", None, "adam"], dtype=object))
    assert (place[0], place[2], low, high) == (1, 0, "adam", "sgd")
    assert np.isnan(place[1])


def test_the_best_trial_stands_at_the_top_of_its_rank(tables: Tables) -> None:
    for objective, best in (("val/delta_e", "idxmin"), ("val/top1", "idxmax")):
        table = parallel_table(tables, "joint", objective).set_index("trial")
        at = tables.epochs[(tables.epochs["epoch"] == 4) & (tables.epochs["trial"].str.match("joint-search"))]
        name = at.set_index("trial")[objective].agg(best)
        assert table.loc[name, "score"] == 1
        assert table.loc[name, "class"] == 0
        assert set(table["class"]) <= set(range(len(CLASSES)))


def test_an_arm_that_searched_nothing_has_a_figure_that_says_so(tables: Tables) -> None:
    assert "yet" in parallel(tables, "nobody", "val/delta_e").layout.annotations[0].text


def test_survival_counts_trials_still_training_at_each_epoch(tables: Tables) -> None:
    table = survival_table(tables)
    joint = table[table["arm"] == "joint"].set_index("epoch")["num_trials"]
    assert joint.to_dict() == {1: 6, 4: 6, 5: 5, 12: 5}
    fusion = table[table["arm"] == "no_fusion"].set_index("epoch")["num_trials"]
    assert (fusion[2], fusion[3], fusion[5]) == (6, 5, 4)
