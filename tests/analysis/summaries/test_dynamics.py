"""dynamics.py: medians and quartiles over trainings, worked out again from the records."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import report
from analysis.figures import curves
from analysis.summaries import dynamics
from analysis.tables import Tables

COSINE, ON_COLOR = "diagnostics/gradient_cosine", "diagnostics/affinity_class_on_color"


@pytest.fixture
def looked_at(tables: Tables) -> Tables:
    """Every third epoch from the first, in arms that train both tasks: cosine 0.1 x replicate - 0.02 x epoch."""
    epochs = tables.epochs
    is_due = (epochs["epoch"] % 3 == 1) & epochs["arm"].isin(["joint", "no_fusion"])
    cosine = 0.1 * epochs["replicate"] - 0.1 * epochs["epoch"]
    columns = {name: np.where(is_due, 0.01 * epochs["replicate"], np.nan) for name in dynamics.DIAGNOSTICS}
    weights = {
        "train/color_weight": np.where(epochs["arm"] == "no_fusion", 4.0, np.nan),
        "train/class_weight": np.where(epochs["arm"] == "no_fusion", 0.5 * epochs["epoch"], np.nan),
    }
    return replace(tables, epochs=epochs.assign(**{**columns, COSINE: cosine.where(is_due), **weights}))


def test_a_curve_is_median_and_quartiles_over_trainings_of_the_epochs_looked_at(looked_at: Tables) -> None:
    table = dynamics.diagnostics_table(looked_at)
    row = table[(table["diagnostic"] == COSINE) & (table["setting"] == "joint.color") & (table["epoch"] == 4)].iloc[0]
    # Replicates 1 to 6: 0.1 to 0.6 less 0.4.
    assert (row["median"], row["low"], row["high"]) == pytest.approx((-0.05, -0.175, 0.075))
    assert row["num_trainings"] == 6
    assert set(table["epoch"]) == {1, 4, 7, 10}
    assert set(table["setting"]) == {"joint.color", "joint.naming", "no_fusion"}
    assert set(table["diagnostic"]) == set(dynamics.DIAGNOSTICS)


def test_the_summary_counts_how_often_gradients_opposed_each_other(looked_at: Tables) -> None:
    row = dynamics.summary_table(looked_at).set_index("setting").loc["joint.color"]
    # Below 0 where the replicate is smaller than the epoch: 0 of 6 at 1, 3 at 4, 6 at 7, 6 at 10.
    assert row["gradients opposed"] == f"{15 / 24:.0%}"
    assert (row["trainings"], row["epochs looked at"]) == (6, 4)
    # The mean epoch is 5.5, so a replicate's mean is 0.1 x replicate - 0.55.
    assert row[dynamics.DIAGNOSTICS[COSINE].label] == "-0.2 (-0.45 to 0.05)".replace("-", "\N{MINUS SIGN}")
    assert row[dynamics.DIAGNOSTICS[ON_COLOR].label] == "0.035 (0.01 to 0.06)"


def test_a_diagnostic_that_could_not_be_measured_once_is_left_out_there(looked_at: Tables) -> None:
    epochs = looked_at.epochs
    hit = (epochs["trial"] == "joint.color-confirm-1") & (epochs["epoch"] == 4)
    table = dynamics.diagnostics_table(replace(looked_at, epochs=epochs.assign(**{COSINE: epochs[COSINE].mask(hit)})))
    row = table[(table["diagnostic"] == COSINE) & (table["setting"] == "joint.color") & (table["epoch"] == 4)].iloc[0]
    assert (row["low"], row["num_trainings"]) == (pytest.approx(-0.1), 5)


def test_learned_weights_are_drawn_as_their_ratio(looked_at: Tables) -> None:
    found = dynamics.with_weight_ratio(looked_at).epochs
    assert found.loc[(found["arm"] == "no_fusion") & (found["epoch"] == 8), dynamics.WEIGHT_RATIO].unique() == [1.0]
    assert len(curves.weight_curves(looked_at).data) == 2  # a band and a line, of the one arm that learns them
    assert dynamics.with_weight_ratio(replace(looked_at, epochs=looked_at.epochs.iloc[:, :5])).epochs.shape[1] == 5


@pytest.mark.parametrize("name", dynamics.DIAGNOSTICS)
def test_a_figure_says_what_its_axis_means(looked_at: Tables, name: str) -> None:
    title = curves.diagnostic(looked_at, name).layout.yaxis.title.text
    assert dynamics.DIAGNOSTICS[name].label in title and "[" in title


def test_a_study_without_diagnostics_says_how_to_get_them(tables: Tables, looked_at: Tables) -> None:
    assert dynamics.diagnostics_table(tables).empty and dynamics.summary_table(tables).empty
    for shown, words in ((tables, "diagnostics_every"), (looked_at, "Cosine between the two gradients")):
        results = Path(shown.study_dir) / "results"
        pd.DataFrame(shown.epochs).to_parquet(results / "epochs.parquet")
        page = report.write_section(shown.study_dir, "06_training_dynamics").read_text()
        assert words in page
        assert "not evidence" in page
