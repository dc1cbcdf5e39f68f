"""A finished study in a folder, made by the searcher and the worker that Ray would run, one trial after another."""

import json
from pathlib import Path

from rich.console import Console

from analysis.report import write
from study.entries import confirm_entries, select
from study.export import export
from study.fingerprint import fingerprint
from study.launch import prepare_data
from study.ledger import Ledger
from study.searcher import LedgerSearcher
from study.study_file import parse_study
from study.worker import LedgerTrainable
from tests.study.analytic import TEXT
from trainables.cache import default_cache


def finished_study(folder: Path, text: str = TEXT) -> Ledger:
    """The ledger of the study in the text, with tables and report, below `folder`."""
    study = parse_study(text)
    images, prepared, cut = prepare_data(study.data_config(), Console(quiet=True))
    ledger = Ledger(folder / study.name)
    ledger.trials.mkdir(parents=True)
    (ledger.folder / "study.yaml").write_text(study.document)
    document = fingerprint(study, images, prepared, cut, "launch", 0)
    (ledger.folder / "fingerprint.json").write_text(json.dumps(document))
    (ledger.folder / "lease.json").write_text(json.dumps({"token": "ours"}))
    handed = {"study": str(ledger.folder), "cache": str(default_cache()), "token": "ours", "digest": images.digest}
    for phase in ("search", "confirm"):
        for entry in confirm_entries(study, ledger, select(study, ledger)) if phase == "confirm" else []:
            ledger.write(entry)
        given_all = {**handed, "root": study.data_config().root or "", "device_memory_share": "1"}
        searcher = LedgerSearcher(study, phase, given_all)
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
