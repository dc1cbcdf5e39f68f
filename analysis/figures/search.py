"""Figures of the search: how it went, what it saw, what became of its trials. Diagnostics, not evidence."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures.parallel import place_in_range
from analysis.figures.style import DASHES, LEGEND_ABOVE, arm_styles, nothing_yet, plain, transparent
from analysis.summaries.searched import best_so_far_table, scored_trials, setting_names
from analysis.tables import Tables, metric

MAX_MARKS = 400
"""Trials drawn as marks in a slice; of more, evenly spaced ones stand for all."""
COLUMNS = 2


def best_so_far(tables: Tables, objective: str) -> go.Figure:
    """The best score of each arm after so many of its trials: the median over folds in a band of their middle half."""
    table, measured, styles = best_so_far_table(tables, objective), metric(tables, objective), arm_styles(tables)
    if table.empty:
        return nothing_yet(f"No search trial has been scored on {objective} at its full number of epochs yet.")
    figure = go.Figure()
    for index, (arm, curve) in enumerate(table.groupby("arm", sort=False)):
        color, at = styles[str(arm)][0], curve["num_trials"]
        if curve["num_folds"].max() > 1:
            band = go.Scatter(
                x=[*at, *at[::-1]], y=[*curve["high"], *curve["low"][::-1]], fill="toself", mode="lines",
                fillcolor=transparent(color, 0.16), line={"width": 0}, hoverinfo="skip", showlegend=False,
            )  # fmt: skip
            figure.add_trace(band)
        line = {"color": color, "width": 2.5, "shape": "hv", "dash": DASHES[index // len(DASHES) % len(DASHES)]}
        figure.add_trace(
            go.Scatter(
                x=at,
                y=curve["median"],
                mode="lines",
                line=line,
                name=plain(str(arm)),
                hovertemplate="after %{x} trials: %{y:.3g}",
            )
        )
    figure.update_xaxes(title="Search trials of the arm [trials]", rangemode="tozero")
    figure.update_yaxes(title=f"Best so far, {plain(measured.axis)}")
    return figure.update_layout(height=360, legend=LEGEND_ABOVE)


def sliced_arms(tables: Tables, objective: str) -> list[str]:
    """The arms with scored trials and a setting that took more than one value."""
    scored = scored_trials(tables, objective)
    return [arm for arm in tables.study["arms"] if _sliced(scored, arm)]


def slices(tables: Tables, arm: str, objective: str) -> go.Figure:
    """The objective against each setting of an arm, a panel a setting, a mark a trial; stopped trials are hollow."""
    scored = scored_trials(tables, objective)
    names, mine = _sliced(scored, arm), scored[scored["arm"] == arm]
    if not names:
        return nothing_yet(f"No trial of {arm} was scored on {objective} yet, or it searched nothing.")
    mine = mine.iloc[:: max(1, -(-len(mine) // MAX_MARKS))]
    color, symbol = arm_styles(tables)[arm]
    symbols = np.where(mine["state"] == "stopped", f"{symbol}-open", symbol)
    num_rows = -(-len(names) // COLUMNS)
    height = 230 * num_rows + 40
    panels: list[list[dict[str, int] | None]] = [
        [{} if row * COLUMNS + column < len(names) else None for column in range(COLUMNS)] for row in range(num_rows)
    ]
    figure = make_subplots(
        rows=num_rows, cols=COLUMNS, specs=panels, shared_yaxes=True, horizontal_spacing=0.06,
        vertical_spacing=90 / height,
    )  # fmt: skip
    for index, name in enumerate(names):
        at = {"row": index // COLUMNS + 1, "col": index % COLUMNS + 1}
        has = mine[name].notna()
        values = mine.loc[has, name]
        number = pd.api.types.is_float(values.iloc[0])
        marks = go.Scatter(
            x=values if number else values.map(_word), y=mine.loc[has, "score"], mode="markers", showlegend=False,
            marker={"color": color, "symbol": symbols[has], "size": 7, "opacity": 0.75},
            text=[plain(trial) for trial in mine.loc[has, "trial"]],
            hovertemplate="%{text}: " + plain(name) + " %{x}, %{y:.3g}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(marks, **at)
        logarithmic = number and place_in_range(values)[3]
        figure.update_xaxes(title=f"{plain(name)} [setting]", type="log" if logarithmic else None, nticks=5, **at)
        if at["col"] == 1:
            figure.update_yaxes(title=f"Score [{plain(metric(tables, objective).unit or '1')}]", **at)
    return figure.update_layout(height=height)


def _sliced(scored: pd.DataFrame, arm: str) -> list[str]:
    mine = scored[scored["arm"] == arm]
    return [name for name in setting_names(mine) if mine[name].nunique() > 1]


def _word(value: object) -> str:
    return "yes" if value is True else "no" if value is False else plain(str(value))


def survival_table(tables: Tables) -> pd.DataFrame:
    """Search trials of each arm that trained at least so many epochs: arm, epoch, num_trials."""
    search = tables.trials[(tables.trials["phase"] == "search") & (tables.trials["num_epochs"] > 0)]
    rows = []
    for arm, members in search.groupby("arm", sort=False):
        lengths = np.sort(members["num_epochs"].to_numpy())
        for epoch in np.unique(np.concatenate([[1], lengths, lengths[:-1] + 1])):
            if epoch <= lengths[-1]:
                rows.append((arm, int(epoch), int((lengths >= epoch).sum())))
    return pd.DataFrame(rows, columns=["arm", "epoch", "num_trials"])


def survival(tables: Tables) -> go.Figure:
    """How many search trials of each arm were still training at each epoch."""
    table, styles = survival_table(tables), arm_styles(tables)
    if table.empty:
        return nothing_yet("No search trial has finished an epoch yet.")
    figure = go.Figure()
    for index, (arm, members) in enumerate(table.groupby("arm", sort=False)):
        line = {"color": styles[str(arm)][0], "shape": "hv", "width": 2.5, "dash": DASHES[index % len(DASHES)]}
        figure.add_trace(
            go.Scatter(
                x=members["epoch"], y=members["num_trials"], mode="lines", line=line, name=plain(str(arm)),
                hovertemplate="epoch %{x}: %{y} trials",
            )
        )  # fmt: skip
    figure.update_xaxes(title="Epoch [passes over the training photos]")
    figure.update_yaxes(title="Search trials still training [trials]", rangemode="tozero")
    return figure.update_layout(height=360, legend=LEGEND_ABOVE)
