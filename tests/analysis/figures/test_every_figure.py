"""What holds of all figures: axes carry units, an empty one says why, bands have no marks, a colour means an arm."""

from collections.abc import Callable
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from analysis.figures import concepts, curves, effects, loss_weight, parallel, photos, search, style, trade_off
from analysis.tables import Tables

FIGURES: dict[str, Callable[[Tables], go.Figure]] = {
    "forest": effects.forest,
    "forest of controls": lambda tables: effects.forest(tables, "controls"),
    "bullet": lambda tables: effects.bullet(tables, "color"),
    "learning curves": lambda tables: curves.learning_curves(tables, "val/delta_e"),
    "trade-off": trade_off.trade_off,
    "response": lambda tables: loss_weight.response(tables, "joint"),
    "survival": search.survival,
    "best so far": lambda tables: search.best_so_far(tables, "val/delta_e"),
    "slices": lambda tables: search.slices(tables, "joint", "val/delta_e"),
    "categories": lambda tables: photos.categories(tables, "naming"),
    "scatter": lambda tables: photos.scatter(tables, "naming"),
    "confusion": lambda tables: photos.confusion(tables, "naming"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_axis_of_numbers_has_a_unit(tables: Tables, name: str) -> None:
    layout = FIGURES[name](tables).to_dict()["layout"]
    titles = [axis["title"]["text"] for key, axis in layout.items() if key[1:5] == "axis" and "title" in axis]
    assert titles
    assert all("[" in title and "]" in title for title in titles)
    assert all("title" in axis for key, axis in layout.items() if key.startswith("xaxis"))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_nothing_says_so(tables: Tables, name: str) -> None:
    nothing = replace(
        tables, trials=tables.trials.iloc[:0], epochs=tables.epochs.iloc[:0], photos=tables.photos.iloc[:0]
    )
    assert "yet" in FIGURES[name](nothing).layout.annotations[0].text


@pytest.mark.parametrize("name", FIGURES)
def test_a_band_is_drawn_without_marks(tables: Tables, name: str) -> None:
    bands = [trace for trace in FIGURES[name](tables).data if getattr(trace, "fill", None) == "toself"]
    assert all(trace.mode == "lines" for trace in bands)
    assert bands or name != "learning curves"


@pytest.mark.parametrize("name", [*FIGURES, "parallel", "features"])
def test_a_colour_means_an_arm(tables: Tables, name: str) -> None:
    more = {"parallel": lambda tables: parallel.parallel(tables, "joint", "val/delta_e"), "features": concepts.features}
    figure = {**FIGURES, **more}[name](tables)
    colors = {arm: style.arm_styles(tables)[arm][0] for arm in tables.study["arms"]}
    for trace in figure.data:
        named = [arm for arm in colors if arm in str(trace.name or "")]
        looks = [getattr(trace, part, None) for part in ("marker", "line")]
        color = next((look.color for look in looks if look is not None and isinstance(look.color, str)), None)
        assert not named or color is None or color == colors[named[0]], trace.name
    others = set(style.PALETTE) - set(colors.values())
    assert not any(one in figure.to_json() for one in others)
