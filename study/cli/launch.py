"""The command that runs a study: `tintune launch`."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from study.cli.options import Address, Storage, StudyFile, TrackingUri
from study.cli.studies import print_verdicts
from study.definition.catalog import find_study
from study.definition.load import load_study
from study.errors import StudyStoppedError
from study.storage.path import StoragePath, storage_path
from study.terminal import AsJson, console_of, print_json


def launch(
    study: StudyFile,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Place or size the study, as often as needed: data.root=DIR")
    ] = None,
    storage: Storage = Path("studies"),
    tracking_uri: TrackingUri = None,
    address: Address = None,
    dry_run: Annotated[bool, typer.Option(help="Check everything, print the plan, start nothing.")] = False,
    spread_of: Annotated[
        Path | None,
        typer.Option(
            metavar="STUDY_DIR",
            help="With --dry-run: reckon what the study will find with the spreads that another one showed.",
            show_default="the study file's own",
        ),
    ] = None,
    as_json: AsJson = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Hand the launch to the cluster at --address and leave.")
    ] = False,
) -> None:
    """Run a study to its report. The same command continues a study that was interrupted.

    Example: tintune launch study/catalog/quickstart.yaml
    """
    from study.folder import check_folder
    from study.launch import Launch, run
    from study.plan import count_photos, estimate, plan_document, plan_table
    from study.power import basis_of, borrowed, power_rows, power_table
    from study.tracking.address import tracking_uri_of

    if as_json and not dry_run:
        raise ValueError("--json prints a plan and goes with --dry-run; a launch's answer is: tintune report --json.")
    if spread_of is not None and not dry_run:
        raise ValueError("--spread-of goes with --dry-run: it changes what is reckoned, and nothing that is run.")
    console = console_of(as_json)
    found = find_study(study)
    if found != study:
        console.print(f"{study} is a study of the catalogue: {found}", soft_wrap=True)
    loaded = load_study(found, set_ or [])
    if _is_detached(detach, dry_run, address):
        from study.cluster.detach import described, submit

        # Without one of ours, the cluster's own MLFLOW_TRACKING_URI decides.
        chosen = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        console.print(described(submit(loaded, storage, chosen, str(address))), soft_wrap=True, highlight=False)
        return
    uri = tracking_uri_of(tracking_uri, storage)
    command = shlex.join(["tintune", *sys.argv[1:]])
    launched = Launch(study=loaded, storage=storage, tracking_uri=uri, address=address, command=command)
    if dry_run:
        check_folder(loaded, launched.folder)
        num_photos = count_photos(loaded.data_config())
        spreads: dict[str, Mapping[str, float]] = {name: one.model_dump() for name, one in loaded.spread.items()}
        if spread_of is not None:
            lent = borrowed(storage_path(spread_of))
            # One search shows nothing of the luck between searches: what the file says of it stays.
            spreads |= {metric: {**spreads.get(metric, {}), **spread} for metric, spread in lent.items()}
        power = power_rows(loaded, spreads, num_photos)
        with console.status("timing a step of each arm"):
            times = estimate(loaded)
        if as_json:
            print_json(plan_document(loaded, times, launched.folder, power))
        else:
            console.print(plan_table(loaded, times))
            console.print(power_table(power, basis_of(loaded, spread_of, num_photos)))
        return
    try:
        folder = run(launched, console)
    except (KeyboardInterrupt, StudyStoppedError) as error:
        console.print(f"{error or 'Interrupted.'} Nothing is lost. To continue:\n  {command}", soft_wrap=True)
        raise typer.Exit(1) from error
    print_verdicts(folder, console)
    console.print(f"MLflow: tintune ui {shlex.quote(str(launched.folder))}" + _uri_flag(uri, storage), soft_wrap=True)


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
    from study.tracking.address import tracking_uri_of

    return "" if uri == tracking_uri_of(None, storage) else f" --tracking-uri {shlex.quote(uri)}"
