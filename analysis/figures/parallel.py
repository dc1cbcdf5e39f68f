"""Every search trial of an arm as one line over its settings. Where the sampler looked, not what works."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.figures.style import LEGEND_ABOVE, NEUTRAL, arm_styles, nothing_yet, plain, transparent
from analysis.summaries.searched import scored_trials, setting_names
from analysis.tables import Tables, metric, records

MAX_LINES = 200
"""Trials drawn as lines; more are a smear, so evenly spaced ranks stand for all."""
CLASSES = ("best fifth", "second", "middle", "fourth", "worst fifth")
OPACITIES = (1.0, 0.6, 0.4, 0.28, 0.2)
"""Of the arm's colour, from the best fifth to the worst."""


def parallel_table(tables: Tables, arm: str, objective: str) -> pd.DataFrame:
    """Trials of an arm on axes from 0 to 1: each setting by its place in its range, `score` by rank (1 is best).

    Positive ranges over more than a factor of 20 are taken on the logarithmic scale; a setting with few values, by
    order. Scores are ranked less the median of their fold. `class` counts fifths from the best. A trial without the
    setting is empty there.
    """
    scored = scored_trials(tables, objective)
    mine = scored[scored["arm"] == arm].reset_index(drop=True)
    names = [name for name in setting_names(mine) if mine[name].nunique() > 1]
    if mine.empty or not names:
        return pd.DataFrame(columns=["trial", *names, "score", "class"])
    ascending = metric(tables, objective).better == "max"
    above = mine["score"] - mine.groupby("fold")["score"].transform("median")
    rank = above.rank(method="first", ascending=ascending)
    places = {name: place_in_range(mine[name])[0] for name in names}
    placed = pd.DataFrame({"trial": mine["trial"], **places, "score": (rank - 1) / max(1, len(mine) - 1)})
    placed["class"] = np.minimum(((1 - placed["score"]) * len(CLASSES)).astype(int), len(CLASSES) - 1)
    return placed


def place_in_range(values: pd.Series) -> tuple[pd.Series, str, str, bool]:
    """Values on an axis from 0 to 1, the words for its ends, and whether it is logarithmic."""
    present = values.dropna()
    if not pd.api.types.is_float(present.iloc[0]):
        order = sorted(present.unique(), key=str if present.map(type).nunique() > 1 else None)
        place = values.map({value: index / max(1, len(order) - 1) for index, value in enumerate(order)})
        return place.astype(float), str(order[0]), str(order[-1]), False
    numbers = values.astype(float)
    low, high = numbers.min(), numbers.max()
    logarithmic = bool(low > 0 and high > 20 * low)
    scaled = np.log(numbers) if logarithmic else numbers
    place = pd.Series((scaled - scaled.min()) / (scaled.max() - scaled.min()), index=values.index)
    return place, f"{low:.3g}", f"{high:.3g}", logarithmic


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
    figure, color = go.Figure(), arm_styles(tables)[arm][0]
    for index in reversed(range(len(CLASSES))):
        x: list[float | None] = []
        y: list[float | None] = []
        for row in records(drawn[drawn["class"] == index]):
            steps = [(float(axis), row[name]) for axis, name in enumerate(axes) if pd.notna(row[name])]
            x += [axis for axis, _ in steps] + [None]
            y += [float(place) for _, place in steps] + [None]
        line = {"color": transparent(color, OPACITIES[index]), "width": 2.2 if index == 0 else 1.1}
        figure.add_trace(go.Scatter(x=x, y=y, mode="lines+markers", line=line, name=CLASSES[index], hoverinfo="skip"))
    arm_trials = scored[scored["arm"] == arm]
    ends = [place_in_range(arm_trials[name])[1:3] for name in names] + [("worst", "best")]
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
