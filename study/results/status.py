"""How far a study is and what it has cost, from its folder alone."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.table import Table

from study.definition.study import Study
from study.ledger.lease import holder
from study.ledger.ledger import Entry, Ledger
from study.storage.files import read_json
from study.storage.path import StoragePath
from trainables.records import PHASES

PACE_RECORDS = 200
"""Records from whose times the pace of a study is read."""

STATES = ("queued", "running", "done", "stopped", "failed")


@dataclass(frozen=True, kw_only=True)
class DeviceRow:
    """What one arm (search) or setting (confirm) has cost in one phase."""

    phase: str
    arm: str
    num_epochs: int
    device_seconds: float
    """Of its recorded epochs, on whichever device they trained; a trial that shares a GPU counts its whole time."""


def device_rows(ledger: Ledger, entries: list[Entry]) -> list[DeviceRow]:
    """Epochs and device time by phase and arm or setting, in the order of the entries."""
    spent: dict[tuple[str, str], list[float]] = {}
    records = ledger.all_records([entry.name for entry in entries])
    for entry in entries:
        seconds = spent.setdefault((entry.phase, entry.setting or entry.arm), [])
        seconds += [float(record.get("epoch_seconds", 0.0)) for record in records[entry.name]]
    return [
        DeviceRow(phase=phase, arm=arm, num_epochs=len(seconds), device_seconds=sum(seconds))
        for (phase, arm), seconds in spent.items()
    ]


def time_left(ledger: Ledger, study: Study, entries: list[Entry]) -> str:
    """Where a study stands, from its folder alone: who drives it, and how long the phase takes at the pace so far.

    Every trial still to come counts with all its epochs, so with early stopping it is an upper bound. The pace is that
    of the last records, by their clocks; one that jumped in between makes it wrong for a while.
    """
    driver = holder(ledger.folder)
    if not driver:
        report = ledger.folder / "report" / "report.html"
        # The report is written last; one asked for in between stands beside trials that still wait, or alone.
        confirmed = [entry.finished for entry in entries if entry.phase == "confirm"]
        is_over = confirmed and all(entry.finished for entry in entries) and report.exists() and _all_said(report)
        return f"finished; report: {report}" if is_over else "nobody drives it: launch it again to continue"
    phase = max((entry.phase for entry in entries if not entry.finished), key=PHASES.index, default="search")
    ours = [entry for entry in entries if entry.phase == phase]
    records = ledger.all_records([entry.name for entry in ours])
    times = sorted(str(record["time"]) for found in records.values() for record in found)
    recent = [datetime.fromisoformat(one).timestamp() for one in times[-PACE_RECORDS:]]
    if len(recent) < 3 or recent[-1] <= recent[0]:
        return f"{phase}: time left unknown"
    # How many the search will have in all depends on whether the controls are searched.
    arms = {entry.arm for entry in ours} | set(study.first_arms)
    num_search = len(arms) * study.search.trials_per_arm * study.confirm.folds
    num_trials = num_search if phase == "search" else len(ours)
    num_left = (num_trials - sum(entry.finished for entry in ours)) * study.epochs
    num_left -= sum(len(records[entry.name]) for entry in ours if not entry.finished)
    seconds = (recent[-1] - recent[0]) / (len(recent) - 1) * num_left
    return f"{phase}: about {duration(seconds)} left" if num_left else f"{phase}: finished"


def _all_said(report: StoragePath) -> bool:
    """Whether the report that was written last leaves no contrast open: it is written at every look."""
    verdict = report.parent / "verdict.json"
    return not verdict.exists() or all(row["settled"] for row in read_json(verdict)["contrasts"])


def status_rows(ledger: Ledger, entries: list[Entry]) -> list[dict[str, Any]]:
    """One row a phase and arm (search) or setting (confirm): its trials by state, and what they have cost so far."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for entry in entries:
        counts.setdefault((entry.phase, entry.setting or entry.arm), Counter())[entry.state] += 1
    return [
        {
            "phase": row.phase,
            "setting": row.arm,
            **{state: counts[row.phase, row.arm][state] for state in STATES},
            "epochs": row.num_epochs,
            "device_seconds": row.device_seconds,
        }
        for row in device_rows(ledger, entries)
    ]


def status_table(study: Study, rows: list[dict[str, Any]]) -> Table:
    """The rows of `status_rows`, for people: only the states that occur."""
    table = Table(title=f"{study.name}: {study.question}", title_justify="left")
    for name in ("phase", "arm or setting"):
        table.add_column(name, no_wrap=True)
    states = [state for state in STATES if any(row[state] for row in rows)]
    for name in (*states, "epochs", "device time"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        texts = [str(row[name]) for name in ("phase", "setting", *states, "epochs")]
        table.add_row(*texts, duration(row["device_seconds"]))
    return table


def duration(seconds: float) -> str:
    """Two digits and the unit that fits: "45 s", "12 min", "3.4 h"."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            amount = seconds / size
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"
    return f"{seconds:.2g} s"
