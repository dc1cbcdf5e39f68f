"""loss_weight.py: what is drawn lies where trials were."""

import numpy as np

from analysis.figures.loss_weight import response
from analysis.summaries.loss_weight import weighted_trials
from analysis.tables import Tables


def test_medians_are_drawn_only_between_weights_that_trials_tried(tables: Tables) -> None:
    figure = response(tables, "joint")
    trials = weighted_trials(tables)
    tried = trials[(trials["arm"] == "joint") & (trials["phase"] == "search")].groupby("optimizer")["weight"]
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    ends = [(trace.legendgroup, weight) for trace in lines for weight in trace.x if np.isfinite(weight)]
    assert ends and all(np.isclose(tried.get_group(optimizer), end).any() for optimizer, end in ends)
    assert all(trace.error_y.array is None for trace in lines)
