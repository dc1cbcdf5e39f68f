"""What a person sees while a study runs: a live table in a terminal, a line now and then elsewhere."""

import os
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial
from rich.console import Console
from rich.live import Live
from rich.table import Table

from study.definition.study import Study
from study.execution.messages import Ending
from study.ledger.ledger import Entry, Ledger
from study.results.status import device_rows, duration
from trainables.metrics import metric_of

LINE_SECONDS = 20.0
"""Between two lines where there is no terminal."""


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
        self.arms.setdefault(name, trial.config["setting"])
        self._show()

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        self.num_epochs += "epoch" in result and result.get("end") != Ending.FAILED
        if "epoch" in result and result.get("end") != Ending.FAILED:
            self.device_seconds[self.arms[trial.config["trial"]]] += result["epoch_seconds"]
        if result.get("end") == Ending.DONE:
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
        epoch = len(Ledger(trial.config["assignment"].folder).records(name)) + 1
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
            if self.console.is_terminal and not os.environ.get("TINTUNE_PLAIN"):
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
        table.add_column("setting" if self.phase == "confirm" else "arm")
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
