"""Arguments that several commands take."""

from typing import Annotated

import typer

from study.completion import study_folders
from study.storage_path import StoragePath, storage_path

StudyFolder = Annotated[
    StoragePath,
    typer.Argument(
        parser=storage_path,
        metavar="STUDY_DIR",
        help="The study's folder.",
        show_default=False,
        autocompletion=study_folders,
    ),
]
