"""The command line. Errors are one sentence and a remedy, with exit code 2; `--debug` shows the traceback."""

import importlib.metadata
import sys
from typing import Annotated

import typer
from rich.console import Console

from study.cli.data import data_app
from study.cli.launch import launch
from study.cli.models import colorize, export
from study.cli.setup import doctor, init, schema
from study.cli.studies import compare, report, reproduce, status, sync, ui
from study.storage.path import is_storage_error

app = typer.Typer(
    name="tintune", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
)
app.add_typer(data_app, name="data")
for command in (launch, status, report, sync, ui, reproduce, compare, doctor, init, schema, colorize, export):
    app.command()(command)


def print_version(asked: bool) -> None:
    if asked:
        print(f"tintune {importlib.metadata.version('tintune')}")
        raise typer.Exit()


@app.callback()
def options(
    debug: Annotated[bool, typer.Option(help="Show a traceback with errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Studies of what colouring grey photos and naming what they show do to each other in one network.

    Example: tintune launch quickstart
    """


def main() -> None:
    """Entry point of the `tintune` command."""
    # Typer would exit by itself and print what we word.
    debug = "--debug" in sys.argv
    try:
        app()
    except Exception as error:
        # MLflow's own exception is named, not imported: loading MLflow takes seconds.
        is_persons = (
            isinstance(error, ValueError) or is_storage_error(error) or type(error).__name__ == "MlflowException"
        )
        if debug or not is_persons:
            raise
        Console(stderr=True).print(f"error: {_sentence(error)}", soft_wrap=True, highlight=False, markup=False)
        sys.stdout.flush()
        sys.exit(2)


def _sentence(error: Exception) -> str:
    """What went wrong and what to do; the system's own errors have a file and a reason alone."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}. Give a path that exists and that you may read and write."
    return str(error)
