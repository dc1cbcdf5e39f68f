"""What changes by epoch: learning curves, and how the two tasks pull meanwhile."""

import plotly.graph_objects as go

from analysis.figures.style import DASHES, LEGEND_ABOVE, NEUTRAL, PALETTE, arm_styles, nothing_yet, plain, transparent
from analysis.summaries.dynamics import DIAGNOSTICS, WEIGHT_RATIO, learning_curve_table, with_weight_ratio
from analysis.tables import Tables, metric


def diagnostic(tables: Tables, name: str) -> go.Figure:
    """One diagnostic by epoch: median over trainings in a band of their middle half."""
    figure = learning_curves(tables, name)
    if not figure.data:
        return figure
    shown = DIAGNOSTICS[name]
    figure.add_hline(y=shown.neutral, line={"color": NEUTRAL, "width": 1})
    return figure.update_yaxes(title=plain(shown.axis))


def weight_curves(tables: Tables) -> go.Figure:
    """The learned balance of the two losses by epoch, on a logarithmic scale."""
    figure = learning_curves(with_weight_ratio(tables), WEIGHT_RATIO)
    if not figure.data:
        return figure
    return figure.update_yaxes(title="Weight of naming over that of colouring [1]", type="log")


def learning_curves(tables: Tables, metric_name: str) -> go.Figure:
    """One line a confirmed setting (median over its trainings) in a band of their middle half."""
    table, measured = learning_curve_table(tables, metric_name), metric(tables, metric_name)
    if table.empty:
        return nothing_yet(f"No confirmed trial has recorded {metric_name} yet.")
    figure, styles = go.Figure(), arm_styles(tables)
    # Arms beyond the palette share a colour with an earlier one, not its dashes.
    settings_of = {arm: 2 * (index // len(PALETTE)) for index, arm in enumerate(styles)}
    for (setting, arm), curve in table.groupby(["setting", "arm"], sort=False):
        arm = str(arm)
        color, dash = styles[arm][0], DASHES[settings_of[arm] % len(DASHES)]
        settings_of[arm] += 1
        epochs = curve["epoch"]
        figure.add_trace(
            go.Scatter(
                x=[*epochs, *epochs[::-1]], y=[*curve["high"], *curve["low"][::-1]], fill="toself", hoverinfo="skip",
                mode="lines", fillcolor=transparent(color, 0.16), line={"width": 0}, showlegend=False,
                legendgroup=setting,
            )
        )  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=epochs, y=curve["median"], mode="lines+markers" if len(epochs) < 3 else "lines",
                line={"color": color, "dash": dash, "width": 2.5}, legendgroup=setting,
                name=plain(f"{setting} ({curve['num_trainings'].max()} trainings)"),
                customdata=curve[["low", "high"]],
                hovertemplate="epoch %{x}: %{y:.3g} (middle half %{customdata[0]:.3g} to %{customdata[1]:.3g})",
            )
        )  # fmt: skip
    few = {"dtick": 1} if table["epoch"].max() <= 12 else {}
    figure.update_xaxes(title="Epoch [passes over the training photos]", **few)
    figure.update_yaxes(title=plain(measured.axis))
    figure.update_layout(height=420, legend=LEGEND_ABOVE)
    return figure
