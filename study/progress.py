"""What a person sees while a study runs: a live table in a terminal, a line now and then elsewhere."""

import os
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial
from rich.console import Console
from rich.live import Live
from rich.table import Table

from study.lease import holder
from study.ledger import Entry, Ledger
from study.plan import duration
from study.storage_path import storage_path
from study.study_file import Study
from trainables.metrics import metric_of

LINE_SECONDS = 20.0
"""Between two lines where there is no terminal."""
PACE_RECORDS = 200
"""Records from whose times the pace of a study is read."""


class Progress(Callback):  # type: ignore[misc]
    """Counts trials and epochs of one phase; Ray tells it of every record.

    Ray pickles it at the start, so the terminal is opened at the first event.
    """

    def __init__(self, study: Study, phase: str, num_trials: int, entries: list[Entry], ledger: Ledger) -> None:
        self.study, self.phase = study, phase
        self.num_trials = num_trials
        self.states = {entry.name: entry.state for entry in entries}
        self.arms = {entry.name: entry.setting or entry.arm for entry in entries}
        self.best: dict[str, dict[str, float]] = {}
        spent = device_rows(ledger, entries)
        self.device_seconds = Counter({row.arm: row.device_seconds for row in spent})
        self.num_epochs = self.num_epochs_before = sum(row.num_epochs for row in spent)
        self.started = time.monotonic()
        self.said = 0.0
        self.live: Live | None = None
        self.console: Console | None = None

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        name = trial.config["trial"]
        self.states[name] = "running"
        self.arms.setdefault(name, name.rsplit(f"-{self.phase}-", 1)[0])
        self._show()

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        self.num_epochs += "epoch" in result and result.get("end") != "failed"
        if "epoch" in result and result.get("end") != "failed":
            self.device_seconds[self.arms[trial.config["trial"]]] += result["epoch_seconds"]
        if result.get("end") == "done":
            best = self.best.setdefault(self.arms[trial.config["trial"]], {})
            for metric, better in self.study.objectives.items():
                choose = min if better == "min" else max
                best[metric] = choose(best.get(metric, result[metric]), result[metric])
        self._show()

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self.states[trial.config["trial"]] = trial.last_result.get("end", "stopped")
        self._show()

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        name = trial.config["trial"]
        self.states[name] = "queued"
        self._show()
        assert self.console is not None
        epoch = len(Ledger(storage_path(trial.config["study"])).records(name)) + 1
        self.console.print(f"worker lost: {name} continues from epoch {epoch}", highlight=False)

    def close(self) -> None:
        """Leaves the last table standing."""
        if self.live is not None:
            self.live.update(self._table(), refresh=True)
            self.live.stop()
        elif self.console is not None:
            self.console.print(self._line())

    def _show(self) -> None:
        if self.console is None:
            self.console = Console()
            if self.console.is_terminal and not os.environ.get("HUERISTIC_PLAIN"):
                self.live = Live(self._table(), console=self.console, auto_refresh=False, redirect_stderr=False)
                self.live.start()
        if self.live is not None:
            if time.monotonic() - self.said > 0.25:
                self.said = time.monotonic()
                self.live.update(self._table(), refresh=True)
        elif time.monotonic() - self.said > LINE_SECONDS:
            self.said = time.monotonic()
            self.console.print(self._line())

    def _line(self) -> str:
        counts = Counter(self.states.values())
        parts = [f"{counts['done']} done"]
        parts += [f"{counts[state]} {state}" for state in ("stopped", "failed", "running") if counts[state]]
        return f"{self.phase}: {', '.join(parts)} of {self.num_trials} trials, {self.num_epochs} epochs, {self._eta()}"

    def _eta(self) -> str:
        """Time left if every trial still to come trains all its epochs."""
        left = sum(state not in ("done", "stopped", "failed") for state in self.states.values())
        left += self.num_trials - len(self.states)
        if left == 0:
            return "finished"
        done = self.num_epochs - self.num_epochs_before
        if done < 3:
            return "time left unknown"
        ended = Counter(self.states.values())
        share = self.num_epochs / max(1, self.study.epochs * (ended["done"] + ended["stopped"] + ended["running"]))
        epochs_left = self.study.epochs * left * min(1.0, max(share, 0.3))
        seconds = (time.monotonic() - self.started) / done * epochs_left
        return f"about {timedelta(seconds=round(seconds))} left"

    def _table(self) -> Table:
        table = Table(title=f"{self.study.name}, {self.phase}: {self._eta()}", title_justify="left")
        table.add_column("arm" if self.phase == "search" else "setting")
        for name in ("done", "stopped", "failed", "running"):
            table.add_column(name, justify="right")
        table.add_column("device time", justify="right")
        for metric in self.study.objectives:
            table.add_column(f"best {metric} ({metric_of(metric).unit or '1'})", justify="right")
        for arm in dict.fromkeys(self.arms.values()):
            counts = Counter(state for name, state in self.states.items() if self.arms[name] == arm)
            best = self.best.get(arm, {})
            table.add_row(
                arm,
                *(str(counts[state]) for state in ("done", "stopped", "failed", "running")),
                duration(self.device_seconds[arm]),
                *(f"{best[metric]:.4g}" if metric in best else "" for metric in self.study.objectives),
            )
        return table


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
        is_over = confirmed and all(confirmed) and report.exists()
        return f"finished; report: {report}" if is_over else "nobody drives it: launch it again to continue"
    phase = "confirm" if any(entry.phase == "confirm" for entry in entries) else "search"
    ours = [entry for entry in entries if entry.phase == phase]
    records = ledger.all_records([entry.name for entry in ours])
    times = sorted(str(record["time"]) for found in records.values() for record in found)
    recent = [datetime.fromisoformat(one).timestamp() for one in times[-PACE_RECORDS:]]
    if len(recent) < 3 or recent[-1] <= recent[0]:
        return f"{phase}: time left unknown"
    num_trials = len(ours) if phase == "confirm" else study.num_search_trials
    num_left = (num_trials - sum(entry.finished for entry in ours)) * study.epochs
    num_left -= sum(len(records[entry.name]) for entry in ours if not entry.finished)
    seconds = (recent[-1] - recent[0]) / (len(recent) - 1) * num_left
    return f"{phase}: about {duration(seconds)} left" if num_left else f"{phase}: finished"


STATES = ("queued", "running", "done", "stopped", "failed")


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
