"""What `data colors` shows: tables in the terminal, and one self-contained page with swatches."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from study.data import html_page

WHOLE = "whole set"


def color_table(colors: Mapping[str, Any]) -> Table:
    """One line per category, and the whole set first."""
    table = Table(title="Dominant colours, and the share of each", title_justify="left")
    for number, name in enumerate(("category", "photos", "near white", "dominant colours", "mean colour")):
        table.add_column(name, justify="right" if number in (1, 2) else "left", no_wrap=number < 3)
    for one in _all(colors):
        words = "  ".join(_in_terminal(swatch) for swatch in one["dominant"]) or "none: every pixel is near white"
        cells = (escape(one["category"] or WHOLE), str(one["num_photos"]), f"{one['near_white']:.0%}")
        table.add_row(*cells, words, _in_terminal(one["mean"], with_share=False))
    table.caption = (
        f"In Lab, by k-means. Near-white pixels ({colors['near_white_rule']}) are left out of the dominant colours and "
        "of nothing else."
    )
    return table


def predictor_table(colors: Mapping[str, Any]) -> Table:
    """What paints without a network, and how far off it is."""
    table = Table(title="What painting by rule would cost", title_justify="left")
    for name in ("CIEDE2000", "painted", "which is"):
        table.add_column(name, justify="right" if name == "CIEDE2000" else "left")
    for name, error in colors["whole"]["delta_e"].items():
        table.add_row(f"{error:.2f}", name, colors["predictors"][name])
    table.caption = "Means over the pixels of all photos, fitted on the same photos: what such a rule reaches at best."
    return table


def in_words(colors: Mapping[str, Any]) -> str:
    """What the colours predict of a network that hedges."""
    whole = colors["whole"]
    mean, error = whole["mean"], whole["delta_e"]
    light, named = error["one colour a lightness"], error["one colour a category and lightness"]
    return (
        f"A network that hedges would paint everything {mean['name']} ({mean['hex']}), {error['one colour']:.1f} "
        f"CIEDE2000 off; photos left grey are {error['no colour']:.1f} off. Whoever knows how light a pixel is and "
        f"nothing else comes down to {light:.1f}; whoever knows the category too, to {named:.1f}: that is what naming "
        "has to offer to colouring."
    )


def page(colors: Mapping[str, Any], title: str) -> str:
    """The whole of it as HTML."""
    errors, predictors = colors["whole"]["delta_e"], colors["predictors"]
    return html_page.render(
        "colors",
        title=title,
        colors=colors,
        everything=_all(colors),
        in_words=in_words(colors),
        predictors=[(f"{error:.2f}", name, predictors[name]) for name, error in errors.items()],
    )


def _all(colors: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [colors["whole"], *colors["categories"]]


def _in_terminal(swatch: Mapping[str, Any], *, with_share: bool = True) -> str:
    share = f" {swatch['share']:.0%}" if with_share else f" {swatch['hex']}"
    return f"[on {swatch['hex']}]   [/] {swatch['name']}{share}"
