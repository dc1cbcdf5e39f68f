"""A finished study in a folder, made by the driver, the searcher and the worker; one slot stands in for Ray."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from study.data.photos import prepare_data
from study.definition.load import parse_study
from study.definition.study import Study
from study.drive import drive
from study.execution.messages import Assignment
from study.execution.searcher import LedgerSearcher
from study.execution.worker import LedgerTrainable
from study.ledger.fingerprint import fingerprint
from study.ledger.ledger import Entry, Ledger
from tests.study.analytic import TEXT
from tests.study.assignments import assignment


class OneSlot:
    """As `study.execution.phases.Phases`, in this process, one trial after another.

    Args:
        stop_after: after so many trials of this driver it is interrupted, as by Ctrl-C.
    """

    def __init__(self, study: Study, handed: Assignment, stop_after: int | None = None) -> None:
        self.study, self.assignment, self.placement = study, handed, SimpleNamespace(num_slots=1)
        self.num_left = stop_after

    def search(self, arms: Sequence[str]) -> None:
        self._run("search", arms)

    def finish(self, planned: Sequence[Entry]) -> None:
        ledger = Ledger(self.assignment.folder)
        known = set(ledger.names())
        for entry in planned:
            if entry.name not in known:
                ledger.write(entry)
        if planned:
            self._run(planned[0].phase)

    def _run(self, phase: str, arms: Sequence[str] | None = None) -> None:
        searcher = LedgerSearcher(self.study, phase, self.assignment, arms)
        while isinstance(given := searcher.suggest("the only slot"), dict):
            if self.num_left == 0:
                raise KeyboardInterrupt
            self.num_left = None if self.num_left is None else self.num_left - 1
            worker = object.__new__(LedgerTrainable)
            worker.setup(given)
            result = worker.step()
            while not result["done"]:
                result = worker.step()
            searcher.on_trial_complete("the only slot", result)


def opened_study(folder: Path, text: str = TEXT) -> tuple[Study, Ledger, Assignment]:
    """A study as its launch opens it, below `folder`, and what its trials are handed."""
    study = parse_study(text)
    images, prepared, cut = prepare_data(study.data_config(), Console(quiet=True))
    ledger = Ledger(folder / study.name)
    ledger.trials.mkdir(parents=True, exist_ok=True)
    (ledger.folder / "study.yaml").write_text(study.document)
    document = fingerprint(study.data, images, prepared, cut, "launch", 0)
    (ledger.folder / "fingerprint.json").write_text(json.dumps(document))
    (ledger.folder / "lease.json").write_text(json.dumps({"token": "ours"}))
    return study, ledger, assignment(ledger.folder, digest=images.digest, root=study.data_config().root)


def finished_study(folder: Path, text: str = TEXT, console: Any = None) -> Ledger:
    """The ledger of the study in the text, with tables and report, below `folder`."""
    study, ledger, handed = opened_study(folder, text)
    drive(OneSlot(study, handed), console or Console(quiet=True))  # type: ignore[arg-type]
    (ledger.folder / "lease.json").unlink()
    return ledger
