"""Runs the numbered scripts over one study's tables and binds them into one HTML file."""

import json
import math
import os
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup

from analysis.health.checks import findings
from analysis.page.html import (
    answers_html,
    badges_html,
    figure_html,
    folded_html,
    list_html,
    markdown_html,
    page,
    pictures_html,
    table_html,
)
from analysis.page.show import Answers, Badges, Pictures, Shown, collect
from analysis.statistics.contrasts import contrasts
from analysis.summaries.verdict import summary, verdict_lines
from analysis.tables import Tables, load

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


def write_section(study_dir: Path, name: str) -> Path:
    """Writes what one script, such as 02_task_effects, shows as a page of its own: STUDY_DIR/report/<name>.html.

    Raises ValueError for a name that no script has.
    """
    script = NOTEBOOKS / f"{name}.py"
    if not script.is_file():
        raise ValueError(f"Unknown section {name!r}. Known: {sorted(path.stem for path in NOTEBOOKS.glob('*.py'))}.")
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


def _section(tables: Tables, script: Path) -> tuple[str, Markup]:
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
    return title, Markup().join(body)


def _html(thing: Shown, caption: str, folded: bool) -> Markup:
    if isinstance(thing, go.Figure):
        return folded_html(figure_html(thing, ""), caption) if folded else figure_html(thing, caption)
    if isinstance(thing, pd.DataFrame):
        return folded_html(table_html(thing, ""), caption) if folded and not thing.empty else table_html(thing, caption)
    if isinstance(thing, Pictures):
        rows = [[(one.jpeg, one.name, one.word) for one in row] for row in thing.rows]
        body = pictures_html(rows, "" if folded else caption)
        return folded_html(body, caption) if folded else body
    if isinstance(thing, Answers):
        return answers_html(thing.found)
    if isinstance(thing, Badges):
        return badges_html(thing.found)
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
        "health": [vars(finding) for finding in findings(tables)],
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


def main(arguments: list[str]) -> str:
    """`python -m analysis.report STUDY_DIR [SECTION]`: the report anew, or one section as a page; gives its path."""
    if len(arguments) not in (1, 2):
        raise ValueError("Name a study's folder, and a section if you want one alone: STUDY_DIR [02_task_effects].")
    return str(write_section(Path(arguments[0]), arguments[1]) if arguments[1:] else write(Path(arguments[0])))


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except ValueError as error:
        sys.exit(str(error))
