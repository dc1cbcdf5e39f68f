"""Both tasks at once, one on each axis."""

import pandas as pd
import plotly.graph_objects as go

from analysis.figures import style
from analysis.figures.style import LEGEND_ABOVE, arm_styles, nothing_yet, plain
from analysis.summaries.pairs import with_roles
from analysis.summaries.pareto import objectives, on_front
from analysis.tables import Tables, full_trials, last_records, metric, records, tasks

DEFAULT = ("val/delta_e", "val/p_true")
"""Where a study names no objective for each task."""
PLACES = ("bottom center", "top center", "middle right")
"""Of words beside confirmed marks, in turn, because an arm's settings lie close together."""


def trade_off_table(tables: Tables) -> pd.DataFrame:
    """The first objective of each task at the last epoch: every search trial with the full number of epochs, then the
    mean of each confirmed role over its trainings. An arm's score on a task that it does not train means nothing and is
    NaN.
    """
    x, y = objectives(tables) or DEFAULT
    columns = ["kind", "name", "arm", x, y, "num_trials"]
    done = full_trials(tables)
    if done.empty or x not in tables.epochs or y not in tables.epochs:
        return pd.DataFrame(columns=columns)
    last = last_records(tables)[["trial", x, y]]
    done = done[["trial", "arm", "phase", "setting", "fold"]].merge(last, on="trial").dropna(subset=[x, y])
    search = done[done["phase"] == "search"].assign(kind="search", num_trials=1).rename(columns={"trial": "name"})
    confirm = with_roles(tables, done[done["phase"] == "confirm"]).groupby(["role", "arm"], sort=True)
    means = confirm.agg(**{x: (x, "mean"), y: (y, "mean"), "num_trials": (x, "count")}).reset_index()
    means = means.assign(kind="confirm").rename(columns={"role": "name"})
    both = pd.concat([frame for frame in (search, means) if not frame.empty] or [search], ignore_index=True)
    for objective in (x, y):
        task = metric(tables, objective).task
        trained = [arm for arm in both["arm"].unique() if task in ("none", *tasks(tables, arm))]
        both[objective] = both[objective].where(both["arm"].isin(trained))
    return both[columns]


def trade_off(tables: Tables) -> go.Figure:
    """Both tasks at once: small hollow marks from the search, large ones confirmed, a line for each specialist."""
    table = trade_off_table(tables)
    x, y = objectives(tables) or DEFAULT
    if table.empty:
        return nothing_yet("No trial has run its full number of epochs yet.")
    figure, styles = go.Figure(), arm_styles(tables)
    points = table.dropna(subset=[x, y])
    for (arm, kind), members in points.groupby(["arm", "kind"], sort=False):
        color, symbol = styles[str(arm)]
        confirmed = kind == "confirm"
        marker = {"color": color, "size": 17 if confirmed else 9, "symbol": symbol if confirmed else f"{symbol}-open"}
        figure.add_trace(
            go.Scatter(
                x=members[x], y=members[y], mode="markers+text" if confirmed else "markers", marker=marker,
                customdata=members[["num_trials"]], cliponaxis=False,
                textposition=[PLACES[place % len(PLACES)] for place in range(len(members))],
                name=plain(f"{arm}, confirmed" if confirmed else f"{arm}, search"),
                text=[plain(name) for name in members["name"]],
                hovertemplate="%{text}: %{x:.3g}, %{y:.3g} (%{customdata[0]} trials)<extra></extra>",
            )
        )  # fmt: skip
    signs = [1 if metric(tables, name).better == "min" else -1 for name in (x, y)]
    for arm, members in points[points["kind"] == "search"].groupby("arm", sort=False):
        front = members[on_front(members[[x, y]].to_numpy() * signs)].sort_values(x)
        line = {"color": styles[str(arm)][0], "width": 1.2, "dash": "dot", "shape": "hv" if signs[0] > 0 else "vh"}
        figure.add_trace(
            go.Scatter(x=front[x], y=front[y], mode="lines", line=line, name=plain(f"{arm!s}, front"), hoverinfo="skip")
        )
    specialists = table[(table["kind"] == "confirm") & (table[x].isna() != table[y].isna())]
    for row in records(specialists):
        line = {"color": styles[row["arm"]][0], "width": 2, "dash": "dash"}
        if pd.notna(row[x]):
            figure.add_vline(x=row[x], line=line)
        else:
            figure.add_hline(y=row[y], line=line)
        name = plain(f"{row['name']}, confirmed (one task)")
        style.add_to_legend(figure, name, line=line)
    for update, name in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        measured, low, high = metric(tables, name), table[name].min(), table[name].max()
        pad = 0.15 * (high - low) or 0.1 * abs(high) or 1.0
        title = plain(f"{measured.axis}, {'less' if measured.better == 'min' else 'more'} is better")
        update(title=title, range=[low - pad, high + pad])
    return figure.update_layout(height=480, legend=LEGEND_ABOVE)
