"""The phases of a study, each one run of Ray Tune. Loads Ray Tune, so that `launch` imports it late."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune

from study.cluster.placement import Placement
from study.cluster.preload import wait_for_workers
from study.definition.study import Study
from study.errors import BugError, RayDiedError, StudyStoppedError
from study.execution.callbacks import MAX_LOSSES, Ends, Watch
from study.execution.messages import Assignment
from study.execution.progress import Progress
from study.execution.scheduler import StopWithinArm, build_scheduler
from study.execution.searcher import LedgerSearcher
from study.execution.tune_loop import tolerates_losses
from study.execution.worker import LedgerTrainable
from study.ledger.ledger import Entry, Ledger


@dataclass(frozen=True)
class Phases:
    """One Ray Tune run per phase over all folds and arms, so that the cluster stays full to the end."""

    study: Study
    assignment: Assignment
    placement: Placement
    is_local: bool
    """Whether this driver started Ray."""

    def search(self, arms: Sequence[str]) -> None:
        """Runs the search of these arms in every fold."""
        entries = Ledger(self.assignment.folder).entries("search")
        others = [entry for entry in entries if entry.arm not in arms and entry.finished]
        num_planned = len(arms) * self.study.search.trials_per_arm * self.study.confirm.folds
        self._run("search", num_planned + len(others), arms)

    def finish(self, planned: Sequence[Entry]) -> None:
        """Runs these trials of one phase, entered into the ledger where they are not yet."""
        if not planned:
            return
        ledger = Ledger(self.assignment.folder)
        known = set(ledger.names())
        for entry in planned:
            if entry.name not in known:
                ledger.write(entry)
        phase = planned[0].phase
        self._run(phase, len(ledger.entries(phase)))

    def _run(self, phase: str, num_trials: int, arms: Sequence[str] | None = None) -> None:
        """Runs every trial of the phase that has not ended yet."""
        study, ledger = self.study, Ledger(self.assignment.folder)
        early_stopping = study.search.early_stopping if phase == "search" else "none"
        scheduler = build_scheduler(study, self.assignment.folder, early_stopping)
        if isinstance(scheduler, StopWithinArm):
            scheduler.stop_overdue()
        entries = ledger.entries(phase)
        num_left = num_trials - sum(entry.finished for entry in entries)
        if num_left <= 0:
            return
        progress = Progress(study, phase, num_trials, entries, ledger)
        searcher = LedgerSearcher(study, phase, self.assignment, arms, ready=self._ready)
        watch = Watch(searcher, self.assignment.folder, self.assignment.token)
        scratch = Path(tempfile.mkdtemp(prefix="tintune-ray-"))
        try:
            tuner = tune.Tuner(
                tune.with_resources(LedgerTrainable, self._bundle()),
                tune_config=tune.TuneConfig(
                    search_alg=searcher,
                    scheduler=scheduler,
                    num_samples=num_left,
                    max_concurrent_trials=self.placement.num_slots,
                    reuse_actors=True,
                    trial_dirname_creator=_dirname,
                ),
                run_config=tune.RunConfig(
                    name=phase,
                    storage_path=str(scratch),
                    # Exceptions of a trial are its result; only a lost worker gets here, and is tried again.
                    failure_config=tune.FailureConfig(max_failures=MAX_LOSSES - 1),
                    # The worker keeps its own checkpoint in the ledger.
                    checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
                    callbacks=[progress, Ends(), watch],
                    verbose=0,
                ),
            )
            with tolerates_losses():
                tuner.fit()
            watch.stop_if_ended()
        except RayDiedError as died:
            raise StudyStoppedError(str(died)) from died
        except BugError as bug:
            for name in bug.trials:
                ledger.reopen(name)
            raise
        finally:
            progress.close()
            shutil.rmtree(scratch, ignore_errors=True)
        num_ended = sum(entry.finished for entry in ledger.entries(phase))
        if num_ended < num_trials:
            raise StudyStoppedError(f"The {phase} phase stopped after {num_ended} of its {num_trials} trials.")

    def _bundle(self) -> tune.PlacementGroupFactory:
        """What one trial takes of one node, and which nodes it may take it of."""
        asked = self.study.resources
        bundle = {"CPU": asked.cpus_per_trial, "GPU": self.placement.gpus_per_trial}
        if asked.accelerator_type is not None:
            # Ray gives every node with such a GPU one of these, however many GPUs it has.
            bundle[f"accelerator_type:{asked.accelerator_type}"] = 0.001
        left_out = self.placement.left_out
        labels = [{"ray.io/node-id": f"!in({','.join(left_out)})"}] if left_out else None
        return tune.PlacementGroupFactory([bundle], bundle_label_selector=labels)

    def _ready(self) -> None:
        if self.is_local:
            # Ray starts one worker a core with itself; where slots are more, the others come later.
            wait_for_workers(min(self.placement.num_slots, int(ray.cluster_resources().get("CPU", 0))))


def _dirname(trial: Any) -> str:
    return str(trial.trial_id)
