"""The colours of the data set itself, and what painting by rule would cost: the yardsticks for every colour error."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures import NEUTRAL, nothing_yet, plain
from analysis.tables import Tables, is_twin, tasks

WHOLE = "whole set"
NEAR_WHITE = "near white"


def missing(tables: Tables) -> str:
    """Why there are no colours to show, with the command that shows them; empty where there are."""
    if tables.colors:
        return ""
    dataset = tables.study["data"].get("dataset")
    if dataset == "analytic":
        return "This study computes a formula and has no photos."
    target = f"{tables.study_dir}/study.yaml"
    return (
        "The colours of the photos were not looked at, because the prepared photos were not on the machine that "
        f"exported the tables. Where they are: `hueristic data colors {target}`, or export there again: "
        f"`hueristic report {tables.study_dir}`."
    )


def in_words(tables: Tables) -> str:
    """What the data set's colours predict of a network that hedges."""
    whole = tables.colors["whole"]
    mean, error = whole["mean"], whole["delta_e"]
    worse = error["one colour"] > error["no colour"]
    return (
        f"**A network that hedges would paint everything {mean['name']}.** That is {error['one colour']:.1f} CIEDE2000 "
        f"off, {'more' if worse else 'less'} than leaving the photos grey ({error['no colour']:.1f}). Whoever knows "
        f"how light a pixel is and nothing else comes down to {error['one colour a lightness']:.1f}; whoever knows the "
        f"category too, to {error['one colour a category and lightness']:.1f}: that is what naming has to offer to "
        "colouring."
    )


def rule_table(tables: Tables) -> pd.DataFrame:
    """What painting by rule costs on all photos, beside the confirmed settings on the test pool."""
    columns = ["painted", "CIEDE2000", "which is"]
    errors = tables.colors["whole"]["delta_e"]
    rows = [(name, error, tables.colors["predictors"][name]) for name, error in errors.items()]
    photos = tables.photos[~is_twin(tables.photos["setting"])]
    for (setting, arm), members in photos.groupby(["setting", "arm"], sort=False):
        if "color" in tasks(tables, str(arm)):
            words = f"a network, mean over {members['replicate'].nunique()} replicates, on the test pool"
            rows.append((setting, members["delta_e"].mean(), words))
    return pd.DataFrame(rows, columns=columns).sort_values("CIEDE2000", ascending=False, ignore_index=True)


def category_table(tables: Tables) -> pd.DataFrame:
    """One row a category, the whole set first."""
    rows = [
        (
            one["category"] or WHOLE,
            one["num_photos"],
            f"{one['near_white']:.0%}",
            ", ".join(f"{swatch['name']} {swatch['share']:.0%}" for swatch in one["dominant"]),
            f"{one['mean']['name']} ({one['mean']['hex']})",
            one["delta_e"]["one colour"],
            one["delta_e"]["one colour a lightness"],
            one["delta_e"]["one colour a category and lightness"],
        )
        for one in (tables.colors["whole"], *tables.colors["categories"])
    ]
    columns = ["category", "photos", NEAR_WHITE, "dominant colours", "mean colour", "one colour", "one a lightness"]
    return pd.DataFrame(rows, columns=[*columns, "one a category and lightness"])


def swatch_table(tables: Tables) -> pd.DataFrame:
    """One row a category and colour: its share of all pixels, near white last."""
    rows = []
    for one in (tables.colors["whole"], *tables.colors["categories"]):
        name = one["category"] or WHOLE
        seen = 1 - one["near_white"]
        rows += [(name, swatch["name"], swatch["hex"], swatch["share"] * seen) for swatch in one["dominant"]]
        rows.append((name, NEAR_WHITE, "#ffffff", one["near_white"]))
    return pd.DataFrame(rows, columns=["category", "colour", "hex", "share"])


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
