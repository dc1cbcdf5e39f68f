"""Arguments that several commands take."""

from typing import Annotated

import typer

from study.completion import study_folders
from study.storage_path import StoragePath, storage_path


def parsed_path(text: str) -> StoragePath:
    """What a person gave as a folder or address; a mistake in it is shown with the usage."""
    try:
        return storage_path(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


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
