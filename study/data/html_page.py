"""One self-contained page from a command: its frame, and tables whose cells are escaped."""

import html
from collections.abc import Sequence

STYLE = """body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; } figure { display: inline-block; margin: .4rem; padding: .3rem;
border: 1px solid #ddd; vertical-align: top; } .wide { overflow-x: auto; }
figcaption { font-size: 12px; max-width: 22rem; overflow-wrap: anywhere; }
img { margin: 1px; } .action { font-weight: 600; }"""


def document(title: str, body: str, style: str = "") -> str:
    """The whole page; `body` is HTML, the title text."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}{style}</style></head>"
        f"<body><h1>{html.escape(title)}</h1>{body}</body></html>"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text cells, escaped."""
    return markup_table(head, [[html.escape(cell) for cell in row] for row in rows])


def markup_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells that are HTML already."""
    names = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{names}</tr>{body}</table></div>'
