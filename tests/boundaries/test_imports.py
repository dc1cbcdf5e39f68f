"""Who may import whom: the rooms of the house, and what must not be loaded where."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORBIDDEN = {
    "trainables": {
        "study",
        "analysis",
        "ray",
        "optuna",
        "mlflow",
        "pandas",
        "pydantic",
        "ruamel",
        "typer",
        "rich",
        "scipy",
    },
    "study": {"analysis"},
    "analysis": {"study", "trainables", "ray", "optuna", "mlflow", "torch", "pydantic"},
}
ALLOWED = {
    ("study/export.py", "analysis.report"),
    ("study/cli.py", "analysis.report"),
    ("trainables/stanford_dogs.py", "scipy.io"),
}
"""The report may be written with the tables, and from the command line, and nothing else of analysis is called. The
official lists of Stanford Dogs are MATLAB files, which scipy reads; scikit-image brings it along."""


def imports_of(path: Path) -> set[str]:
    """Every module a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_imports_against_the_direction(room: str) -> None:
    wrong = [
        (str(path.relative_to(ROOT)), module)
        for path in sorted((ROOT / room).rglob("*.py"))
        for module in imports_of(path)
        if module.split(".")[0] in FORBIDDEN[room]
    ]
    assert [one for one in wrong if one not in ALLOWED] == []


@pytest.mark.parametrize(
    ("module", "must_not_load"),
    [
        ("trainables.analytic_surface", {"torch", "ray", "pandas"}),
        ("trainables.config", {"torch"}),
        ("study.study_file", {"torch", "ray", "optuna", "mlflow"}),
        ("study.searcher", {"torch", "mlflow"}),
        ("study.launch", {"torch", "ray", "optuna", "mlflow"}),
        ("study.mlflow_view", {"torch", "ray"}),
        ("study.mlflow_follow", {"torch", "ray", "mlflow"}),
        ("analysis.report", {"torch", "ray", "mlflow", "optuna"}),
    ],
)
def test_a_module_loads_only_what_its_process_needs(module: str, must_not_load: set[str]) -> None:
    code = f"import sys, {module}; print(*sorted({must_not_load!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []
