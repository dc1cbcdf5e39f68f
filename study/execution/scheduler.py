"""Who starts next and who ends early: Ray's scheduler over a rule of `study/search/early_stopping.py`."""

from typing import TYPE_CHECKING, Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from study.definition.study import Study
from study.ledger.ledger import Ledger, Rivals
from study.search.early_stopping import RULES, Rule
from study.storage.path import StoragePath

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController
    from ray.tune.experiment import Trial


class ArrivalOrder(FIFOScheduler):  # type: ignore[misc]
    """Leaves the start of pending trials to Tune, which keeps a queue of them.

    `FIFOScheduler` looks through all trials, finished ones too, at every step of the driver.
    """

    def choose_trial_to_run(self, tune_controller: "TuneController") -> None:
        """No preference."""


def build_scheduler(study: Study, folder: StoragePath, name: str) -> TrialScheduler:
    """The scheduler that applies the rule called `name` to the search of the study in `folder`."""
    rule = RULES[name]
    return ArrivalOrder() if rule is None else StopWithinArm(rule(study), folder)


class StopWithinArm(ArrivalOrder):
    """Ends a trial when its arm's rule says so; the rule starts from all that the ledger holds."""

    def __init__(self, rule: Rule, folder: StoragePath) -> None:
        super().__init__()
        self.rule, self.folder = rule, folder
        self.noted: dict[str, int] = {}
        """Epochs of each trial that the rule knows."""
        ledger = Ledger(folder)
        self.rivals: dict[str, Rivals] = {entry.name: entry.rivals for entry in ledger.entries("search")}
        for name, records in ledger.all_records(self.rivals).items():
            for record in records:
                self._note(name, record)

    def stop_overdue(self) -> None:
        """Ends the trials whose driver died between their last record and the decision on it."""
        ledger = Ledger(self.folder)
        for entry in ledger.entries("search"):
            epoch = self.noted.get(entry.name, 0)
            if entry.finished or not self.rule.decides(epoch):
                continue
            if not self.rule.goes_on(entry.rivals, entry.name, epoch):
                ledger.end(entry.name, "stopped")

    def on_trial_result(self, tune_controller: "TuneController", trial: "Trial", result: dict[str, Any]) -> str:
        """Ray's question after each epoch."""
        name = trial.config["trial"]
        epoch = result.get("epoch")
        # An end without a record of its own has no epoch, or that of a record already judged.
        if epoch is None or result.get("done"):
            return str(TrialScheduler.CONTINUE)
        if name not in self.rivals:
            self.rivals[name] = Ledger(self.folder).entry(name).rivals
        goes_on = True
        # A lost worker may have written records that nobody judged.
        first = self.noted.get(name, 0) + 1
        records = [result] if epoch == first else Ledger(self.folder).records(name)[first - 1 : epoch]
        for record in records:
            self._note(name, record)
            judged = int(record["epoch"])
            if self.rule.decides(judged):
                goes_on = goes_on and self.rule.goes_on(self.rivals[name], name, judged)
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)

    def _note(self, name: str, record: dict[str, Any]) -> None:
        self.rule.note(self.rivals[name], name, record)
        self.noted[name] = int(record["epoch"])
