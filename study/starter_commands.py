"""The commands a new study begins with: `hueristic init` and `hueristic schema`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from study.completion import datasets


def init(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study file to write.", show_default=False)],
    dataset: Annotated[
        str, typer.Option(help="orchard (drawn in code), ncd, stanford_dogs or folder.", autocompletion=datasets)
    ] = "orchard",
) -> None:
    """Write a commented study file to start from; a file that exists is left as it is.

    Example: hueristic init my-study.yaml --dataset ncd
    """
    from study.starter import write_starter

    write_starter(study, dataset)
    Console().print(
        f"{study} is a study to start from; the schema beside it is for your editor. Read it, then see what it would "
        "do:\n"
        f"  hueristic launch {shlex.quote(str(study))} --dry-run",
        soft_wrap=True, highlight=False, markup=False,
    )  # fmt: skip


def schema() -> None:
    """Print the JSON schema of study files, for editors.

    Example: hueristic schema > study.schema.json
    """
    from study.starter import schema_text

    sys.stdout.write(schema_text())
