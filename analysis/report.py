"""Runs the numbered scripts over one study's tables and binds them into one HTML file."""

import json
import math
import os
import re
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis import health
from analysis.contrasts import contrasts
from analysis.notebook import Pictures, Shown, collect
from analysis.page import (
    figure_html,
    folded_html,
    image_html,
    list_html,
    markdown_html,
    page,
    pictures_html,
    table_html,
)
from analysis.tables import Tables, load
from analysis.verdict import summary, verdict_lines

__all__ = ["verdict_lines", "write", "write_section"]

NOTEBOOKS = Path(__file__).parent / "notebooks"


def write(study_dir: Path) -> Path:
    """Writes STUDY_DIR/report/report.html and verdict.json from STUDY_DIR/results; returns the report's path.

    Raises ValueError, with a remedy, where there are no results or they cannot be read.
    """
    tables = load(study_dir)
    scripts = sorted(NOTEBOOKS.glob("[0-9]*.py"))
    report = _bind(tables, scripts, study_dir / "report" / "report.html")
    _replace(study_dir / "report" / "verdict.json", json.dumps(_verdict(tables), indent=2, allow_nan=False) + "\n")
    return report


def write_section(study_dir: Path, script: Path) -> Path:
    """Writes what one script shows as a page of its own, STUDY_DIR/report/<script>.html."""
    return _bind(load(study_dir), [script], study_dir / "report" / f"{script.stem}.html")


def _bind(tables: Tables, scripts: list[Path], path: Path) -> Path:
    sections = [_section(tables, script) for script in scripts]
    study = tables.study
    facts = [
        f"{name} {study[key]}." for name, key in (("Launched", "launched"), ("Exported", "exported")) if study[key]
    ]
    facts += [f"Seed {study['seed']}."] if study["seed"] is not None else []
    facts += [f"Command: {study['command']}"] if study["command"] else []
    _replace(path, page(str(study["name"]), str(study["question"]), " ".join(facts), sections))
    return path


def _section(tables: Tables, script: Path) -> tuple[str, str]:
    """Runs a percent-format script cell by cell; its title and its HTML, prose and what it showed in order."""
    source = script.read_text(encoding="utf-8")
    title, body, namespace = script.stem, [], {"__name__": "section", "__file__": str(script)}
    with collect(tables) as section:
        for cell in re.finditer(r"^# %%(.*)\n((?:(?!# %%).*\n?)*)", source, flags=re.MULTILINE):
            if "[markdown]" in cell[1]:
                prose = re.sub(r"^# ?", "", cell[2], flags=re.MULTILINE).strip()
                heading = re.match(r"# (.*)\n?", prose)
                if heading:
                    title, prose = heading[1], prose[heading.end() :]
                body.append(markdown_html(prose))
                continue
            line = source.count("\n", 0, cell.start(2))
            exec(compile("\n" * line + cell[2], str(script), "exec"), namespace)
            body += [_html(*one) for one in section.shown]
            section.shown.clear()
    return title, "".join(body)


def _html(thing: Shown, caption: str, folded: bool) -> str:
    if isinstance(thing, go.Figure):
        return folded_html(figure_html(thing, ""), caption) if folded else figure_html(thing, caption)
    if isinstance(thing, pd.DataFrame):
        return folded_html(table_html(thing, ""), caption) if folded and not thing.empty else table_html(thing, caption)
    if isinstance(thing, Path):
        return folded_html(image_html(thing, ""), caption) if folded else image_html(thing, caption)
    if isinstance(thing, Pictures):
        body = pictures_html(thing.jpegs, thing.words, "" if folded else caption)
        return folded_html(body, caption) if folded else body
    return list_html(thing) if isinstance(thing, list) else markdown_html(thing)


def _verdict(tables: Tables) -> dict[str, Any]:
    """What the page says, for programs: every contrast with all its numbers, the sentences and the health findings."""
    rows = contrasts(tables).to_dict(orient="records")
    return {
        "study": tables.study["name"],
        "question": tables.study["question"],
        "exported": tables.study["exported"],
        "lines": verdict_lines(tables),
        "summary": summary(tables),
        "contrasts": [{str(key): _plain(value) for key, value in row.items()} for row in rows],
        "health": [vars(finding) for finding in health.findings(tables)],
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _replace(path: Path, text: str) -> None:
    """Writes a file whole: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
