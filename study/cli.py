"""The command line. Errors are one sentence and a remedy, with exit code 2; `--debug` shows the traceback."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from study.data_commands import data_app
from study.ledger import Ledger
from study.model_commands import colorize, export
from study.study_file import load_study

app = typer.Typer(
    name="hueristic", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
)
app.add_typer(data_app, name="data")
app.command()(colorize)
app.command()(export)

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The study file.", show_default=False)]
StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY_DIR", help="The study's folder.", show_default=False)]
Storage = Annotated[Path, typer.Option(help="Folder of studies; the study gets one of its own in it.")]
TrackingUri = Annotated[
    str | None, typer.Option(help="MLflow: a server's address or sqlite:///FILE.", show_default="SQLite in STORAGE")
]


@app.callback()
def options(debug: Annotated[bool, typer.Option(help="Show a traceback with errors.")] = False) -> None:
    """Studies of what colouring grey photos and naming what they show do to each other in one network."""


@app.command()
def launch(
    study: StudyFile,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Place or size the study: data.root=DIR")] = None,
    storage: Storage = Path("studies"),
    tracking_uri: TrackingUri = None,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster.", envvar="RAY_ADDRESS", show_default="this machine")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Check everything, print the plan, start nothing.")] = False,
) -> None:
    """Run a study to its report. The same command continues a study that was interrupted.

    Example: hueristic launch study/catalog/quickstart.yaml
    """
    from study.launch import Launch, StudyStoppedError, check_folder, run
    from study.mlflow_address import tracking_uri_of
    from study.plan import estimate, plan_table

    console = Console()
    loaded = load_study(study, set_ or [])
    uri = tracking_uri_of(tracking_uri, storage)
    command = shlex.join(["hueristic", *sys.argv[1:]])
    launched = Launch(study=loaded, storage=storage, tracking_uri=uri, address=address, command=command)
    if dry_run:
        check_folder(launched)
        with console.status("timing a step of each arm"):
            found = estimate(loaded)
        console.print(plan_table(loaded, found))
        return
    try:
        folder = run(launched, console)
    except (KeyboardInterrupt, StudyStoppedError) as error:
        console.print(f"{error or 'Interrupted.'} Nothing is lost. To continue:\n  {command}", soft_wrap=True)
        raise typer.Exit(1) from error
    _print_verdicts(folder, console)
    console.print(f"MLflow: hueristic ui {shlex.quote(str(folder))}" + _uri_flag(uri, storage), soft_wrap=True)


@app.command()
def status(study_dir: StudyFolder) -> None:
    """Show how far a study is.

    Example: hueristic status studies/quickstart
    """
    from study.launch import load
    from study.progress import status_table

    Console().print(status_table(Ledger(study_dir), load(study_dir)))


@app.command()
def report(study_dir: StudyFolder) -> None:
    """Write the tables and the report of a study anew, finished or not.

    Example: hueristic report studies/quickstart
    """
    from analysis.report import write
    from study.export import export
    from study.launch import load

    load(study_dir)
    export(study_dir)
    write(study_dir)
    _print_verdicts(study_dir, Console())


@app.command()
def sync(study_dir: StudyFolder, tracking_uri: TrackingUri = None) -> None:
    """Bring MLflow level with a study's ledger; twice changes nothing.

    Example: hueristic sync studies/quickstart
    """
    from mlflow import MlflowException

    from study.launch import load
    from study.mlflow_address import be_patient, tracking_uri_of, without_password
    from study.mlflow_view import MlflowView

    load(study_dir)
    be_patient()
    uri = tracking_uri_of(tracking_uri, study_dir.absolute().parent)
    try:
        num_behind = MlflowView(study_dir, uri).sync()
    except MlflowException as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"MLflow at {without_password(uri)} could not be brought level: {reason} Check the address, "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, and sync again; nothing is lost."
        ) from error
    Console().print(f"{num_behind} trials were behind; MLflow is level with {study_dir}.", soft_wrap=True)


@app.command()
def ui(
    study_dir: StudyFolder,
    tracking_uri: TrackingUri = None,
    port: Annotated[
        int | None, typer.Option(help="Port on loopback.", show_default="5000 or the next free one")
    ] = None,
) -> None:
    """Open MLflow's pages on a study, on this machine alone.

    Example: hueristic ui studies/quickstart
    """
    from study.launch import load
    from study.mlflow_address import tracking_uri_of
    from study.mlflow_server import serve

    study = load(study_dir)
    serve(tracking_uri_of(tracking_uri, study_dir.absolute().parent), study.name, port, Console())


@app.command()
def reproduce(
    study_dir: StudyFolder,
    trial: Annotated[str, typer.Argument(help="Its name in the study's folder `trials`.", show_default=False)],
    root: Annotated[
        Path | None, typer.Option(help="Folder of the photos.", show_default="where the study was launched")
    ] = None,
) -> None:
    """Train one trial again on this machine, without Ray, and say whether its records are the same.

    Writes nothing into the study. Exit code 0: the same, 1: different.

    Example: hueristic reproduce studies/quickstart joint-confirm-1
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from study.launch import load
    from study.reproduce import print_reproduction
    from study.reproduce import reproduce as train_again

    load(study_dir)
    console = Console()
    columns = (TextColumn("epochs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        found = train_again(
            study_dir,
            trial,
            root=None if root is None else str(root),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    print_reproduction(found, console)
    if not found.same:
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Say what works here: packages, GPU, Ray, MLflow, storage, browser.

    Example: hueristic doctor
    """
    from study.doctor import examine, print_findings

    findings = examine()
    print_findings(findings, Console())
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


def _print_verdicts(folder: Path, console: Console) -> None:
    import json

    for line in json.loads((folder / "report" / "verdict.json").read_text())["lines"]:
        console.print(line, soft_wrap=True, highlight=False)
    console.print(f"Report: {folder / 'report' / 'report.html'}", soft_wrap=True)


def _uri_flag(uri: str, storage: Path) -> str:
    """Nothing where `ui` would find the store by itself."""
    from study.mlflow_address import tracking_uri_of

    return "" if uri == tracking_uri_of(None, storage) else f" --tracking-uri {shlex.quote(uri)}"


def main() -> None:
    """Entry point of the `hueristic` command."""
    # Typer would exit by itself and print what we word.
    debug = "--debug" in sys.argv
    try:
        app()
    except Exception as error:
        # MLflow's own exception is named, not imported: loading MLflow takes seconds.
        is_persons = isinstance(error, ValueError | OSError) or type(error).__name__ == "MlflowException"
        if debug or not is_persons:
            raise
        Console(stderr=True).print(f"error: {error}", soft_wrap=True, highlight=False, markup=False)
        sys.stdout.flush()
        sys.exit(2)
