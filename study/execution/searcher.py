"""What Ray Tune asks for trials: the ledger's unfinished ones first, then new ones, evenly over arms."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.search import Searcher

from study.definition.study import Study
from study.execution.messages import UNTOLD, Assignment, Ending
from study.ledger.lease import holder
from study.ledger.ledger import Entry, Ledger, Rivals
from study.search.arm_search import ArmSearch
from study.search.selection import make_entry
from study.search.warm_start import warm_params
from study.storage.failures import failure
from study.storage.path import is_storage_error


class LedgerSearcher(Searcher):  # type: ignore[misc]
    """Deals out the trials of one phase and writes how they end into the ledger.

    Ray pickles it when the phase starts, so everything with locks or generators is made at the first call.

    Args:
        assignment: what every trial of the phase is handed beside its name.
        arms: whose settings a search looks for, by default the arms that are searched first. Of the other phases all
            trials are in the ledger already.
        ready: returns when the first trial may be dealt out.
    """

    def __init__(
        self,
        study: Study,
        phase: str,
        assignment: Assignment,
        arms: Sequence[str] | None = None,
        ready: Callable[[], object] | None = None,
    ) -> None:
        super().__init__()
        self.study, self.phase, self.assignment, self.ready = study, phase, assignment, ready
        self.arms = study.first_arms if arms is None else arms
        self.ledger = Ledger(assignment.folder)
        self.dealt: dict[str, Entry] = {}
        """The trial in the ledger by Ray's trial_id."""
        self.queue: list[Entry] | None = None
        self.storage_problem = ""
        """Why this searcher stopped; inside Ray's loop an exception of a searcher would pass for a trial's."""
        self.searches: dict[Rivals, ArmSearch] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """The next trial, by name."""
        try:
            entry = self._next() if not self.storage_problem and self._drives() else None
            if entry is None:
                return str(Searcher.FINISHED)
            self.ledger.start(entry.name)
        except Exception as error:
            if not is_storage_error(error):
                raise
            self.storage_problem = failure(error, self.ledger.folder)
            return str(Searcher.FINISHED)
        self.dealt[trial_id] = entry
        named = {"trial": entry.name, "arm": entry.arm, "setting": entry.setting or entry.arm}
        return {**named, "assignment": self.assignment}

    def _next(self) -> Entry | None:
        self._wake()
        assert self.queue is not None
        return self.queue.pop(0) if self.queue else self._propose()

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Tells the arm's search how a running trial stands; its records are in the ledger before Ray hears of them."""
        if self.phase == "search" and "epoch" in result:
            entry = self.dealt[trial_id]
            self.searches[entry.rivals].hear(entry.number, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Writes the trial's end into the ledger and tells its arm's search."""
        name = self.dealt.pop(trial_id).name
        result = result or {}
        if result.get("end") in UNTOLD or self.storage_problem:
            return
        try:
            if self._drives():
                self._end(name, result, error)
        except Exception as failed:
            if not is_storage_error(failed):
                raise
            self.storage_problem = failure(failed, self.ledger.folder)

    def _end(self, name: str, result: dict[str, Any], error: bool) -> None:
        end = result.get("end")
        if end == Ending.FAILED or error:
            # Ray's own error means lost workers: exceptions of the trial are results.
            failure = {key: "" if error else result.get(key, "") for key in ("failure_message", "failure_place")}
            kind = "worker_lost" if error else result["failure_kind"]
            entry = self.ledger.end(name, "failed", failure_kind=kind, **failure)
        else:
            # Without an end of its own it was the scheduler that stopped the trial.
            entry = self.ledger.end(name, "done" if end == Ending.DONE else "stopped")
        if self.phase == "search":
            self.searches[entry.rivals].tell(entry, self.ledger.records(name))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the ledger holds all there is."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: a study is continued from the ledger."""

    def _drives(self) -> bool:
        """Whether this driver still holds the study's lease; one that lost it writes nothing more."""
        return holder(self.ledger.folder) == self.assignment.token

    def _wake(self) -> None:
        if self.queue is not None:
            return
        if self.ready is not None:
            self.ready()
        entries = self.ledger.entries(self.phase)
        # A launch that was interrupted while it searched later arms first goes through the others again.
        ours = [entry for entry in entries if self.phase != "search" or entry.arm in self.arms]
        self.queue = [entry for entry in _in_turn(ours) if not entry.finished]
        if self.phase == "search":
            records = self.ledger.all_records([entry.name for entry in entries])
            for rivals in [(fold, arm) for fold in range(self.study.confirm.folds) for arm in self.arms]:
                told = [(entry, records[entry.name]) for entry in entries if entry.rivals == rivals]
                warm = warm_params(self.study, rivals[1], self.ledger.folder)
                self.searches[rivals] = ArmSearch(self.study, rivals[1], told, warm, fold=rivals[0])
            self.num_proposed = {rivals: len(search.trials) for rivals, search in self.searches.items()}

    def _propose(self) -> Entry | None:
        """A new trial of the search that has fewest, or None when every one has its share."""
        if self.phase != "search":
            return None
        rivals = min(self.num_proposed, key=lambda one: self.num_proposed[one])
        number, (fold, arm) = self.num_proposed[rivals], rivals
        if number >= self.study.search.trials_per_arm:
            return None
        settings, sampler = self.searches[rivals].ask()
        entry = make_entry(self.study, arm, settings, phase="search", fold=fold, number=number, replicate=0)
        entry = dataclasses.replace(entry, sampler=sampler, searched=settings)
        self.ledger.write(entry)
        self.num_proposed[rivals] += 1
        return entry


def _in_turn(entries: list[Entry]) -> list[Entry]:
    """The first trial of every arm or setting in every fold, then the second ones, and so on."""
    return sorted(entries, key=lambda entry: (entry.number, entry.fold, entry.arm, entry.setting))
