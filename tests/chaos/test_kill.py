"""Whatever is killed, the same command continues, and with one slot the study is the one that was never disturbed."""

import json
import os
import signal
from pathlib import Path

import pytest

from study.ledger.ledger import Ledger
from study.storage.path import StoragePath
from tests.chaos.processes import finish, kill_everything, start, wait_for_epochs, workers
from tests.study.analytic import TEXT
from tests.study.commands import tintune, write_study
from trainables.records import Record, repeatable

pytestmark = pytest.mark.full

ORCHARD = (
    TEXT.replace(
        "{dataset: analytic}", "{dataset: orchard, image_size: 32, num_classes: 3, photos_per_class: 16, coupling: 1}"
    )
    .replace("epochs: 6,", "epochs: 6, width: 0.125, batch_size: 8, checkpoint_seconds: 0,")
    .replace("trials_per_arm: 4", "trials_per_arm: 2")
    .replace("replicates: 3", "replicates: 2")
)


def content(folder: StoragePath) -> dict[str, tuple[list[Record], dict[str, object]]]:
    """All a study decided and measured, without clocks."""
    ledger = Ledger(folder / "studies" / "analytic")
    found = {}
    for name in ledger.names():
        document = json.loads((ledger.trial_folder(name) / "trial.json").read_text())
        for clock in ("started", "ended"):
            document.pop(clock)
        found[name] = ([repeatable(record) for record in ledger.records(name)], document)
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    write_study(folder, ORCHARD)
    finish(folder)
    return folder


def test_a_study_killed_anywhere_continues_to_the_same_bits(undisturbed: Path, tmp_path: Path) -> None:
    write_study(tmp_path, ORCHARD)
    for moment in (1, 17, 30):
        process = start(tmp_path)
        wait_for_epochs(tmp_path, moment, process)
        kill_everything(process)
    finish(tmp_path)
    assert content(tmp_path) == content(undisturbed)


def test_a_lost_worker_ctrl_c_and_a_second_driver_leave_the_study_as_it_would_be(
    undisturbed: Path, tmp_path: Path
) -> None:
    """A worker is replaced and its trial continues; a second launch is refused, naming the first; Ctrl-C says how to
    go on."""
    write_study(tmp_path, ORCHARD)
    process = start(tmp_path)
    try:
        wait_for_epochs(tmp_path, 3, process)
        (worker,) = workers(process)
        os.kill(worker, signal.SIGKILL)
        one_slot = ("--set", f"resources.cpus_per_trial={os.cpu_count() or 1}", "--set", "base.num_threads=1")
        second = tintune(tmp_path, "launch", "study.yaml", *one_slot)
        assert second.returncode == 2 and f"process {process.pid}" in second.stderr
        wait_for_epochs(tmp_path, 8, process)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=120) == 1
    finally:
        if process.poll() is None:
            kill_everything(process)
    words = (tmp_path / "launch.log").read_text()
    assert "worker lost: " in words and " continues from epoch " in words
    assert "To continue" in words and "launch study.yaml" in words
    # What Ray has to say of it is kept for whoever asks.
    assert "Traceback" not in words and "ActorDiedError" not in words
    assert "ActorDiedError" in (tmp_path / "studies" / "analytic" / "ray.log").read_text()
    finish(tmp_path)
    assert content(tmp_path) == content(undisturbed)


def test_replacing_every_test_pixel_by_noise_leaves_the_search_ledger_identical(
    undisturbed: Path, tmp_path: Path
) -> None:
    import numpy as np

    from study.data.photos import prepare_data
    from study.definition.load import parse_study

    write_study(tmp_path, ORCHARD)
    cache = tmp_path / "cache"
    os.environ["TINTUNE_CACHE"] = str(cache)
    try:
        from rich.console import Console

        _, prepared, cut = prepare_data(parse_study(ORCHARD).data_config(), Console(quiet=True))
    finally:
        del os.environ["TINTUNE_CACHE"]
    assert prepared is not None
    pixels = np.load(prepared / "pixels.npy")
    pixels[cut.test] = np.random.default_rng(0).integers(0, 256, pixels[cut.test].shape, dtype=np.uint8)
    np.save(prepared / "pixels.npy", pixels)
    finish(tmp_path)

    def of_phase(folder: Path, phase: str) -> dict[str, object]:
        return {name: one for name, one in content(folder).items() if f"-{phase}-" in name}

    assert of_phase(tmp_path, "search") == of_phase(undisturbed, "search")
    assert of_phase(tmp_path, "confirm") != of_phase(undisturbed, "confirm")
