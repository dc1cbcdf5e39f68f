"""One line of the doctor: what was looked at, whether it works, and what to do where it does not."""

from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

COLORS = {"ok": "green", "warning": "yellow", "error": "red"}


@dataclass(frozen=True)
class Finding:
    """What was found about one thing."""

    what: str
    level: str
    """`ok`, `warning` or `error`."""
    text: str
    remedy: str = ""
    """What to do; empty where nothing is needed."""


def print_findings(findings: list[Finding], console: Console) -> None:
    """The findings as a table."""
    table = Table(show_header=False)
    for one in findings:
        text = f"{one.text}: {one.remedy}" if one.remedy else one.text
        table.add_row(one.what, f"[{COLORS[one.level]}]{one.level}[/]", escape(text))
    console.print(table)
