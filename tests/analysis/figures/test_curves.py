"""Learning curves: medians and quartiles, of arms that train the task."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.figures import curves
from analysis.summaries import dynamics
from analysis.tables import Tables


def test_learning_curves_are_median_and_quartiles_over_trainings(tables: Tables) -> None:
    table = dynamics.learning_curve_table(tables, "val/delta_e")
    row = table[(table["setting"] == "joint.color") & (table["epoch"] == 3)].iloc[0]
    members = tables.epochs[
        tables.epochs["trial"].str.startswith("joint.color-confirm") & (tables.epochs["epoch"] == 3)
    ]
    values = members["val/delta_e"]
    assert (row["low"], row["median"], row["high"]) == pytest.approx(tuple(np.quantile(values, [0.25, 0.5, 0.75])))
    assert row["num_trainings"] == 6


def test_a_band_does_not_widen_with_the_number_of_trainings(tables: Tables) -> None:
    rng = np.random.default_rng(0)

    def width(count: int) -> float:
        names = [f"color_only-confirm-{number}" for number in range(count)]
        trials = pd.DataFrame({"trial": names, "arm": "color_only", "phase": "confirm", "setting": "color_only"})
        trials = trials.assign(fold=0, source="", replicate=range(count), state="done", num_epochs=1)
        epochs = pd.DataFrame({"trial": names, "epoch": 1, "val/delta_e": rng.normal(size=count)})
        table = dynamics.learning_curve_table(replace(tables, trials=trials, epochs=epochs), "val/delta_e")
        return float((table["high"] - table["low"]).iloc[0])

    # Of a bell curve the middle half is 1.35 standard deviations wide, whatever the number.
    assert width(4_000) == pytest.approx(1.35, abs=0.1)
    assert np.mean([width(20) for _ in range(50)]) == pytest.approx(1.35, abs=0.2)


def test_learning_curves_leave_out_arms_that_do_not_train_the_task(tables: Tables) -> None:
    assert "class_only" not in set(dynamics.learning_curve_table(tables, "val/delta_e")["arm"])
    assert "color_only" not in set(dynamics.learning_curve_table(tables, "val/top1")["arm"])


def test_a_setting_measured_in_its_last_epoch_alone_is_one_point(tables: Tables) -> None:
    unknown = replace(tables, study={**tables.study, "arms": {}})
    table = dynamics.learning_curve_table(unknown, "val/delta_e")
    (row,) = table[table["setting"] == "class_only"].itertuples()
    assert (row.epoch, row.num_trainings) == (tables.study["epochs"], 6)
    (curve,) = [
        one for one in curves.learning_curves(unknown, "val/delta_e").data if one.name == "class_only (6 trainings)"
    ]
    assert list(curve.x) == [row.epoch] and "markers" in curve.mode
