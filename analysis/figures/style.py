"""What all figures share: colours, marks, lines, and what stands where there is nothing to draw."""

from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.tables import Tables, records

# After Okabe and Ito (2008): told apart with every common colour vision; the blue is lighter, to show on dark as well.
PALETTE = ("#2B83C6", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")
DASHES = ("solid", "dash", "dot", "dashdot")
MARGIN_BAND = "rgba(128,128,128,0.22)"
NEUTRAL = "#808080"
THIN, THICK = (3, 1.0), (10, 0.35)
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


def draw_intervals(figure: go.Figure, table: pd.DataFrame, names: list[str], colors: list[str], **at: int) -> None:
    """One line a row: both 95 % intervals and the effect, over the band of differences that do not matter.

    table has effect, low/high_95, low/high_95_these_photos, margin (one for all), num_replicates and num_photos.
    """
    for name, color, row in zip(names, colors, records(table), strict=True):
        for kind, (width, opacity) in (("95", THIN), ("95_these_photos", THICK)):
            bar = go.Scatter(
                x=[row[f"low_{kind}"], row[f"high_{kind}"]], y=[name, name], mode="lines", opacity=opacity,
                line={"color": color, "width": width}, hoverinfo="skip", showlegend=False,
            )  # fmt: skip
            figure.add_trace(bar, **at)
    marks = go.Scatter(
        x=table["effect"], y=names, mode="markers", showlegend=False,
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
    figure.update_yaxes(range=[len(table) - 0.5, -0.5], ticklabelstandoff=8, **at)


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
