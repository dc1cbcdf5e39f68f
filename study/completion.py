"""What a shell offers after a Tab: studies, their folders, trials and data sets."""

from pathlib import Path

import typer

from study.catalog_names import catalog_names


def study_files(incomplete: str) -> list[str]:
    """Studies of the catalogue by name, YAML files, and the folders that lead to them."""
    files = [path for path in _paths(incomplete) if path.endswith(("/", ".yaml", ".yml"))]
    return [name for name in catalog_names() if name.startswith(incomplete)] + files


def study_folders(incomplete: str) -> list[str]:
    """Folders of studies, those in `studies` without naming it, and the folders that lead to them."""
    known = [str(path.parent) for path in sorted(Path("studies").glob("*/study.yaml"))]
    folders = [path for path in _paths(incomplete) if path.endswith("/")]
    return [path for path in known if path.startswith(incomplete)] + [
        path for path in folders if path.rstrip("/") not in known
    ]


def trials(ctx: typer.Context, incomplete: str) -> list[str]:
    """Trials of the study whose folder was given before."""
    from study.ledger import Ledger

    folder = ctx.params.get("study_dir")
    return [] if folder is None else [name for name in Ledger(Path(folder)).names() if name.startswith(incomplete)]


def datasets(incomplete: str) -> list[str]:
    """Data sets a study can start from."""
    from study.starter import DATA

    return [name for name in DATA if name.startswith(incomplete)]


def _paths(incomplete: str) -> list[str]:
    """What lies where the word points, folders with a slash."""
    folder, _, start = incomplete.rpartition("/")
    above = f"{folder}/" if folder or incomplete.startswith("/") else ""
    try:
        inside = sorted(Path(above or ".").iterdir())
    except OSError:
        return []
    return [
        f"{above}{path.name}{'/' if path.is_dir() else ''}"
        for path in inside
        if path.name.startswith(start) and (start or not path.name.startswith("."))
    ]
