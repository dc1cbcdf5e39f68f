"""What all figures share: colours, marks, lines, and what stands where there is nothing to draw."""

from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.tables import Metric, Tables, records

# After Okabe and Ito (2008): told apart with every common colour vision; the blue is lighter, to show on dark as well.
# A colour means an arm, in every figure; whatever else a figure tells apart has its own marks, dashes or shades.
PALETTE = ("#2B83C6", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")
DASHES = ("solid", "dash", "dot", "dashdot")
MARGIN_BAND = "rgba(128,128,128,0.22)"
NEUTRAL = "#808080"
THIN, THICK = (3, 1.0), (10, 0.35)
INTERVALS = (("95 % interval", THIN), ("interval against the margin", THICK))
LEGEND_ABOVE = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


def arm_styles(tables: Tables) -> dict[str, tuple[str, str]]:
    """Colour and marker of every arm, the same in all figures: by the order of arms in the study."""
    arms = dict.fromkeys([*tables.study["arms"], *tables.trials["arm"].dropna(), *tables.photos["arm"].dropna()])
    return {
        arm: (PALETTE[index % len(PALETTE)], SYMBOLS[(index + index // len(PALETTE)) % len(SYMBOLS)])
        for index, arm in enumerate(arms)
    }


def nothing_yet(message: str) -> go.Figure:
    """An empty figure that says why it is empty."""
    figure = go.Figure()
    figure.add_annotation(text=plain(message), showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_layout(height=120)
    return figure


def plain(words: str) -> str:
    """Plotly reads a little HTML in its labels; what comes from files is not meant as HTML."""
    return escape(words, quote=False)


def difference_axis(measured: Metric) -> str:
    """The title of an axis of treatment minus control, with the direction that is better."""
    return f"Change in {plain(measured.axis)}<br>{'◀ better' if measured.better == 'min' else 'better ▶'}"


def draw_intervals(
    figure: go.Figure, table: pd.DataFrame, names: list[str], colors: list[str], thick: str, **at: int
) -> None:
    """A line a row, from 0 downwards: the 95 % interval, a second one (low_/high_ and the word in `thick`) and the
    effect, over the band of differences that do not matter.

    table has effect, low/high_95, the second interval, margin (one for all), num_replicates and num_photos.
    """
    for place, (color, row) in enumerate(zip(colors, records(table), strict=True)):
        for kind, (width, opacity) in (("95", THIN), (thick, THICK)):
            bar = go.Scatter(
                x=[row.get(f"low_{kind}"), row.get(f"high_{kind}")], y=[place, place], mode="lines", opacity=opacity,
                line={"color": color, "width": width}, hoverinfo="skip", showlegend=False,
            )  # fmt: skip
            figure.add_trace(bar, **at)
    marks = go.Scatter(
        x=table["effect"], y=list(range(len(table))), mode="markers", showlegend=False,
        marker={"color": colors, "size": 13, "symbol": "diamond"},
        customdata=table[["low_95", "high_95", "num_replicates", "num_photos"]],
        hovertemplate="%{x:.3g}, 95 % interval %{customdata[0]:.3g} to %{customdata[1]:.3g}<br>"
        "%{customdata[2]} replicates, %{customdata[3]} photos<extra></extra>",
    )  # fmt: skip
    figure.add_trace(marks, **at)
    margin = table["margin"].iloc[0]
    if pd.notna(margin):
        figure.add_vrect(x0=-margin, x1=margin, fillcolor=MARGIN_BAND, line_width=0, layer="below", **at)
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1}, **at)
    rows = {"tickvals": list(range(len(table))), "ticktext": names, "range": [len(table) - 0.5, -0.5]}
    figure.update_yaxes(**rows, ticklabelstandoff=8, showgrid=False, zeroline=False, **at)


def add_to_legend(figure: go.Figure, name: str, mode: str = "lines", **look: Any) -> None:
    """A line of the legend for what is drawn without one."""
    figure.add_trace(go.Scatter(x=[None], y=[None], mode=mode, name=name, **look))


def whiskers(members: pd.DataFrame, middle: str, **look: Any) -> dict[str, Any]:
    """Plotly's error bar from the column low to the column high, around the column `middle`."""
    ends = {"array": members["high"] - members[middle], "arrayminus": members[middle] - members["low"]}
    return {"type": "data", "symmetric": False, **ends, **look}


def transparent(color: str, opacity: float) -> str:
    red, green, blue = (int(color[index : index + 2], 16) for index in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
