"""Figures of what colouring takes from the fused features; the claims stand in the tables of `concepts.py`."""

import plotly.graph_objects as go

from analysis.figures import style
from analysis.figures.style import NEUTRAL, SYMBOLS, nothing_yet, plain
from analysis.summaries.concepts import FEATURES, NOT_MEASURED, feature_table, statistic_table
from analysis.summaries.pairs import role_table
from analysis.tables import Tables

UNIT = "CIEDE2000"


def class_use(tables: Tables) -> go.Figure:
    """Another class minus the same class, one line a setting, both intervals, over the band that does not matter."""
    table = statistic_table(tables)
    if table.empty:
        return nothing_yet(NOT_MEASURED)
    figure, styles = go.Figure(), style.arm_styles(tables)
    names = [plain(name) for name in table["setting"]]
    style.draw_intervals(figure, table, names, [styles[arm][0] for arm in table["arm"]], "side")
    for label, (width, opacity) in style.INTERVALS:
        line = {"color": NEUTRAL, "width": width}
        style.add_to_legend(figure, label, line=line, opacity=opacity)
    figure.update_xaxes(title=f"Error with another class's features<br>minus same class's [{UNIT}]<br>uses the class ▶")
    return figure.update_layout(height=200 + 46 * len(table), legend=style.LEGEND_ABOVE)


def features(tables: Tables) -> go.Figure:
    """The colour error of every setting with its own and with others' features: four marks a line."""
    table = feature_table(tables)
    if table.empty:
        return nothing_yet(NOT_MEASURED)
    figure, styles = go.Figure(), style.arm_styles(tables)
    known = role_table(tables)
    colors_of = {role: styles[arm][0] for role, arm in zip(known["role"], known["arm"], strict=True)}
    for index, (kind, label) in enumerate(FEATURES.items()):
        members = table[table["features"] == kind]
        colors = [colors_of.get(name, NEUTRAL) for name in members["setting"]]
        symbol = SYMBOLS[index] if index == 0 else f"{SYMBOLS[index]}-open"
        style.add_to_legend(figure, label, mode="markers", marker={"color": NEUTRAL, "symbol": symbol, "size": 12})
        figure.add_trace(
            go.Scatter(
                x=members["error"], y=[plain(name) for name in members["setting"]], mode="markers", name=label,
                marker={"color": colors, "symbol": symbol, "size": 12}, showlegend=False,
                customdata=members[["low_95", "high_95"]],
                hovertemplate="%{y}: %{x:.3g} (95 % interval %{customdata[0]:.3g} to %{customdata[1]:.3g})",
            )
        )  # fmt: skip
    num_settings = table["setting"].nunique()
    figure.update_xaxes(title=f"Mean colour error [{UNIT}]<br>◀ better")
    figure.update_yaxes(range=[num_settings - 0.5, -0.5], ticklabelstandoff=8)
    return figure.update_layout(height=190 + 40 * num_settings, legend=style.LEGEND_ABOVE)
