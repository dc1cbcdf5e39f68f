"""Who may import whom: the rooms of the house, the floors inside each, and what must not be loaded where."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORBIDDEN = {
    "trainables": {"study", "analysis", "ray", "optuna", "mlflow", "pandas", "pydantic", "pyarrow", "ruamel", "typer"},
    "study": {"analysis"},
    "analysis": {"study", "trainables", "ray", "optuna", "mlflow", "torch", "pydantic"},
}
ALLOWED = {
    ("study.results.export", "analysis.report"),
    ("study.cli.studies", "analysis.report"),
    ("study.power", "analysis.statistics.power"),
}
"""The report is written with the tables, and from the command line. A plan asks the rule itself what it will find, so
that no second one stands beside it. Nothing else of analysis is called."""

FLOORS: dict[str, tuple[str, ...]] = {
    # A package, or a module at the top of a room: what of its own room it may import.
    "trainables.optimizers": (),
    "trainables.metrics": (),
    "trainables.records": ("metrics",),
    "trainables.seeds": (),
    "trainables.files": (),
    "trainables.cpu": (),
    "trainables.config": ("optimizers",),
    "trainables.devices": ("cpu", "files"),
    "trainables.color": (),
    "trainables.data": ("config", "seeds"),
    "trainables.network": ("config", "seeds"),
    "trainables.datasets": ("data.images", "color.chroma", "seeds"),
    "trainables.evaluation": ("network", "data", "color", "devices", "records"),
    "trainables.preparation": ("datasets", "data", "color", "config", "cpu", "files"),
    "trainables.training": (
        *("evaluation", "network", "data", "color"),
        *("config", "devices", "files", "optimizers", "records", "seeds"),
    ),
    "trainables.inference": ("training", "network", "datasets", "color", "config"),
    "trainables.analytic_surface": ("data", "config", "files", "metrics", "optimizers", "records"),
    "trainables.trial": ("training", "preparation", "data", "analytic_surface", "config", "records"),
    "trainables.__main__": ("trial", "devices", "files", "records"),
    "study.errors": (),
    "study.terminal": (),
    "study.storage": ("errors",),
    "study.search_space": ("errors",),
    "study.definition": ("search_space", "storage", "errors"),
    "study.ledger": ("storage", "errors"),
    "study.search": ("ledger", "definition", "search_space", "storage", "errors"),
    "study.results": ("search", "ledger", "definition", "storage"),
    "study.tracking": ("results", "ledger", "definition", "storage"),
    "study.cluster": ("tracking.address", "ledger", "definition", "storage", "errors"),
    "study.execution": ("cluster", "results.status", "search", "ledger", "definition", "storage", "errors"),
    "study.data": ("definition", "terminal", "errors"),
    "study.doctor": ("cluster", "tracking.address", "ledger", "storage"),
    "study.folder": ("search", "ledger", "definition", "storage"),
    "study.plan": ("search", "results.status", "definition", "storage"),
    "study.power": ("definition", "storage"),
    "study.drive": ("execution", "results", "search", "ledger", "definition", "errors"),
    "study.launch": (
        *("drive", "execution", "cluster", "tracking", "results", "ledger", "definition", "storage"),
        *("data", "folder", "errors"),
    ),
    "study.cli": (
        *("launch", "plan", "power", "folder", "data", "doctor", "cluster", "tracking", "results", "ledger"),
        *("definition", "storage", "terminal", "errors"),
    ),
    "study.__main__": ("cli",),
    "analysis.tables": (),
    "analysis.statistics": ("tables",),
    "analysis.page": ("tables",),
    "analysis.summaries": ("statistics", "page.show", "tables"),
    "analysis.figures": ("summaries", "statistics", "page.show", "tables"),
    "analysis.health": ("summaries", "statistics", "tables"),
    "analysis.notebooks": ("figures", "health", "summaries", "page.show", "tables"),
    "analysis.report": ("health", "page", "summaries", "statistics", "tables"),
}
MAX_MODULES = 12
"""Of a folder, beside its `__init__`."""


def modules() -> dict[str, Path]:
    """Every module of the three rooms, by its dotted name."""
    paths = [path for room in FORBIDDEN for path in sorted((ROOT / room).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


MODULES = modules()


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in named}
    return frozenset(found)


def floor_of(module: str) -> str:
    """The package of a module, or the module itself at the top of its room."""
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_imports_against_the_direction(room: str) -> None:
    wrong = [
        (name, module)
        for name, path in MODULES.items()
        for module in imports_of(path)
        if name.split(".")[0] == room and module.split(".")[0] in FORBIDDEN[room]
    ]
    assert [one for one in wrong if one not in ALLOWED] == []


@pytest.mark.parametrize("floor", sorted({floor_of(name) for name in MODULES if "." in name}))
def test_a_package_imports_only_from_the_floors_below_it(floor: str) -> None:
    room = floor.partition(".")[0]
    below = tuple(f"{room}.{name}" for name in FLOORS[floor])
    wrong = [
        (name, module)
        for name, path in MODULES.items()
        for module in imports_of(path)
        if floor_of(name) == floor and module.split(".")[0] == room and floor_of(module) != floor
        if not any(module == one or module.startswith(f"{one}.") for one in below)
    ]
    assert wrong == []


def test_the_floors_lie_one_above_the_other() -> None:
    """So no table of imports can hide a circle between packages."""
    standing: set[str] = set()
    waiting = dict(FLOORS)
    while waiting:
        free = [
            floor
            for floor, below in waiting.items()
            if all(floor_of(f"{floor.partition('.')[0]}.{name}") in standing for name in below)
        ]
        assert free, f"a circle among {sorted(waiting)}"
        standing |= set(free)
        waiting = {floor: below for floor, below in waiting.items() if floor not in standing}


def test_no_files_import_each_other_in_a_circle() -> None:
    imported = {name: {one for one in imports_of(path) if one in MODULES} for name, path in MODULES.items()}
    while free := [name for name, below in imported.items() if not below & imported.keys() - {name}]:
        for name in free:
            del imported[name]
    assert sorted(imported) == []


PACKAGES = sorted(name for name, path in MODULES.items() if path.name == "__init__.py")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_a_docstring_that_names_all_its_modules_and_holds_a_dozen(package: str) -> None:
    (docstring,) = ast.parse(MODULES[package].read_text()).body
    assert isinstance(docstring, ast.Expr) and isinstance(docstring.value, ast.Constant)
    inside = [name for name, path in MODULES.items() if path.parent == MODULES[package].parent and name != package]
    names = {name.rpartition(".")[2] for name in inside} - {"__main__"}
    words = str(docstring.value.value).split("\n\n")[1].split()
    assert names - set(words) == set(), "named in reading order, in the second paragraph"
    assert len(inside) <= MAX_MODULES


@pytest.mark.parametrize(
    ("module", "must_not_load"),
    [
        ("trainables.analytic_surface", {"torch", "ray", "pandas"}),
        ("trainables.config", {"torch"}),
        ("trainables.datasets.class_folders", {"torch"}),
        ("trainables.data.trial_data", {"torch"}),
        ("study.definition.load", {"torch", "ray", "optuna", "mlflow"}),
        ("study.cli.main", {"torch", "ray", "optuna", "mlflow", "pandas", "scipy"}),
        ("study.execution.searcher", {"torch", "mlflow"}),
        ("study.launch", {"torch", "ray", "optuna", "mlflow"}),
        ("study.tracking.view", {"torch", "ray"}),
        ("study.tracking.follow", {"torch", "ray", "mlflow"}),
        ("analysis.report", {"torch", "ray", "mlflow", "optuna"}),
    ],
)
def test_a_module_loads_only_what_its_process_needs(module: str, must_not_load: set[str]) -> None:
    code = f"import sys, {module}; print(*sorted({must_not_load!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []
