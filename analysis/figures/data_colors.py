"""The colours of a data set, each drawn in itself."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures.style import NEUTRAL, nothing_yet, plain
from analysis.summaries.data_colors import swatch_table
from analysis.tables import Tables


def swatches(tables: Tables) -> go.Figure:
    """A bar a category in its own colours; beside it the mean colour that hedging would paint."""
    if not tables.colors:
        return nothing_yet("The colours of the photos were not looked at.")
    table = swatch_table(tables)
    categories = list(dict.fromkeys(table["category"]))
    figure = make_subplots(cols=2, shared_yaxes=True, column_widths=[0.8, 0.2], horizontal_spacing=0.03)
    place = table.groupby("category").cumcount()
    outline = {"color": NEUTRAL, "width": 0.5}
    for position in sorted(place.unique()):
        members = table[place == position]
        bar = go.Bar(
            x=100 * members["share"], y=members["category"].map(plain), orientation="h", showlegend=False,
            marker={"color": members["hex"], "line": outline}, customdata=members[["colour", "hex"]],
            hovertemplate="%{y}: %{customdata[0]} (%{customdata[1]}), %{x:.0f} %<extra></extra>",
        )  # fmt: skip
        figure.add_trace(bar, row=1, col=1)
    means = [one["mean"] for one in (tables.colors["whole"], *tables.colors["categories"])]
    bar = go.Bar(
        x=[1] * len(means), y=[plain(name) for name in categories], orientation="h", showlegend=False,
        marker={"color": [mean["hex"] for mean in means], "line": outline},
        customdata=[[mean["name"], mean["hex"]] for mean in means],
        hovertemplate="%{y}: %{customdata[0]} (%{customdata[1]})<extra></extra>",
    )  # fmt: skip
    figure.add_trace(bar, row=1, col=2)
    figure.update_xaxes(title="Share of pixels [%]", range=[0, 100], tickvals=[0, 25, 50, 75], row=1, col=1)
    figure.update_xaxes(title="Mean", showticklabels=False, showgrid=False, range=[0, 1], row=1, col=2)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure.update_layout(barmode="stack", bargap=0.15, height=min(24 * len(categories) + 110, 2000))
