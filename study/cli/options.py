"""Arguments that several commands take, and what a shell offers for them after a Tab."""

from pathlib import Path
from typing import Annotated

import typer

from study.definition.catalog import catalog_names
from study.storage.path import StoragePath, storage_path


def parsed_path(text: str) -> StoragePath:
    """What a person gave as a folder or address; a mistake in it is shown with the usage."""
    try:
        return storage_path(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


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
    from study.ledger.ledger import Ledger

    folder = ctx.params.get("study_dir")
    return [] if folder is None else [name for name in Ledger(Path(folder)).names() if name.startswith(incomplete)]


def datasets(incomplete: str) -> list[str]:
    """Data sets a study can start from."""
    from study.definition.template import DATA

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


StudyFolder = Annotated[
    StoragePath,
    typer.Argument(
        parser=parsed_path,
        metavar="STUDY_DIR",
        help="The study's folder.",
        show_default=False,
        autocompletion=study_folders,
    ),
]


StudyFile = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY",
        help=f"The study file, or the name of a study of the catalogue: {', '.join(catalog_names())}.",
        show_default=False,
        autocompletion=study_files,
    ),
]
Storage = Annotated[
    StoragePath,
    typer.Option(
        parser=parsed_path, metavar="FOLDER", help="Folder of studies, or s3://BUCKET/PREFIX; each has one in it."
    ),
]
TrackingUri = Annotated[
    str | None, typer.Option(help="MLflow: a server's address or sqlite:///FILE.", show_default="SQLite in STORAGE")
]
Address = Annotated[str | None, typer.Option(help="Ray cluster.", envvar="RAY_ADDRESS", show_default="this machine")]
