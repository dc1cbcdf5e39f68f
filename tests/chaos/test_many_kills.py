"""Drivers, workers and the MLflow server killed at random: no trial is lost, none runs twice, nothing is left running.

`make chaos` does it at full size: 20 kills in a study of 60 trials; otherwise 4 kills in one of 12 or more.
"""

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from study.ledger.ledger import Ledger
from tests.chaos.processes import finish, kill_everything, num_epochs, said, start, workers
from tests.chaos.test_kill import content
from tests.study.analytic import TEXT
from tests.study.commands import tintune, write_study
from tests.study.mlflow_servers import MlflowServer, assert_level

pytestmark = pytest.mark.full

FULL = os.environ.get("TINTUNE_CHAOS") == "full"
NUM_KILLS, TRIALS_PER_ARM, REPLICATES = (20, 14, 6) if FULL else (4, 2, 2)
STUDY = (
    TEXT.replace("{dataset: analytic}", "{dataset: analytic, epoch_seconds: 0.15}")
    .replace("trials_per_arm: 4", f"trials_per_arm: {TRIALS_PER_ARM}")
    .replace("replicates: 3", f"replicates: {REPLICATES}")
)
NUM_EPOCHS = 6 * 3 * (TRIALS_PER_ARM + REPLICATES)
"""Of the study, at least: joint confirms one setting or two."""


def test_random_kills_leave_the_study_that_was_never_disturbed(tmp_path: Path, server: MlflowServer) -> None:
    quiet, killed = tmp_path / "quiet", tmp_path / "killed"
    for folder in (quiet, killed):
        folder.mkdir()
        write_study(folder, STUDY)
    finish(quiet)
    flags = ("--tracking-uri", server.uri)
    chance = random.Random(0)
    victims = [chance.choice(["driver", "worker", "server"]) for _ in range(NUM_KILLS)]
    process = start(killed, *flags)
    for number, victim in enumerate(victims, start=1):
        # Spread over the study; each kill waits for its moment, and a little longer.
        while num_epochs(killed) < NUM_EPOCHS * number // (NUM_KILLS + 1):
            assert process.poll() is None, said(killed)
            time.sleep(0.05)
        time.sleep(chance.random())
        if victim == "server":
            server.kill()
            server.start()
        elif victim == "worker":
            for pid in workers(process)[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        else:
            kill_everything(process)
            process = start(killed, *flags)
    assert process.wait(timeout=600) == 0, said(killed)
    assert content(killed) == content(quiet)
    ledger = Ledger(killed / "studies" / "analytic")
    assert {entry.state for entry in ledger.entries()} == {"done"}
    done = tintune(killed, "sync", ledger.folder, "--tracking-uri", server.uri)
    assert done.returncode == 0, done.stderr
    assert_level(ledger, server.uri)
