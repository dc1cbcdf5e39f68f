"""Figures of the search: where the sampler looked and what became of its trials. Diagnostics, not evidence."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures.style import (
    DASHES,
    LEGEND_ABOVE,
    NEUTRAL,
    PALETTE,
    SYMBOLS,
    arm_styles,
    nothing_yet,
    plain,
    whiskers,
)
from analysis.summaries.loss_weight import confirmed_table, response_table, weighted_trials
from analysis.summaries.searched import scored_trials, setting_names
from analysis.tables import Tables, metric, records

MAX_LINES = 200
"""Trials drawn as lines; more are a smear, so evenly spaced ranks stand for all."""
CLASSES = ("best fifth", "second", "middle", "fourth", "worst fifth")
SHADES = ("#2B83C6", "#7FB2DC", "#A9A9A9", "#E39A6B", "#D55E00")


def response(tables: Tables, arm: str) -> go.Figure:
    """Both objectives over the loss weight: a mark a search trial, medians and extremes by span, confirmed settings."""
    spans, confirmed, trials = response_table(tables, arm), confirmed_table(tables, arm), weighted_trials(tables)
    objectives = list(dict.fromkeys([*spans["objective"], *confirmed["objective"]]))
    if not objectives:
        return nothing_yet(f"No trial of {arm} has run its full number of epochs yet.")
    trials = trials[(trials["arm"] == arm) & (trials["phase"] == "search")]
    optimizers = sorted({*spans["optimizer"], *confirmed["optimizer"]})
    figure = make_subplots(rows=len(objectives), vertical_spacing=0.16)
    for row, objective in enumerate(objectives, start=1):
        for index, optimizer in enumerate(optimizers):
            mark = {"color": PALETTE[index % len(PALETTE)], "symbol": SYMBOLS[index % len(SYMBOLS)]}
            mine = trials[trials["optimizer"] == optimizer]
            my_spans, my_settings = (
                table[(table["optimizer"] == optimizer) & (table["objective"] == objective)]
                for table in (spans, confirmed)
            )
            for trace in (
                *_searched(mine, my_spans, optimizer, objective, mark),
                *_confirmed(my_settings, optimizer, mark),
            ):
                trace.update(legendgroup=optimizer, showlegend=row == 1 and trace.name is not None)
                figure.add_trace(trace, row=row, col=1)
        figure.update_yaxes(title=plain(metric(tables, objective).axis), row=row, col=1)
    figure.update_xaxes(title="Weight of naming over weight of colouring [1]", type="log", matches="x", nticks=6)
    return figure.update_layout(height=300 * len(objectives) + 80, legend=LEGEND_ABOVE)


def _searched(
    trials: pd.DataFrame, spans: pd.DataFrame, optimizer: str, objective: str, mark: dict[str, str]
) -> tuple[go.Scatter, go.Scatter]:
    """One optimizer's search trials as marks, and the medians of its spans of weights as a line without a name."""
    marks = go.Scatter(
        x=trials["weight"], y=trials[objective], mode="markers", name=plain(f"{optimizer}, search"),
        marker={**mark, "symbol": f"{mark['symbol']}-open", "size": 8}, text=[plain(one) for one in trials["trial"]],
        hovertemplate="%{text}: weight %{x:.3g}, %{y:.3g}<extra></extra>",
    )  # fmt: skip
    spans = spans[spans["num_trials"] > 2]
    line = go.Scatter(
        x=np.sqrt(spans["weight_low"] * spans["weight_high"]), y=spans["median"], mode="lines",
        line={"color": mark["color"], "width": 2}, hovertemplate="median of a span: %{y:.3g}<extra></extra>",
        error_y=whiskers(spans, "median", color=mark["color"], thickness=1.2, width=4),
    )  # fmt: skip
    return marks, line


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


def parallel_table(tables: Tables, arm: str, objective: str) -> pd.DataFrame:
    """Trials of an arm on axes from 0 to 1: each setting by its place in its range, `score` by rank (1 is best).

    Positive ranges over more than a factor of 20 are taken on the logarithmic scale; a setting with few values, by
    order. `class` counts fifths from the best. A trial without the setting is empty there.
    """
    scored = scored_trials(tables, objective)
    mine = scored[scored["arm"] == arm].reset_index(drop=True)
    names = [name for name in setting_names(mine.drop(columns="score")) if mine[name].nunique() > 1]
    if mine.empty or not names:
        return pd.DataFrame(columns=["trial", *names, "score", "class"])
    ascending = metric(tables, objective).better == "max"
    rank = mine["score"].rank(method="first", ascending=ascending)
    places = {name: place_in_range(mine[name])[0] for name in names}
    placed = pd.DataFrame({"trial": mine["trial"], **places, "score": (rank - 1) / max(1, len(mine) - 1)})
    placed["class"] = np.minimum(((1 - placed["score"]) * len(CLASSES)).astype(int), len(CLASSES) - 1)
    return placed


def place_in_range(values: pd.Series) -> tuple[pd.Series, str, str]:
    """Values on an axis from 0 to 1, and the words for its ends."""
    present = values.dropna()
    if not pd.api.types.is_float(present.iloc[0]):
        order = sorted(present.unique(), key=str if present.map(type).nunique() > 1 else None)
        place = values.map({value: index / max(1, len(order) - 1) for index, value in enumerate(order)})
        return place.astype(float), str(order[0]), str(order[-1])
    numbers = values.astype(float)
    low, high = numbers.min(), numbers.max()
    scaled = np.log(numbers) if low > 0 and high > 20 * low else numbers
    place = pd.Series((scaled - scaled.min()) / (scaled.max() - scaled.min()), index=values.index)
    return place, f"{low:.3g}", f"{high:.3g}"


def parallel(tables: Tables, arm: str, objective: str) -> go.Figure:
    """Parallel coordinates, drawn as plain lines so that no graphics card is needed; the last axis is the rank."""
    table = parallel_table(tables, arm, objective)
    if table.empty:
        return nothing_yet(f"No trial of {arm} was scored on {objective} yet, or it searched nothing.")
    scored = scored_trials(tables, objective)
    names = [name for name in table.columns if name not in ("trial", "score", "class")]
    axes = [*names, "score"]
    every = max(1, -(-len(table) // MAX_LINES))
    drawn = table.sort_values("score").iloc[::every]
    figure = go.Figure()
    for index in reversed(range(len(CLASSES))):
        x: list[float | None] = []
        y: list[float | None] = []
        for row in records(drawn[drawn["class"] == index]):
            steps = [(float(axis), row[name]) for axis, name in enumerate(axes) if pd.notna(row[name])]
            x += [axis for axis, _ in steps] + [None]
            y += [float(place) for _, place in steps] + [None]
        line = {"color": SHADES[index], "width": 1.8 if index == 0 else 1.1}
        figure.add_trace(go.Scatter(x=x, y=y, mode="lines+markers", line=line, name=CLASSES[index], hoverinfo="skip"))
    arm_trials = scored[scored["arm"] == arm]
    ends = [place_in_range(arm_trials[name])[1:] for name in names] + [("worst", "best")]
    words = [
        {"x": axis, "y": place, "text": plain(word), "showarrow": False, "font": {"size": 12}}
        for axis, pair in enumerate(ends)
        for place, word in zip((-0.06, 1.06), pair, strict=True)
    ]
    line = {"color": NEUTRAL, "width": 1}
    shapes = [
        {"type": "line", "x0": axis, "x1": axis, "y0": 0, "y1": 1, "line": line, "layer": "below"}
        for axis in range(len(ends))
    ]
    figure.update_layout(annotations=words, shapes=shapes)
    titles = [plain(name).replace("_", "<br>") for name in names] + ["rank by<br>" + plain(objective)]
    figure.update_xaxes(tickvals=list(range(len(axes))), ticktext=titles, range=[-0.4, len(axes) - 0.6], showgrid=False)
    figure.update_yaxes(visible=False, range=[-0.12, 1.12])
    return figure.update_layout(height=430, legend={**LEGEND_ABOVE, "traceorder": "reversed"})


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
