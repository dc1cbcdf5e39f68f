"""Treatment against control on the same photos: by category, photo by photo, name by name. Descriptive."""

import pandas as pd
import plotly.graph_objects as go

from analysis.figures import style
from analysis.figures.style import LEGEND_ABOVE, NEUTRAL, arm_styles, difference_axis, nothing_yet, plain
from analysis.summaries.pairs import category_table, confusion_table, photo_table
from analysis.tables import Tables, metric

MAX_MARKS = 2_000
"""Photos drawn as marks; of more, evenly spaced ones stand for all."""
MAX_NAMES = 40
"""Names written beside a matrix; of more, none is legible."""


def categories(tables: Tables, contrast: str) -> go.Figure:
    """Bars of the difference by category, whiskers over the middle half of its photos; descriptive only."""
    table = category_table(tables, contrast)
    if table.empty:
        return nothing_yet(f"{contrast} has not been measured photo by photo yet.")
    measured = metric(tables, tables.study["contrasts"][contrast]["metric"])
    helped = table["difference"] < 0 if measured.better == "min" else table["difference"] > 0
    arms, styles = tables.study["contrasts"][contrast], arm_styles(tables)
    figure = go.Figure()
    for mask, arm in ((helped, arms["treatment"]), (~helped, arms["control"])):
        members = table[mask]
        figure.add_trace(
            go.Bar(
                x=members["difference"], y=[plain(name) for name in members["category"]], orientation="h",
                name=plain(f"better with {arm}"), marker_color=styles[arm][0],
                customdata=members[["num_photos"]],
                error_x=style.whiskers(members, "difference", color=NEUTRAL, thickness=1.5, width=3),
                hovertemplate="%{y}: %{x:.3g} (%{customdata[0]} photos)<extra></extra>",
            )
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.update_xaxes(title=difference_axis(measured))
    order = [plain(name) for name in table["category"]]
    figure.update_yaxes(categoryorder="array", categoryarray=order, ticklabelstandoff=8, dtick=1)
    return figure.update_layout(height=150 + 24 * len(table), legend=LEGEND_ABOVE, bargap=0.35, showlegend=True)


def scatter(tables: Tables, contrast: str) -> go.Figure:
    """Treatment against control, a mark a photo in the colour of the arm that did better, with the diagonal."""
    table = photo_table(tables, contrast)
    if table.empty:
        return nothing_yet(f"{contrast} has not been measured photo by photo yet.")
    declared, styles = tables.study["contrasts"][contrast], arm_styles(tables)
    measured = metric(tables, declared["metric"])
    shown = table.sort_values(["category", "photo"]).iloc[:: max(1, -(-len(table) // MAX_MARKS))]
    helped = shown["difference"] < 0 if measured.better == "min" else shown["difference"] > 0
    same = shown["difference"] == 0
    figure = go.Figure()
    groups = (
        (helped, f"better with {declared['treatment']}", styles[declared["treatment"]]),
        (~helped & ~same, f"better with {declared['control']}", styles[declared["control"]]),
        (same, "the same", (NEUTRAL, "circle")),
    )
    for mask, words, (color, symbol) in groups:
        members = shown[mask]
        figure.add_trace(
            go.Scatter(
                x=members["control"], y=members["treatment"], mode="markers", name=plain(f"{words} ({len(members)})"),
                marker={"color": color, "symbol": symbol, "size": 7, "opacity": 0.6},
                text=[plain(f"{row.category}: {row.photo}") for row in members.itertuples()],
                hovertemplate="%{text}<br>control %{x:.3g}, treatment %{y:.3g}<extra></extra>",
            )
        )  # fmt: skip
    low, high = (
        float(end) for end in (table[["treatment", "control"]].min().min(), table[["treatment", "control"]].max().max())
    )
    pad = 0.04 * (high - low) or 0.1
    ends = [low - pad, high + pad]
    line = {"color": NEUTRAL, "width": 1}
    figure.add_trace(go.Scatter(x=ends, y=ends, mode="lines", line=line, hoverinfo="skip", showlegend=False))
    unit = plain(measured.axis)
    figure.update_xaxes(title=f"{plain(declared['control'])}: {unit}", range=ends)
    square = {"scaleanchor": "x", "constrain": "domain"}
    figure.update_xaxes(constrain="domain")
    figure.update_yaxes(title=f"{plain(declared['treatment'])}: {unit}", range=ends, **square)
    return figure.update_layout(height=480, legend=LEGEND_ABOVE)


def confusion(tables: Tables, contrast: str) -> go.Figure:
    """The difference of two confusion matrices; each cell has the colour of the arm that gives that name more often."""
    table = confusion_table(tables, contrast)
    if table.empty:
        return nothing_yet(f"{contrast} has not been measured photo by photo yet.")
    declared, styles = tables.study["contrasts"][contrast], arm_styles(tables)
    reach = float(table.abs().max().max()) or 1.0
    colors = [styles[declared["control"]][0], "rgba(128,128,128,0.1)", styles[declared["treatment"]][0]]
    names = [plain(name) for name in table.columns]
    figure = go.Figure(
        go.Heatmap(
            z=table.to_numpy().round(2), x=names, y=names, zmin=-reach, zmax=reach, xgap=1, ygap=1,
            colorscale=list(zip((0.0, 0.5, 1.0), colors, strict=True)),
            colorbar={"title": {"text": "points"}, "thickness": 12},
            hovertemplate="true %{y}, named %{x}: %{z:.3g} points<extra></extra>",
        )
    )  # fmt: skip
    few = len(names) <= MAX_NAMES
    unit = "[category]"
    figure.update_xaxes(title=f"Named {unit}", showticklabels=few, tickangle=-60, dtick=1, showgrid=False)
    figure.update_yaxes(title=f"True {unit}", showticklabels=few, autorange="reversed", dtick=1, showgrid=False)
    return figure.update_layout(height=int(min(760, 200 + 22 * len(names))))


def confusion_words(tables: Tables, contrast: str) -> pd.DataFrame:
    """The ten cells in which the two confusion matrices differ most, as a table."""
    table = confusion_table(tables, contrast)
    if table.empty:
        return pd.DataFrame(columns=["true", "named", "points"])
    cells = table.rename_axis("true").reset_index().melt(id_vars="true", var_name="named", value_name="points")
    return cells.sort_values("points", key=lambda points: -points.abs(), kind="stable").head(10).reset_index(drop=True)
