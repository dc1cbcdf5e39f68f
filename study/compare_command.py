"""`hueristic compare`: two finished studies side by side."""

from typing import Annotated

import typer
from rich.console import Console

from study.completion import study_folders
from study.json_output import AsJson, print_json
from study.storage_path import StoragePath, storage_path

Folder = Annotated[
    StoragePath,
    typer.Argument(
        parser=storage_path,
        metavar="STUDY_DIR",
        help="A finished study's folder.",
        show_default=False,
        autocompletion=study_folders,
    ),
]


def compare(a: Folder, b: Folder, as_json: AsJson = False) -> None:
    """Show two finished studies side by side, and say what of them may not be compared.

    Example: hueristic compare studies/quickstart studies/my-study
    """
    from study.comparison import compare as beside_each_other
    from study.comparison import read_side
    from study.comparison_tables import print_comparison

    found = beside_each_other(read_side(a), read_side(b))
    if as_json:
        print_json(found)
    else:
        print_comparison(found, Console())
