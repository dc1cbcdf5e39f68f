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


@pytest.mark.parametrize("moments", [(1, 10), (17, 30)])
def test_a_study_killed_anywhere_continues_to_the_same_bits(
    undisturbed: Path, tmp_path: Path, moments: tuple[int, ...]
) -> None:
    write_study(tmp_path, ORCHARD)
    for moment in moments:
        process = start(tmp_path)
        wait_for_epochs(tmp_path, moment, process)
        kill_everything(process)
    finish(tmp_path)
    assert content(tmp_path) == content(undisturbed)


def test_a_killed_worker_is_replaced_and_its_trial_continues(undisturbed: Path, tmp_path: Path) -> None:
    write_study(tmp_path, ORCHARD)
    process = start(tmp_path)
    wait_for_epochs(tmp_path, 3, process)
    found = workers(process)
    assert found
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    assert process.wait(timeout=400) == 0
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


def test_ctrl_c_stops_cleanly_and_says_how_to_continue(undisturbed: Path, tmp_path: Path) -> None:
    write_study(tmp_path, ORCHARD)
    process = start(tmp_path)
    wait_for_epochs(tmp_path, 4, process)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=120) == 1
    said = (tmp_path / "launch.log").read_text()
    assert "To continue" in said and "launch study.yaml" in said and "Traceback" not in said
    finish(tmp_path)
    assert content(tmp_path) == content(undisturbed)


def test_a_second_launch_is_refused_naming_the_first(tmp_path: Path) -> None:
    write_study(tmp_path, ORCHARD)
    process = start(tmp_path)
    try:
        wait_for_epochs(tmp_path, 1, process)
        second = tintune(tmp_path, "launch", "study.yaml", "--set", f"resources.cpus_per_trial={os.cpu_count() or 1}",
                           "--set", "base.num_threads=1")  # fmt: skip
        assert second.returncode == 2 and f"process {process.pid}" in second.stderr
    finally:
        kill_everything(process)
