"""parallel.py: places on axes, and ranks."""

import numpy as np
import pandas as pd

from analysis.figures.parallel import CLASSES, parallel, parallel_table, place_in_range
from analysis.tables import Tables


def test_a_wide_range_is_placed_on_the_logarithmic_scale_and_a_narrow_one_plainly() -> None:
    place, low, high, logarithmic = place_in_range(pd.Series([0.001, 0.01, 0.1]))
    np.testing.assert_allclose(place, [0, 0.5, 1])
    assert (low, high, logarithmic) == ("0.001", "0.1", True)
    np.testing.assert_allclose(place_in_range(pd.Series([0.1, 0.2, 0.4]))[0], [0, 1 / 3, 1])


def test_choices_are_placed_in_order_and_missing_ones_nowhere() -> None:
    place, low, high, logarithmic = place_in_range(pd.Series(["sgd", None, "adam"], dtype=object))
    assert (place[0], place[2], low, high, logarithmic) == (1, 0, "adam", "sgd", False)
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
