"""One HTML page from sections: everything inside it, nothing fetched; light and dark; from phone to desktop."""

import base64
import re
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

NOTHING = "\N{EN DASH}"
ASSETS = Path(__file__).parent / "assets"


def page(title: str, lead: str, facts: str, sections: list[tuple[str, str]]) -> str:
    """The whole page. sections: title and HTML body each; title, lead and facts are plain text."""
    numbered = [(f"section-{index}", f"{index}. {name}", body) for index, (name, body) in enumerate(sections, start=1)]
    contents = "".join(f'<li><a href="#{anchor}">{escape(name)}</a></li>' for anchor, name, _ in numbered)
    bodies = "".join(
        f'<section id="{anchor}"><h2>{escape(name)}</h2>{body}</section>' for anchor, name, body in numbered
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{(ASSETS / 'report.css').read_text(encoding='utf-8')}</style>"
        f"<script>{get_plotlyjs()}</script></head><body>"
        f'<header><p class="kind">Study report</p><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p></header>'
        f'<nav aria-label="Contents"><h2>Contents</h2><ol>{contents}</ol></nav>'
        f"<main>{bodies}</main><footer><p>{escape(facts)}</p></footer>"
        f"<script>{(ASSETS / 'report.js').read_text(encoding='utf-8')}</script></body></html>\n"
    )


def figure_html(figure: go.Figure, caption: str) -> str:
    """A figure as data beside an empty box; report.js draws it in the colours that the reader prefers."""
    data = figure.to_json()  # plotly writes < as \u003c, so no text can end the script
    height = int(figure.layout.height or 420)
    label = f' aria-label="{escape(re.sub("[*`]", "", caption))}"' if caption else ""
    return (
        f'<figure><div class="plot" role="img"{label} style="height:{height}px">'
        f'<script type="application/json">{data}</script></div>{_caption(caption)}</figure>'
    )


def table_html(frame: pd.DataFrame, caption: str) -> str:
    """A table that scrolls within its own box; every cell is escaped."""
    if frame.empty:
        return f'<p class="empty">{inline(caption)} Nothing to list.</p>'
    head = "".join(f"<th scope=col>{escape(str(name))}</th>" for name in frame.columns)
    rows = "".join(
        "<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in frame.itertuples(index=False, name=None)
    )
    return (
        '<figure><div class="scroll" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"{_caption(caption)}</figure>"
    )


def folded_html(body: str, caption: str) -> str:
    """Something that opens with a click on its caption."""
    return f"<details><summary>{inline(caption)}</summary>{body}</details>"


def pictures_html(jpegs: list[bytes], words: list[str], caption: str) -> str:
    """Small JPEG pictures side by side, words below each."""
    cells = "".join(
        f'<div><img alt="{escape(word)}" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode("ascii")}">'
        f"<span>{escape(word)}</span></div>"
        for jpeg, word in zip(jpegs, words, strict=True)
    )
    return f'<figure><div class="pictures">{cells}</div>{_caption(caption)}</figure>'


def list_html(items: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{inline(item)}</li>" for item in items) + "</ul>"


def markdown_html(text: str) -> str:
    """The little Markdown our scripts use: paragraphs, headings from ##, lists with -, **bold**, *emphasis*, `code`."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in block.splitlines()]
        heading = re.match(r"(#+) (.*)", lines[0]) if lines else None
        if not block.strip():
            continue
        if heading:
            level = min(6, len(heading[1]) + 1)
            blocks.append(f"<h{level}>{inline(heading[2])}</h{level}>")
            lines = lines[1:]
        if lines and all(line.startswith("- ") for line in lines):
            blocks.append(list_html([line[2:] for line in lines]))
        elif lines:
            blocks.append(f"<p>{inline(' '.join(lines))}</p>")
    return "".join(blocks)


def inline(text: str) -> str:
    """Escapes a line, then reads its **bold**, *emphasis* and `code`."""
    safe = escape(text, quote=False)
    safe = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", safe)
    safe = re.sub(r"(?<!\w)\*([^*]+)\*(?!\w)", r"<em>\1</em>", safe)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)


def _caption(caption: str) -> str:
    return f"<figcaption>{inline(caption)}</figcaption>" if caption else ""


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, float | np.floating):
        number = float(value)
        shown = NOTHING if np.isnan(number) else f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
        return f'<td class="number">{shown}</td>'
    if isinstance(value, int | np.integer):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{NOTHING if value is None or value is pd.NA else escape(str(value))}</td>"
