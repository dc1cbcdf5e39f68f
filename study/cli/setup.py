"""The commands one begins with: whether everything works here, and a study file to start from."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from study.cli.options import Address, Storage, TrackingUri, datasets
from study.terminal import AsJson, print_json


def doctor(
    storage: Storage = Path("studies"),
    tracking_uri: TrackingUri = None,
    address: Address = None,
    as_json: AsJson = False,
) -> None:
    """Say what works here: packages, GPU, memory, Ray, MLflow, storage, browser. Exit code 1: something does not.

    Example: tintune doctor --storage /shared/studies --tracking-uri http://mlflow:5000
    """
    from study.doctor.finding import print_findings
    from study.doctor.machine import examine

    findings = examine(storage, tracking_uri, address)
    works = all(finding.level != "error" for finding in findings)
    if as_json:
        print_json({"works": works, "findings": findings})
    else:
        print_findings(findings, Console())
    if not works:
        raise typer.Exit(1)


def init(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study file to write.", show_default=False)],
    dataset: Annotated[
        str, typer.Option(help="orchard (drawn in code), ncd, stanford_dogs or folder.", autocompletion=datasets)
    ] = "orchard",
) -> None:
    """Write a commented study file to start from; a file that exists is left as it is.

    Example: tintune init my-study.yaml --dataset ncd
    """
    from study.definition.template import write_starter

    write_starter(study, dataset)
    Console().print(
        f"{study} is a study to start from; the schema beside it is for your editor. Read it, then see what it would "
        "do:\n"
        f"  tintune launch {shlex.quote(str(study))} --dry-run",
        soft_wrap=True, highlight=False, markup=False,
    )  # fmt: skip


def schema() -> None:
    """Print the JSON schema of study files, for editors.

    Example: tintune schema > study.schema.json
    """
    from study.definition.template import schema_text

    sys.stdout.write(schema_text())
