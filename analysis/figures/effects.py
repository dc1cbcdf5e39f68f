"""Differences between arms as figures. Every figure has a table function beside it; claims rest on the tables."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures import style
from analysis.figures.style import LEGEND_ABOVE, NEUTRAL, arm_styles, difference_axis, nothing_yet, plain
from analysis.page.show import Answers
from analysis.statistics.contrasts import contrasts
from analysis.summaries.pairs import unit_table
from analysis.summaries.verdict import summary, word
from analysis.tables import Metric, Tables, metric, records

COLUMNS = [
    "family", "contrast", "treatment", "treatment_arm", "control", "control_arm", "metric", "label", "unit", "better",
    "effect", "low_95", "high_95", "low_side", "high_side", "margin", "verdict", "num_replicates", "num_photos", "look",
]  # fmt: skip
ROW_PIXELS, PANEL_GAP = 84, 100
DOTS_BELOW = 0.27
"""Rows, from the line of the intervals down to the dots of folds."""


def forest_table(tables: Tables) -> pd.DataFrame:
    """The measured contrasts, one row each: metric, difference, both intervals, margin, verdict."""
    found = contrasts(tables)
    found = found[found["effect"].notna()]
    return found[COLUMNS].assign(word=[word(row) for _, row in found.iterrows()]).reset_index(drop=True)


def forest(tables: Tables, family: str = "primary") -> go.Figure:
    """Differences with both intervals and a dot a fold, over the band that does not matter, one panel a metric."""
    table = forest_table(tables)
    table = table[table["family"] == family]
    metrics = list(dict.fromkeys(table["metric"]))
    if not metrics:
        return nothing_yet("No contrast has been measured yet.")
    num_rows = [int((table["metric"] == name).sum()) for name in metrics]
    area = sum(ROW_PIXELS * count for count in num_rows) + PANEL_GAP * (len(metrics) - 1)  # axis titles need the gaps
    figure = make_subplots(rows=len(metrics), row_heights=num_rows, vertical_spacing=PANEL_GAP / (area + 100))
    units = unit_table(tables)
    for panel, name in enumerate(metrics, start=1):
        members, at = table[table["metric"] == name], {"row": panel, "col": 1}
        names = [
            f"<b>{plain(row['contrast'])}</b><br>{plain(row['treatment'])}<br>minus {plain(row['control'])}"
            for row in records(members)
        ]
        _panel(figure, tables, members, names, units, **at)
        figure.update_xaxes(title=difference_axis(metric(tables, name)), **at)
    for label, (width, opacity) in style.INTERVALS:
        style.add_to_legend(figure, label, line={"color": NEUTRAL, "width": width}, opacity=opacity)
    dot = {"color": NEUTRAL, "size": 7, "symbol": "circle-open"}
    style.add_to_legend(figure, f"one {_unit_word(units)}", mode="markers", marker=dot)
    if table["margin"].notna().any():
        band = {"color": style.MARGIN_BAND, "size": 16, "symbol": "square"}
        style.add_to_legend(figure, "too small to matter", mode="markers", marker=band)
    return figure.update_layout(height=area + 130, legend=LEGEND_ABOVE)


def bullet(tables: Tables, contrast: str) -> go.Figure:
    """One primary contrast at a glance: margin, intervals, effect, dots, and the verdict's word above them."""
    table = forest_table(tables)
    table = table[(table["family"] == "primary") & (table["contrast"] == contrast)]
    if table.empty:
        found = contrasts(tables)
        told = found[(found["family"] == "primary") & (found["contrast"] == contrast)]["verdict"]
        return nothing_yet(f"{', '.join(told) or contrast}: no number to draw yet.")
    row, figure = records(table)[0], make_subplots()
    low, high = _panel(figure, tables, table, [""], unit_table(tables), row=1, col=1)
    measured = metric(tables, row["metric"])
    figure.update_xaxes(title=_short_axis(measured), ticks="outside")
    figure.update_yaxes(range=[0.75, -0.75], showticklabels=False)
    place = min(max(row["effect"], low + 0.2 * (high - low)), high - 0.2 * (high - low))
    word = f"<b>{plain(row['word'])}</b>"
    figure.add_annotation(x=place, y=-0.5, text=word, showarrow=False, font={"size": 15})
    if pd.notna(row["margin"]):
        words = {"text": "too small to matter", "showarrow": False, "font": {"size": 11, "color": NEUTRAL}}
        figure.add_annotation(x=0, y=0.62, **words)
    return figure.update_layout(height=160, margin={"t": 4, "b": 4}, showlegend=False)


def _panel(
    figure: go.Figure, tables: Tables, members: pd.DataFrame, names: list[str], units: pd.DataFrame, **at: Any
) -> tuple[float, float]:
    """Intervals, effects and dots of contrasts on one metric; the ends of the axis."""
    styles = arm_styles(tables)
    colors = [styles[arm][0] for arm in members["treatment_arm"]]
    style.draw_intervals(figure, members, names, colors, "side", **at)
    ends = members[["low_95", "high_95", "low_side", "high_side", "effect", "margin"]].assign(less=-members["margin"])
    low, high = min(0.0, ends.min().min()), max(0.0, ends.max().max())
    # Dots far outside are left to the hover and the table: they must not squeeze the intervals.
    nearest, farthest = low - (high - low), high + (high - low)
    for place, (color, row) in enumerate(zip(colors, records(members), strict=True)):
        mine = units[(units["family"] == row["family"]) & (units["contrast"] == row["contrast"])]
        dots = go.Scatter(
            x=mine["difference"], y=[place + DOTS_BELOW] * len(mine), mode="markers", showlegend=False,
            marker={"color": color, "size": 7, "symbol": "circle-open", "opacity": 0.75},
            customdata=mine[["unit", "num_photos"]],
            hovertemplate="%{customdata[0]}: %{x:.3g} (%{customdata[1]} photos)<extra></extra>",
        )  # fmt: skip
        figure.add_trace(dots, **at)
        if len(mine):
            low = min(low, max(mine["difference"].min(), nearest) if nearest < 0 else mine["difference"].min())
            high = max(high, min(mine["difference"].max(), farthest) if farthest > 0 else mine["difference"].max())
    pad = 0.06 * (high - low) or 1.0
    figure.update_xaxes(range=[low - pad, high + pad], **at)
    return float(low - pad), float(high + pad)


def answers(tables: Tables) -> Answers | list[str]:
    """Every primary contrast as a sentence with its bullet chart; a sentence alone where none is declared."""
    words, declared = summary(tables), list(tables.study["contrasts"])
    if len(words) != len(declared):
        return words
    return Answers([(one, bullet(tables, contrast)) for one, contrast in zip(words, declared, strict=True)])


def _unit_word(units: pd.DataFrame) -> str:
    return str(units["unit"].iloc[0]).split(" ")[0] if len(units) else "replicate"


def _short_axis(measured: Metric) -> str:
    """An axis in one line, for a narrow figure."""
    unit = f"[{plain(measured.unit or '1')}]"
    return f"◀ better      Change {unit}" if measured.better == "min" else f"Change {unit}      better ▶"
