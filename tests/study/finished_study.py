"""A finished study in a folder, made by the searcher and the worker that Ray would run, one trial after another."""

import json
from pathlib import Path

from rich.console import Console

from analysis.report import write
from study.data.photos import prepare_data
from study.definition.load import parse_study
from study.execution.searcher import LedgerSearcher
from study.execution.worker import LedgerTrainable
from study.ledger.fingerprint import fingerprint
from study.ledger.ledger import Ledger
from study.results.export import export
from study.search.selection import confirm_entries, select
from tests.study.analytic import TEXT
from tests.study.assignments import assignment


def finished_study(folder: Path, text: str = TEXT) -> Ledger:
    """The ledger of the study in the text, with tables and report, below `folder`."""
    study = parse_study(text)
    images, prepared, cut = prepare_data(study.data_config(), Console(quiet=True))
    ledger = Ledger(folder / study.name)
    ledger.trials.mkdir(parents=True)
    (ledger.folder / "study.yaml").write_text(study.document)
    document = fingerprint(study.data, images, prepared, cut, "launch", 0)
    (ledger.folder / "fingerprint.json").write_text(json.dumps(document))
    (ledger.folder / "lease.json").write_text(json.dumps({"token": "ours"}))
    for phase in ("search", "confirm"):
        for entry in confirm_entries(study, ledger, select(study, ledger)) if phase == "confirm" else []:
            ledger.write(entry)
        handed = assignment(ledger.folder, digest=images.digest, root=study.data_config().root)
        searcher = LedgerSearcher(study, phase, handed)
        while isinstance(given := searcher.suggest("the only slot"), dict):
            worker = object.__new__(LedgerTrainable)
            worker.setup(given)
            result = worker.step()
            while not result["done"]:
                result = worker.step()
            searcher.on_trial_complete("the only slot", result)
    (ledger.folder / "lease.json").unlink()
    export(ledger.folder)
    write(ledger.folder)
    return ledger
