"""The study's folder: the only truth. Everything else can be deleted and rebuilt from it.

    <study>/study.yaml  fingerprint.json  lease.json
            trials/<arm>-<phase>-<n>/trial.json  epochs.jsonl  checkpoint.pt  photos.parquet  gallery.png
                                     pictures.parquet  variants.parquet
            results/  report/

The driver alone writes trial.json; the worker alone writes the other files of a trial.
"""

import dataclasses
import json
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from study.storage.files import read_json, write_bytes, write_json
from study.storage.path import StoragePath, make_folder, read_many
from trainables.records import PHASES, Record

FORMAT = 2
"""Of the ledger's files; raised when their meaning changes. A ledger of another format is refused."""

STATES = ("queued", "running", "stopped", "done", "failed")
UNFINISHED = ("queued", "running")


Rivals = tuple[int, str]
"""A fold and an arm: the trials of one search."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the ledger knows of one trial beside its records; the content of trial.json."""

    arm: str
    phase: str
    """`search`, `recheck` or `confirm`."""
    number: int
    """search: counts the trials of an arm and fold from 0; recheck: the search trial's; confirm: the replicate."""
    config: dict[str, Any]
    """All fields of `TrialConfig`."""
    data: dict[str, Any]
    """All fields of `DataConfig`."""
    replicate: int
    fold: int = 0
    """Which test pool, from 0 to below the data's `folds`; names and words count from 1."""
    setting: str = ""
    """confirm: which chosen setting of the arm, such as `joint.color`."""
    source: str = ""
    """recheck and confirm: the search trial the setting was taken from."""
    searched: dict[str, Any] = dataclasses.field(default_factory=dict)
    """The fields a sampler chose, with their values."""
    sampler: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What rebuilds the sampler's trial: `params` and `distributions` by Optuna's name, and attributes."""
    state: str = "queued"
    failure_kind: str = ""
    failure_message: str = ""
    failure_place: str = ""
    """The line of code that raised it."""
    started: str = ""
    """UTC."""
    ended: str = ""
    """UTC."""
    format: int = FORMAT

    @property
    def name(self) -> str:
        """The trial's folder: readable, and the same whenever the study is run."""
        fold = f"f{self.fold + 1:02}-" if self.data.get("folds", 1) > 1 else ""
        return f"{self.setting or self.arm}-{self.phase}-{fold}{self.number}"

    @property
    def rivals(self) -> Rivals:
        """Whom the trial is compared with while it is searched: its fold and arm."""
        return self.fold, self.arm

    @property
    def finished(self) -> bool:
        return self.state not in UNFINISHED

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        written = document.get("format", FORMAT)
        if written != FORMAT:
            raise ValueError(
                f"The ledger was written in format {written}, this version reads {FORMAT}: "
                "use the version of tintune that wrote it."
            )
        unknown = sorted(document.keys() - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ValueError(
                f"A trial of the ledger has fields that this version does not know: {', '.join(unknown)}. "
                "Use the version of tintune that wrote it."
            )
        return cls(**document)


class Ledger:
    """Reads and writes one study's folder.

    Args:
        folder: the study's folder; made absolute, because Ray's workers stand elsewhere.
    """

    def __init__(self, folder: StoragePath) -> None:
        self.folder = folder.absolute()

    @property
    def trials(self) -> StoragePath:
        return self.folder / "trials"

    def trial_folder(self, name: str) -> StoragePath:
        return self.trials / name

    def names(self, *, besides: Collection[str] = ()) -> list[str]:
        """All trials that have an entry, by name; those named in `besides` are neither looked at nor given."""
        if not isinstance(self.trials, Path):
            found = self.trials.fs.glob(f"{self.trials.path}/*/trial.json")
            return sorted({path.split("/")[-2] for path in found} - set(besides))
        try:
            found = os.listdir(self.trials)
        except FileNotFoundError:
            return []
        new = (name for name in found if name not in besides)
        return sorted(name for name in new if os.path.exists(f"{self.trials}/{name}/trial.json"))

    def entries(self, phase: str | None = None) -> list[Entry]:
        """All trials, or those of one phase, in the order of arm or setting and number."""
        texts = read_many([self.trial_folder(name) / "trial.json" for name in self.names()])
        found = [Entry.from_json(json.loads(text)) for text in texts]
        chosen = [entry for entry in found if phase is None or entry.phase == phase]
        return sorted(chosen, key=lambda one: (PHASES.index(one.phase), one.arm, one.setting, one.fold, one.number))

    def entry(self, name: str) -> Entry:
        return Entry.from_json(read_json(self.trial_folder(name) / "trial.json"))

    def write(self, entry: Entry) -> None:
        """Adds a trial or replaces its entry."""
        folder = self.trial_folder(entry.name)
        # Not the study's folder: where its storage was unmounted, a ledger must not begin beneath it.
        make_folder(self.trials)
        make_folder(folder)
        write_json(folder / "trial.json", dataclasses.asdict(entry))

    def start(self, name: str) -> Entry:
        """Marks a trial as running; one that is continued keeps its first start."""
        entry = self.entry(name)
        entry = dataclasses.replace(entry, state="running", started=entry.started or now())
        self.write(entry)
        return entry

    def end(
        self, name: str, state: str, *, failure_kind: str = "", failure_message: str = "", failure_place: str = ""
    ) -> Entry:
        """Marks a trial as ended. Weights stay only where a confirmed network may be used again."""
        assert state in STATES and state not in UNFINISHED
        entry = self.entry(name)
        entry = dataclasses.replace(
            entry,
            state=state,
            failure_kind=failure_kind,
            failure_message=failure_message,
            failure_place=failure_place,
            ended=now(),
        )
        self.write(entry)
        if not (entry.phase == "confirm" and state == "done"):
            self.checkpoint(name).unlink(missing_ok=True)
        return entry

    def reopen(self, name: str) -> Entry:
        """Puts a failed trial back among those to be run, with the settings and records it has."""
        entry = dataclasses.replace(
            self.entry(name), state="queued", failure_kind="", failure_message="", failure_place="", ended=""
        )
        self.write(entry)
        return entry

    def checkpoint(self, name: str) -> StoragePath:
        return self.trial_folder(name) / "checkpoint.pt"

    def drop_half_written(self, name: str) -> None:
        """Removes what a worker that was killed while writing left behind; a checkpoint can take 500 MB.

        An object is never half written.
        """
        folder = self.trial_folder(name)
        if not isinstance(folder, Path):
            return
        for left in folder.glob(".*.tmp"):
            # The entry is the driver's.
            if not left.name.startswith(".trial.json."):
                left.unlink(missing_ok=True)

    def records(self, name: str) -> list[Record]:
        """The records of a trial, epoch by epoch. A half-written end of the file is dropped."""
        return self.all_records([name])[name]

    def all_records(self, names: Collection[str]) -> dict[str, list[Record]]:
        """The records of several trials, read together: each request to an object store takes its time."""
        texts = read_many([self.trial_folder(name) / "epochs.jsonl" for name in names], absent=b"")
        return {name: _parse_records(text.decode()) for name, text in zip(names, texts, strict=True)}

    def write_records(self, name: str, records: list[Record]) -> None:
        """Replaces the records of a trial; they only ever grow. A number that is not finite is written as null."""
        lines = [json.dumps({key: _finite(value) for key, value in record.items()}) for record in records]
        write_bytes(self.trial_folder(name) / "epochs.jsonl", ("\n".join(lines) + "\n").encode())


def _parse_records(text: str) -> list[Record]:
    records: list[Record] = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            break
        if not isinstance(record, dict) or record.get("epoch") != len(records) + 1:
            break
        records.append({name: math.nan if value is None else value for name, value in record.items()})
    return records


def now() -> str:
    """The time in UTC, as the ledger writes it."""
    return datetime.now(UTC).isoformat()


def _finite(value: float | int | str) -> float | int | str | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
