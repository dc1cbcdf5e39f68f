"""callbacks.py: lost workers that count and that do not, bugs that stop a study, arms without settings; all in Ray."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune

from study.execution.callbacks import MAX_LOSSES, NUM_SAME, Ends
from study.execution.tune_loop import tolerates_losses
from study.ledger.ledger import Ledger
from tests.study.analytic import TEXT
from tests.study.commands import tintune, write_study

pytestmark = pytest.mark.full


class Dying(tune.Trainable):  # type: ignore[misc]
    """Records 8 epochs in a file; its worker dies before some of them, as often as the config says."""

    def setup(self, config: dict[str, Any]) -> None:
        self.folder = Path(config["folder"])

    def step(self) -> dict[str, Any]:
        epoch = len(list(self.folder.glob("record*"))) + 1
        lost = len(list(self.folder.glob(f"lost{epoch}-*")))
        if lost < self.config["losses"].get(epoch, 0):
            (self.folder / f"lost{epoch}-{lost}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (self.folder / f"record{epoch}").touch()
        return {"epoch": epoch, "done": epoch == 8}


def test_only_losses_without_a_new_record_count(tmp_path: Path) -> None:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        plans = {"often": {2: MAX_LOSSES - 1, 4: 2}, "stuck": {3: MAX_LOSSES}}
        for name in plans:
            (tmp_path / name).mkdir()
        configs = [
            {"trial": f"{name}-search-0", "setting": name, "folder": str(tmp_path / name), "losses": losses}
            for name, losses in plans.items()
        ]
        results = tune.Tuner(
            Dying,
            param_space=tune.grid_search(configs),
            run_config=tune.RunConfig(
                storage_path=str(tmp_path / "ray"),
                failure_config=tune.FailureConfig(max_failures=MAX_LOSSES - 1),
                # A checkpoint at the end, which Dying cannot make, would count as one more loss.
                checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
                callbacks=[Ends()],
                verbose=0,
            ),
        ).fit()
    finally:
        ray.shutdown()
    failed = {Path(result.config["folder"]).name: result.error is not None for result in results}
    assert failed == {"often": False, "stuck": True}


class DyingBetween(Dying):
    """Its worker dies while it is made, or readied for its next trial, as often as the config says."""

    def setup(self, config: dict[str, Any]) -> None:
        super().setup(config)
        self._maybe_die("setup")

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config = new_config
        super().setup(new_config)
        self._maybe_die("reset")
        return True

    def _maybe_die(self, moment: str) -> None:
        lost = len(list(self.folder.glob(f"{moment}-*")))
        if lost < self.config["between"].get(moment, 0):
            (self.folder / f"{moment}-{lost}").touch()
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_lost_between_trials_or_while_it_is_made_counts_once(tmp_path: Path) -> None:
    plans = {
        "first": {"setup": MAX_LOSSES - 1},
        "second": {"reset": 1},
        "third": {},
        "fourth": {"reset": 1, "setup": MAX_LOSSES - 2},
    }
    for name in plans:
        (tmp_path / name).mkdir()
    configs = [
        {"trial": f"{name}-search-0", "setting": name, "folder": str(tmp_path / name), "losses": {}, "between": between}
        for name, between in plans.items()
    ]
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        with tolerates_losses():
            results = tune.Tuner(
                tune.with_resources(DyingBetween, {"cpu": 1}),
                param_space=tune.grid_search(configs),
                tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=1),
                run_config=tune.RunConfig(
                    storage_path=str(tmp_path / "ray"),
                    failure_config=tune.FailureConfig(max_failures=MAX_LOSSES - 1),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
                    callbacks=[Ends()],
                    verbose=0,
                ),
            ).fit()
    finally:
        ray.shutdown()
    assert [result.error for result in results] == [None] * len(plans)
    assert all((tmp_path / name / "record8").exists() for name in plans)
    # The loss this is about has happened.
    assert list(tmp_path.glob("*/reset-0"))


def test_a_bug_stops_the_study_and_the_next_launch_tries_its_trials_again(tmp_path: Path) -> None:
    write_study(tmp_path)
    folder = tmp_path / "studies" / "analytic"
    ledger = Ledger(folder)
    folder.mkdir(parents=True)
    (folder / "study.yaml").write_text(TEXT)
    # All of one arm's: how its trials and the others' ends interleave is not known.
    names = [f"joint-search-{index}" for index in range(4)]
    for name in names:
        ledger.trial_folder(name).mkdir(parents=True)
        ledger.checkpoint(name).write_text('{"epoch": "a word where a number belongs"}')
    stopped = tintune(tmp_path, "launch", "study.yaml")
    assert stopped.returncode == 1, stopped.stdout + stopped.stderr
    assert "The same bug ended 3 trials in a row: ValueError at analytic_surface.py:" in stopped.stdout
    assert (
        sum(name in stopped.stdout for name in names) >= NUM_SAME and "a word where a number belongs" in stopped.stdout
    )
    assert "To continue" in stopped.stdout and "Traceback (most recent call last):\n" not in stopped.stderr
    assert not any(entry.state in ("failed", "stopped") for entry in ledger.entries())
    assert not any(entry.state == "done" for entry in ledger.entries() if entry.name in names)
    # The bug is mended; the trials that showed it have lost their checkpoints already.
    for name in names:
        ledger.checkpoint(name).unlink(missing_ok=True)
    done = tintune(tmp_path, "launch", "study.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {entry.state for entry in ledger.entries()} == {"done"}
    assert all(ledger.entry(name).failure_kind == "" for name in names)


ORCHARD = (
    TEXT.replace(
        "{dataset: analytic}", "{dataset: orchard, image_size: 32, num_classes: 3, photos_per_class: 16, coupling: 1}"
    )
    .replace("epochs: 6,", "epochs: 2, width: 0.125, batch_size: 8,")
    .replace("trials_per_arm: 4", "trials_per_arm: 2")
    .replace("replicates: 3", "replicates: 2")
)
EXPLODES = "optimizer: sgd, learning_rate: {log_uniform: [1.0e+18, 1.0e+20]}"


def test_an_arm_whose_search_failed_as_a_whole_is_named_and_the_others_are_confirmed(tmp_path: Path) -> None:
    write_study(tmp_path, ORCHARD.replace("color_only: {", f"color_only: {{{EXPLODES}, "))
    done = tintune(tmp_path, "launch", "study.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "color_only: no search trial reached its last epoch: 2 failed (2 not_finite). It has no settings" in done.stdout
    )
    ledger = Ledger(tmp_path / "studies" / "analytic")
    assert {entry.arm for entry in ledger.entries("confirm")} == {"joint", "class_only"}
    assert {entry.state for entry in ledger.entries("confirm")} == {"done"}


def test_a_study_whose_search_failed_as_a_whole_stops_with_a_sentence(tmp_path: Path) -> None:
    text = ORCHARD.replace("optimizer: adamw", "optimizer: sgd")
    write_study(tmp_path, text.replace("[1.0e-4, 3.0e-2]", "[1.0e+18, 1.0e+20]"))
    done = tintune(tmp_path, "launch", "study.yaml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "No search trial of any arm reached its last epoch" in done.stdout and "Traceback" not in done.stderr
