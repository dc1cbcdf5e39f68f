"""Differences between arms as figures. Every figure has a table function beside it; claims rest on the tables."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures import style
from analysis.figures.style import LEGEND_ABOVE, NEUTRAL, PALETTE, arm_styles, nothing_yet, plain
from analysis.statistics.contrasts import by_category, contrasts
from analysis.summaries.pareto import on_front
from analysis.tables import Metric, Tables, full_trials, last_records, metric, records, tasks


def forest_table(tables: Tables) -> pd.DataFrame:
    """The tested contrasts, one row each: metric, difference, both intervals, margin, verdict."""
    found = contrasts(tables)
    columns = [
        "family", "contrast", "treatment", "treatment_arm", "control", "metric", "label", "unit", "better", "effect",
        "low_95", "high_95", "low_95_these_photos", "high_95_these_photos", "margin", "verdict", "num_replicates",
        "num_photos",
    ]  # fmt: skip
    return found.loc[found["effect"].notna(), columns].reset_index(drop=True)


def forest(tables: Tables, family: str = "primary") -> go.Figure:
    """Differences with both intervals over the band of differences that do not matter, one panel a metric."""
    table = forest_table(tables)
    table = table[table["family"] == family]
    metrics = list(dict.fromkeys(table["metric"]))
    if not metrics:
        return nothing_yet("No contrast has been measured yet.")
    num_rows = [int((table["metric"] == name).sum()) for name in metrics]
    area = sum(76 * count for count in num_rows) + 100 * (len(metrics) - 1)  # pixels, gaps for the axis titles included
    figure = make_subplots(rows=len(metrics), row_heights=num_rows, vertical_spacing=100 / (area + 100))
    for panel, name in enumerate(metrics, start=1):
        _forest_panel(figure, tables, table[table["metric"] == name], metric(tables, name), panel)
    styles = arm_styles(tables)
    for label, width, opacity in (("new photos and trainings", *style.THIN), ("these photos only", *style.THICK)):
        line = {"color": styles[table["treatment_arm"].iloc[0]][0], "width": width}
        style.add_to_legend(figure, f"95 %, {label}", line=line, opacity=opacity)
    if table["margin"].notna().any():
        band = {"color": style.MARGIN_BAND, "size": 16, "symbol": "square"}
        style.add_to_legend(figure, "too small to matter", mode="markers", marker=band)
    return figure.update_layout(height=area + 130, legend=LEGEND_ABOVE)


def _forest_panel(figure: go.Figure, tables: Tables, members: pd.DataFrame, measured: Metric, panel: int) -> None:
    styles, at = arm_styles(tables), {"row": panel, "col": 1}
    names = [
        f"<b>{plain(row['contrast'])}</b><br>{plain(row['treatment'])}<br>minus {plain(row['control'])}"
        for row in records(members)
    ]
    style.draw_intervals(figure, members, names, [styles[arm][0] for arm in members["treatment_arm"]], **at)
    reach = members[["low_95", "high_95", "effect", "margin"]].abs().max().max()
    these = members[["low_95_these_photos", "high_95_these_photos"]].abs().max().max()
    reach = (max(reach, min(these, 2 * reach)) if pd.notna(these) else reach) * 1.1 or 1.0
    figure.update_xaxes(title=_difference_axis(measured), range=[-reach, reach], **at)


def _difference_axis(measured: Metric) -> str:
    return f"Change in {plain(measured.axis)}<br>{'◀ better' if measured.better == 'min' else 'better ▶'}"


def trade_off_table(tables: Tables, x: str = "val/delta_e", y: str = "val/top1") -> pd.DataFrame:
    """Both objectives at the last epoch: every search trial with the full number of epochs, then the mean of each
    confirmed setting over its replicates. An arm's score on a task that it does not train means nothing and is NaN.
    """
    columns = ["kind", "name", "arm", x, y, "num_trials"]
    done = full_trials(tables)
    if done.empty or x not in tables.epochs or y not in tables.epochs:
        return pd.DataFrame(columns=columns)
    last = last_records(tables)[["trial", x, y]]
    done = done[["trial", "arm", "phase", "setting"]].merge(last, on="trial").dropna(subset=[x, y])
    search = done[done["phase"] == "search"].assign(kind="search", num_trials=1).rename(columns={"trial": "name"})
    confirm = done[done["phase"] == "confirm"].groupby(["setting", "arm"], sort=True)
    means = confirm.agg(**{x: (x, "mean"), y: (y, "mean"), "num_trials": (x, "count")}).reset_index()
    means = means.assign(kind="confirm").rename(columns={"setting": "name"})
    both = pd.concat([frame for frame in (search, means) if not frame.empty] or [search], ignore_index=True)
    for objective in (x, y):
        task = metric(tables, objective).task
        trained = [arm for arm in both["arm"].unique() if task in ("none", *tasks(tables, arm))]
        both[objective] = both[objective].where(both["arm"].isin(trained))
    return both[columns]


def trade_off(tables: Tables, x: str = "val/delta_e", y: str = "val/top1") -> go.Figure:
    """Both tasks at once: small hollow marks from the search, large ones confirmed, a line for each specialist."""
    table = trade_off_table(tables, x, y)
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
                customdata=members[["num_trials"]], textposition="bottom center", cliponaxis=False,
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


def category_table(tables: Tables, contrast: str) -> pd.DataFrame:
    """Mean difference within each category, sorted; lowest and highest replicate beside it."""
    table = by_category(tables)
    return table[table["contrast"] == contrast].sort_values("difference").reset_index(drop=True)


def categories(tables: Tables, contrast: str) -> go.Figure:
    """Bars of the difference by category, whiskers from the lowest to the highest replicate; descriptive only."""
    table = category_table(tables, contrast)
    if table.empty:
        return nothing_yet(f"{contrast} has not been measured photo by photo yet.")
    measured = metric(tables, table["metric"].iloc[0])
    helped = table["difference"] < 0 if measured.better == "min" else table["difference"] > 0
    figure = go.Figure()
    for mask, name, color in ((helped, "better", PALETTE[0]), (~helped, "not better", PALETTE[1])):
        members = table[mask]
        figure.add_trace(
            go.Bar(
                x=members["difference"], y=[plain(name) for name in members["category"]], orientation="h", name=name,
                marker_color=color, customdata=members[["num_photos", "num_replicates"]],
                error_x=style.whiskers(members, "difference", color=NEUTRAL, thickness=1.5, width=3),
                hovertemplate="%{y}: %{x:.3g} (%{customdata[0]} photos, %{customdata[1]} replicates)<extra></extra>",
            )
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.update_xaxes(title=_difference_axis(measured))
    order = [plain(name) for name in table["category"]]
    figure.update_yaxes(categoryorder="array", categoryarray=order, ticklabelstandoff=8, dtick=1)
    return figure.update_layout(height=150 + 24 * len(table), legend=LEGEND_ABOVE, bargap=0.35, showlegend=True)
