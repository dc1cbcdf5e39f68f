"""What all figures share: colours, marks, lines, and what stands where there is nothing to draw."""

from html import escape

import plotly.graph_objects as go

from analysis.tables import Tables

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


def transparent(color: str, opacity: float) -> str:
    red, green, blue = (int(color[index : index + 2], 16) for index in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
