"""The command line. Errors are one sentence and a remedy, with exit code 2; `--debug` shows the traceback."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from study.arguments import StudyFolder, parsed_path
from study.catalog_names import catalog_names, find_study
from study.compare_command import compare
from study.completion import study_files, trials
from study.data_commands import data_app
from study.files import read_json
from study.json_output import AsJson, console_of, print_json
from study.ledger import Ledger
from study.model_commands import colorize, export
from study.starter_commands import init, schema
from study.storage_path import StoragePath, is_storage_error, storage_path
from study.study_file import load_study

app = typer.Typer(
    name="hueristic", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
)
app.add_typer(data_app, name="data")
for command in (compare, init, schema, colorize, export):
    app.command()(command)

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


@app.callback()
def options(debug: Annotated[bool, typer.Option(help="Show a traceback with errors.")] = False) -> None:
    """Studies of what colouring grey photos and naming what they show do to each other in one network.

    Example: hueristic launch quickstart
    """


@app.command()
def launch(
    study: StudyFile,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Place or size the study, as often as needed: data.root=DIR")
    ] = None,
    storage: Storage = Path("studies"),
    tracking_uri: TrackingUri = None,
    address: Address = None,
    dry_run: Annotated[bool, typer.Option(help="Check everything, print the plan, start nothing.")] = False,
    as_json: AsJson = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Hand the launch to the cluster at --address and leave.")
    ] = False,
) -> None:
    """Run a study to its report. The same command continues a study that was interrupted.

    Example: hueristic launch study/catalog/quickstart.yaml
    """
    from study.launch import Launch, StudyStoppedError, check_folder, run
    from study.mlflow_address import tracking_uri_of
    from study.plan import estimate, plan_document, plan_table

    if as_json and not dry_run:
        raise ValueError("--json prints a plan and goes with --dry-run; a launch's answer is: hueristic report --json.")
    console = console_of(as_json)
    found = find_study(study)
    if found != study:
        console.print(f"{study} is a study of the catalogue: {found}", soft_wrap=True)
    loaded = load_study(found, set_ or [])
    if _is_detached(detach, dry_run, address):
        from study.detach import described, submit

        # Without one of ours, the cluster's own MLFLOW_TRACKING_URI decides.
        chosen = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        console.print(described(submit(loaded, storage, chosen, str(address))), soft_wrap=True, highlight=False)
        return
    uri = tracking_uri_of(tracking_uri, storage)
    command = shlex.join(["hueristic", *sys.argv[1:]])
    launched = Launch(study=loaded, storage=storage, tracking_uri=uri, address=address, command=command)
    if dry_run:
        check_folder(launched)
        with console.status("timing a step of each arm"):
            times = estimate(loaded)
        if as_json:
            print_json(plan_document(loaded, times, launched.folder))
        else:
            console.print(plan_table(loaded, times))
        return
    try:
        folder = run(launched, console)
    except (KeyboardInterrupt, StudyStoppedError) as error:
        console.print(f"{error or 'Interrupted.'} Nothing is lost. To continue:\n  {command}", soft_wrap=True)
        raise typer.Exit(1) from error
    _print_verdicts(folder, console)
    console.print(f"MLflow: hueristic ui {shlex.quote(str(launched.folder))}" + _uri_flag(uri, storage), soft_wrap=True)


@app.command()
def status(study_dir: StudyFolder, as_json: AsJson = False) -> None:
    """Show how far a study is.

    Example: hueristic status studies/quickstart
    """
    from study.launch import load
    from study.progress import status_rows, status_table, time_left

    study, ledger = load(study_dir), Ledger(study_dir)
    entries = ledger.entries()
    rows, left = status_rows(ledger, entries), time_left(ledger, study, entries)
    if as_json:
        head = {"study": study.name, "question": study.question, "folder": ledger.folder}
        print_json({**head, "trials": rows, "time_left": left})
    else:
        console = Console()
        console.print(status_table(study, rows))
        console.print(left, soft_wrap=True, highlight=False, markup=False)


@app.command()
def report(
    study: Annotated[
        str, typer.Argument(metavar="STUDY_DIR|NAME", help="Its folder; in MLflow its name.", show_default=False)
    ],
    tracking_uri: Annotated[
        str | None, typer.Option(help="Take the tables from MLflow, by the study's name.", show_default="the folder")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Folder for tables and report from MLflow.", show_default="NAME-report")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the tables and the report of a study anew, finished or not.

    Examples: hueristic report studies/quickstart
              hueristic report quickstart --tracking-uri http://127.0.0.1:5000
    """
    if tracking_uri is None:
        from study.export import write_report
        from study.launch import load

        if to is not None:
            raise ValueError("--to goes with --tracking-uri: the report of a study's folder is written into it.")
        load(storage_path(study))
        folder = write_report(storage_path(study))
    else:
        from analysis.report import write
        from study.mlflow_address import be_patient

        be_patient()
        from study.mlflow_download import download_tables

        folder = download_tables(study, tracking_uri, to or Path(f"{study}-report"))
        write(folder)
    if as_json:
        verdict = read_json(folder / "report" / "verdict.json")
        print_json({**verdict, "report": (folder / "report" / "report.html").absolute()})
    else:
        _print_verdicts(folder, Console())


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
        int | None, typer.Option(help="Port on loopback.", min=1, max=65535, show_default="5000 or the next free one")
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
    trial: Annotated[
        str, typer.Argument(help="Its name in the study's folder `trials`.", show_default=False, autocompletion=trials)
    ],
    root: Annotated[
        Path | None, typer.Option(help="Folder of the photos.", show_default="where the study was launched")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train one trial again on this machine, without Ray, and say whether its records are the same.

    Writes nothing into the study. Exit code 0: the same, 1: different.

    Example: hueristic reproduce studies/quickstart joint-confirm-1
    """
    from study.launch import load
    from study.progress_bar import progress_bar
    from study.reproduce import print_reproduction, reproduction_document
    from study.reproduce import reproduce as train_again

    load(study_dir)
    console = console_of(as_json)
    with progress_bar(console, "epochs") as tell:
        found = train_again(study_dir, trial, root=None if root is None else str(root), progress=tell)
    if as_json:
        print_json(reproduction_document(found))
    else:
        print_reproduction(found, console)
    if not found.same:
        raise typer.Exit(1)


@app.command()
def doctor(
    storage: Storage = Path("studies"),
    tracking_uri: TrackingUri = None,
    address: Address = None,
    as_json: AsJson = False,
) -> None:
    """Say what works here: packages, GPU, memory, Ray, MLflow, storage, browser. Exit code 1: something does not.

    Example: hueristic doctor --storage /shared/studies --tracking-uri http://mlflow:5000
    """
    from study.doctor import examine
    from study.finding import print_findings

    findings = examine(storage, tracking_uri, address)
    works = all(finding.level != "error" for finding in findings)
    if as_json:
        print_json({"works": works, "findings": findings})
    else:
        print_findings(findings, Console())
    if not works:
        raise typer.Exit(1)


def _print_verdicts(folder: Path, console: Console) -> None:
    for line in read_json(folder / "report" / "verdict.json")["lines"]:
        console.print(line, soft_wrap=True, highlight=False)
    console.print(f"Report: {folder / 'report' / 'report.html'}", soft_wrap=True)


def _is_detached(detach: bool, dry_run: bool, address: str | None) -> bool:
    """Whether the cluster is to drive the study; an address of the other kind is refused."""
    if detach and address is None:
        raise ValueError(
            "--detach hands the launch to a Ray cluster: give its --address, for example http://HOST:8265."
        )
    if address and address.startswith("http") and not (detach or dry_run):
        raise ValueError(f"{address} is Ray's job API: add --detach, or give the cluster itself as HOST:6379.")
    return detach and not dry_run


def _uri_flag(uri: str, storage: StoragePath) -> str:
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
