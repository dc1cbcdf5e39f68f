"""Figures of what colouring takes from the fused features; the claims stand in the tables of `concepts.py`."""

import plotly.graph_objects as go

from analysis.figures.style import (
    LEGEND_ABOVE,
    MARGIN_BAND,
    NEUTRAL,
    PALETTE,
    SYMBOLS,
    THICK,
    THIN,
    arm_styles,
    nothing_yet,
    plain,
)
from analysis.summaries.concepts import FEATURES, NOT_MEASURED, feature_table, statistic_table
from analysis.tables import Tables, records

UNIT = "CIEDE2000"


def class_use(tables: Tables) -> go.Figure:
    """Another class minus the same class, one line a setting, both intervals, over the band that does not matter."""
    table = statistic_table(tables)
    if table.empty:
        return nothing_yet(NOT_MEASURED)
    figure, styles = go.Figure(), arm_styles(tables)
    for row in records(table):
        name = plain(row["setting"])
        color = styles[row["arm"]][0]
        for ends, (width, opacity) in (
            (("low_95", "high_95"), THIN),
            (("low_95_these_photos", "high_95_these_photos"), THICK),
        ):
            bar = go.Scatter(x=[row[end] for end in ends], y=[name, name], mode="lines", opacity=opacity)
            figure.add_trace(bar.update(line={"color": color, "width": width}, hoverinfo="skip", showlegend=False))
    marks = go.Scatter(
        x=table["effect"], y=[plain(name) for name in table["setting"]], mode="markers", showlegend=False,
        marker={"color": [styles[arm][0] for arm in table["arm"]], "size": 13, "symbol": "diamond"},
        customdata=table[["low_95", "high_95", "num_replicates", "num_photos"]],
        hovertemplate="%{x:.3g}, 95 % interval %{customdata[0]:.3g} to %{customdata[1]:.3g}<br>"
        "%{customdata[2]} replicates, %{customdata[3]} photos<extra></extra>",
    )  # fmt: skip
    figure.add_trace(marks)
    for label, (width, opacity) in (("new photos", THIN), ("these photos", THICK)):
        line = {"color": NEUTRAL, "width": width}
        figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="lines", line=line, opacity=opacity, name=f"95 %, {label}")
        )
    margin = table["margin"].iloc[0]
    if margin == margin:
        figure.add_vrect(x0=-margin, x1=margin, fillcolor=MARGIN_BAND, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.update_xaxes(title=f"Error with another class's features<br>minus same class's [{UNIT}]<br>uses the class ▶")
    figure.update_yaxes(range=[len(table) - 0.5, -0.5], ticklabelstandoff=8)
    return figure.update_layout(height=200 + 46 * len(table), legend=LEGEND_ABOVE)


def features(tables: Tables) -> go.Figure:
    """The colour error of every setting with its own and with others' features: four marks a line."""
    table = feature_table(tables)
    if table.empty:
        return nothing_yet(NOT_MEASURED)
    figure = go.Figure()
    for index, (kind, label) in enumerate(FEATURES.items()):
        members = table[table["features"] == kind]
        figure.add_trace(
            go.Scatter(
                x=members["error"], y=[plain(name) for name in members["setting"]], mode="markers", name=label,
                marker={"color": PALETTE[index], "symbol": SYMBOLS[index], "size": 12},
                customdata=members[["low_95", "high_95"]],
                hovertemplate="%{y}: %{x:.3g} (95 % interval %{customdata[0]:.3g} to %{customdata[1]:.3g})",
            )
        )  # fmt: skip
    num_settings = table["setting"].nunique()
    figure.update_xaxes(title=f"Mean colour error [{UNIT}]<br>◀ better")
    figure.update_yaxes(range=[num_settings - 0.5, -0.5], ticklabelstandoff=8)
    return figure.update_layout(height=190 + 40 * num_settings, legend=LEGEND_ABOVE)
