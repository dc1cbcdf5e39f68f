"""What a numbered script uses: the study's tables and show(), which displays in Jupyter, collects for the report."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import plotly.graph_objects as go

from analysis.tables import Tables, load


@dataclass(frozen=True)
class Picture:
    """One small picture; without a jpeg its place stays empty."""

    jpeg: bytes | None
    name: str
    """What it shows: grey, truth or a setting."""
    word: str = ""
    """A number or a word about it."""


@dataclass(frozen=True)
class Pictures:
    """Small pictures in rows; a row stays one row on every screen, so that its pictures can be compared."""

    rows: list[list[Picture]]


@dataclass(frozen=True)
class Answers:
    """The study's answers beside each other: sentences that begin with the claim in bold, and a figure for each."""

    found: list[tuple[str, go.Figure]]


@dataclass(frozen=True)
class Badges:
    """Findings with their grade: weakens, mind or note."""

    found: list[tuple[str, str, str]]
    """Grade, sentence, remedy."""


Shown: TypeAlias = go.Figure | pd.DataFrame | Pictures | Answers | Badges | str | list[str]
"""A figure, a table, small pictures, answers, findings, a paragraph or a list of sentences."""


@dataclass
class Section:
    """What one script has shown so far, in order."""

    tables: Tables
    shown: list[tuple[Shown, str, bool]] = field(default_factory=list)
    """Each thing with its caption, and whether it is folded away."""


_collecting: Section | None = None


@contextmanager
def collect(tables: Tables) -> Iterator[Section]:
    """Within it, show() adds to the section instead of displaying, and study_tables() hands out these tables."""
    global _collecting
    before, _collecting = _collecting, Section(tables)
    try:
        yield _collecting
    finally:
        _collecting = before


def study_tables() -> Tables:
    """The tables of the study at hand: the report's own, in Jupyter those of the folder in TINTUNE_STUDY.

    Raises:
        ValueError: no study's folder was named.
        SystemExit: a script was started by hand, with the command that shows it.
    """
    if _collecting is not None:
        return _collecting.tables
    if "ipykernel" in sys.modules:  # in Jupyter
        if "TINTUNE_STUDY" not in os.environ:
            raise ValueError("Set the environment variable TINTUNE_STUDY to a study folder before starting Jupyter.")
        return load(Path(os.environ["TINTUNE_STUDY"]))
    sys.exit(f"A section is written by: python -m analysis.report STUDY_DIR {Path(sys.argv[0]).stem}")


def show(thing: Shown, caption: str = "", *, folded: bool = False) -> None:
    """Shows a figure, a table, small pictures, answers, findings, a paragraph or sentences, with a caption.

    folded: in the report, a figure or table hides under its caption and opens with a click.
    """
    if _collecting is not None:
        _collecting.shown.append((thing, caption, folded))
        return
    from IPython.display import Image, Markdown, display

    if isinstance(thing, Pictures):
        for picture in (one for row in thing.rows for one in row if one.jpeg):
            display(Image(data=picture.jpeg), Markdown(f"{picture.name} {picture.word}"))
    elif isinstance(thing, Answers):
        for words, figure in thing.found:
            display(Markdown(words), figure)
    elif isinstance(thing, Badges):
        display(Markdown("\n".join(f"- {grade}: **{words}** {remedy}" for grade, words, remedy in thing.found)))
    elif isinstance(thing, str):
        display(Markdown(thing))
    elif isinstance(thing, list):
        display(Markdown("\n".join(f"- {item}" for item in thing)))
    else:
        display(thing)
    if caption:
        display(Markdown(f"*{caption}*"))
