"""The commands on studies that were launched: how far, what came out, shown in MLflow, trained again, compared."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from study.cli.options import StudyFolder, TrackingUri, trials
from study.ledger.ledger import Ledger
from study.storage.files import read_json
from study.storage.path import storage_path
from study.terminal import AsJson, console_of, print_json


def status(study_dir: StudyFolder, as_json: AsJson = False) -> None:
    """Show how far a study is.

    Example: tintune status studies/quickstart
    """
    from study.folder import load
    from study.results.status import status_rows, status_table, time_left

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

    Examples: tintune report studies/quickstart
              tintune report quickstart --tracking-uri http://127.0.0.1:5000
    """
    if tracking_uri is None:
        from study.folder import load
        from study.results.export import write_report

        if to is not None:
            raise ValueError("--to goes with --tracking-uri: the report of a study's folder is written into it.")
        load(storage_path(study))
        folder = write_report(storage_path(study))
    else:
        from analysis.report import write
        from study.tracking.address import be_patient

        be_patient()
        from study.tracking.download import download_tables

        folder = download_tables(study, tracking_uri, to or Path(f"{study}-report"))
        write(folder)
    if as_json:
        verdict = read_json(folder / "report" / "verdict.json")
        print_json({**verdict, "report": (folder / "report" / "report.html").absolute()})
    else:
        print_verdicts(folder, Console())


def sync(study_dir: StudyFolder, tracking_uri: TrackingUri = None) -> None:
    """Bring MLflow level with a study's ledger; twice changes nothing.

    Example: tintune sync studies/quickstart
    """
    from mlflow import MlflowException

    from study.folder import load
    from study.tracking.address import be_patient, tracking_uri_of, without_password
    from study.tracking.view import MlflowView

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


def ui(
    study_dir: StudyFolder,
    tracking_uri: TrackingUri = None,
    port: Annotated[
        int | None, typer.Option(help="Port on loopback.", min=1, max=65535, show_default="5000 or the next free one")
    ] = None,
) -> None:
    """Open MLflow's pages on a study, on this machine alone.

    Example: tintune ui studies/quickstart
    """
    from study.folder import load
    from study.tracking.address import tracking_uri_of
    from study.tracking.pages import serve

    study = load(study_dir)
    serve(tracking_uri_of(tracking_uri, study_dir.absolute().parent), study.name, port, Console())


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

    Example: tintune reproduce studies/quickstart joint.color-confirm-1
    """
    from study.folder import load
    from study.results.reproduce import print_reproduction, reproduction_document
    from study.results.reproduce import reproduce as train_again
    from study.terminal import progress_bar

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


def print_verdicts(folder: Path, console: Console) -> None:
    for line in read_json(folder / "report" / "verdict.json")["lines"]:
        console.print(line, soft_wrap=True, highlight=False)
    console.print(f"Report: {folder / 'report' / 'report.html'}", soft_wrap=True)


def compare(a: StudyFolder, b: StudyFolder, as_json: AsJson = False) -> None:
    """Show two finished studies side by side, and say what of them may not be compared.

    Example: tintune compare studies/quickstart studies/my-study
    """
    from study.cli.comparison_tables import print_comparison
    from study.results.comparison import compare as beside_each_other
    from study.results.comparison import read_side

    found = beside_each_other(read_side(a), read_side(b))
    if as_json:
        print_json(found)
    else:
        print_comparison(found, Console())
