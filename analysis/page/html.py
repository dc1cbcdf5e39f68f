"""One HTML page from sections: everything inside it, nothing fetched; light and dark; from phone to desktop."""

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from analysis.page.words import MINUS, header

NOTHING = "\N{EN DASH}"
ASSETS = Path(__file__).parent / "assets"
MARKDOWN = MarkdownIt("zero").enable(["heading", "list", "emphasis", "backticks"])
"""What our scripts use. Text from files passes it too: no links, pictures (they would be fetched) or HTML."""
TEMPLATES = Environment(
    loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def page(title: str, lead: str, facts: str, sections: list[tuple[str, Markup]]) -> str:
    """The whole page. sections: title and HTML body each; title, lead and facts are plain text."""
    style, script = (Markup((ASSETS / f"report.{kind}").read_text(encoding="utf-8")) for kind in ("css", "js"))
    return TEMPLATES.get_template("report.html.j2").render(
        title=title,
        lead=lead,
        facts=facts,
        sections=sections,
        style=style,
        script=script,
        plotly=Markup(get_plotlyjs()),
    )


def figure_html(figure: go.Figure, caption: str) -> Markup:
    """A figure as data beside an empty box; report.js draws it in the colours that the reader prefers."""
    # Plotly writes < as \u003c, so no text can end the script.
    return _part("figure", Markup(figure.to_json()), int(figure.layout.height or 420), caption)


def table_html(frame: pd.DataFrame, caption: str) -> Markup:
    """A table that scrolls within its own box; every cell is escaped."""
    if frame.empty:
        return _part("empty", caption)
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    return _part("table", [header(name) for name in frame.columns], rows, caption)


def folded_html(body: Markup, caption: str) -> Markup:
    """Something that opens with a click on its caption."""
    return _part("folded", body, caption)


def pictures_html(rows: list[list[tuple[bytes | None, str, str]]], caption: str) -> Markup:
    """Small JPEG pictures in rows that never wrap; a name and a word below each. None leaves a place empty."""
    coded = [
        [(base64.b64encode(jpeg).decode("ascii") if jpeg else "", name, word) for jpeg, name, word in row]
        for row in rows
    ]
    return _part("pictures", coded, max(map(len, rows), default=1), caption)


def answers_html(answers: list[tuple[str, go.Figure]]) -> Markup:
    """Answers beside each other: of each its claim, the figure that shows it, and the numbers behind it."""
    told = []
    for words, figure in answers:
        claim, stop, rest = words.partition("** ")
        told.append((claim + "**" * bool(stop), rest, figure_html(figure, "")))
    return _part("answers", told)


def badges_html(badges: list[tuple[str, str, str]]) -> Markup:
    """Findings: a grade (weakens, mind, note), a sentence and what to do about it."""
    return _part("badges", [(grade, GRADES.get(grade, grade), *words) for grade, *words in badges])


def list_html(items: list[str]) -> Markup:
    """Sentences one below the other."""
    return _part("list", items)


def markdown_html(text: str) -> Markup:
    """Markdown's paragraphs, lists, headings (a level down: h1 and h2 are the page's), **bold**, *emphasis*, `code`."""
    tokens = MARKDOWN.parse(text)
    for token in tokens:
        if token.type.startswith("heading"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
    return Markup(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}))


def inline(text: str) -> Markup:
    """A line with its **bold**, *emphasis* and `code`; everything else is escaped."""
    return Markup(MARKDOWN.renderInline(text))


def breakable(name: str) -> Markup:
    """A name that may break after its dots and underscores, where a narrow column makes it."""
    return Markup(re.sub(r"([._])(?=\w)", r"\1<wbr>", str(escape(name))))


GRADES = {"weakens": "Weakens the answer", "mind": "Keep in mind", "note": "Note"}

TEMPLATES.filters["inline"] = inline
TEMPLATES.filters["breakable"] = breakable


def _part(name: str, *values: Any) -> Markup:
    return Markup(getattr(TEMPLATES.get_template("parts.html.j2").module, name)(*values))


def _cell(value: Any) -> tuple[bool, str]:
    """Whether a number stands in the cell, and what is shown."""
    if isinstance(value, bool | np.bool_):
        return False, "yes" if value else "no"
    if isinstance(value, float | np.floating):
        number = float(value)
        digits = f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
        return True, NOTHING if np.isnan(number) else digits.replace("-", MINUS)
    if isinstance(value, int | np.integer):
        return True, f"{value:,}".replace("-", MINUS)
    return False, NOTHING if value is None or value is pd.NA else str(value)
