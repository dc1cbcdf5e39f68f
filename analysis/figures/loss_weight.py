"""How both tasks answer to the loss weight. A diagnostic of the search, not evidence."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures.style import DASHES, LEGEND_ABOVE, SYMBOLS, arm_styles, nothing_yet, plain, whiskers
from analysis.summaries.loss_weight import confirmed_table, response_table, weighted_trials
from analysis.tables import Tables, metric

MIN_TRIALS = 3
"""In a span of weights that has a median."""


def response(tables: Tables, arm: str) -> go.Figure:
    """Both objectives over the loss weight: a mark a search trial, medians and extremes by span, confirmed settings."""
    spans, confirmed, trials = response_table(tables, arm), confirmed_table(tables, arm), weighted_trials(tables)
    objectives = list(dict.fromkeys([*spans["objective"], *confirmed["objective"]]))
    if not objectives:
        return nothing_yet(f"No trial of {arm} has run its full number of epochs yet.")
    trials = trials[(trials["arm"] == arm) & (trials["phase"] == "search")]
    optimizers = sorted({*spans["optimizer"], *confirmed["optimizer"]})
    color = arm_styles(tables)[arm][0]
    figure = make_subplots(rows=len(objectives), vertical_spacing=0.16)
    for row, objective in enumerate(objectives, start=1):
        for index, optimizer in enumerate(optimizers):
            # The colour is the arm's; optimizers have their own marks and dashes.
            mark = {"color": color, "symbol": SYMBOLS[index % len(SYMBOLS)]}
            mine = trials[trials["optimizer"] == optimizer]
            my_spans, my_settings = (
                table[(table["optimizer"] == optimizer) & (table["objective"] == objective)]
                for table in (spans, confirmed)
            )
            for trace in (
                _trials(mine, optimizer, objective, mark),
                _medians(my_spans, {"color": color, "width": 2, "dash": DASHES[index % len(DASHES)]}),
                *_confirmed(my_settings, optimizer, mark),
            ):
                trace.update(legendgroup=optimizer, showlegend=row == 1 and trace.name is not None)
                figure.add_trace(trace, row=row, col=1)
        figure.update_yaxes(title=plain(metric(tables, objective).axis), row=row, col=1)
    figure.update_xaxes(title="Weight of naming over weight of colouring [1]", type="log", matches="x", nticks=6)
    return figure.update_layout(height=300 * len(objectives) + 80, legend=LEGEND_ABOVE)


def _trials(trials: pd.DataFrame, optimizer: str, objective: str, mark: dict[str, str]) -> go.Scatter:
    """One optimizer's search trials as marks."""
    return go.Scatter(
        x=trials["weight"], y=trials[objective], mode="markers", name=plain(f"{optimizer}, search"),
        marker={**mark, "symbol": f"{mark['symbol']}-open", "size": 8}, text=[plain(one) for one in trials["trial"]],
        hovertemplate="%{text}: weight %{x:.3g}, %{y:.3g}<extra></extra>",
    )  # fmt: skip


def _medians(spans: pd.DataFrame, line: dict[str, object]) -> go.Scatter:
    """The median of each span of weights, from the span's lowest weight to its highest: only where trials lie."""
    spans = spans[spans["num_trials"] >= MIN_TRIALS]
    gaps = np.full(len(spans), np.nan)
    return go.Scatter(
        x=np.column_stack([spans["lowest"], spans["highest"], gaps]).ravel(),
        y=np.column_stack([spans["median"], spans["median"], gaps]).ravel(),
        mode="lines", line=line, hovertemplate="median of a span: %{y:.3g}<extra></extra>",
    )  # fmt: skip


def _confirmed(settings: pd.DataFrame, optimizer: str, mark: dict[str, str]) -> list[go.Scatter]:
    """One optimizer's confirmed settings as marks, where there are any."""
    if settings.empty:
        return []
    marks = go.Scatter(
        x=settings["weight"], y=settings["mean"], mode="markers", name=plain(f"{optimizer}, confirmed"),
        marker={**mark, "size": 14}, text=[plain(one) for one in settings["setting"]],
        customdata=settings[["num_replicates", "low", "high"]],
        error_y=whiskers(settings, "mean", color=mark["color"], thickness=3, width=0),
        hovertemplate="%{text}: mean %{y:.3g} of %{customdata[0]} replicates (%{customdata[1]:.3g} to "
        "%{customdata[2]:.3g})<extra></extra>",
    )  # fmt: skip
    return [marks]
