"""Storage that is full or gone: one sentence, nothing half-written, no process left, the same bits after."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from study.ledger.ledger import Ledger
from study.storage.files import write_json
from tests.chaos.disks import fill, small_disk, take_away
from tests.chaos.processes import family, finish, kill_everything, said, start, wait_for_epochs
from tests.chaos.test_kill import content
from tests.study.analytic import TEXT
from tests.study.commands import TINTUNE, write_study

pytestmark = pytest.mark.full

STUDY = TEXT.replace("{dataset: analytic}", "{dataset: analytic, epoch_seconds: 0.2}").replace(
    "trials_per_arm: 4", "trials_per_arm: 2"
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    write_study(folder, STUDY.replace("epoch_seconds: 0.2", "epoch_seconds: 0"))
    finish(folder)
    return folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """What holds the ledger of a launch in tmp_path, apart from MLflow's store."""
    (tmp_path / "studies").mkdir()
    with small_disk(tmp_path / "studies" / "analytic", 64 * 1024) as mounted:
        yield mounted


def launch(folder: Path, command: Sequence[str] = TINTUNE) -> subprocess.Popen[bytes]:
    write_study(folder, STUDY)
    return start(folder, "--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}", command=command)


def assert_stops(process: subprocess.Popen[bytes], folder: Path, sentence: str) -> None:
    """It ends within a minute, with the sentence and without traceback, and takes all its processes with it."""
    members = family(process.pid)
    try:
        assert process.wait(timeout=90) == 1, said(folder)
        words = (folder / "launch.log").read_text()
        assert sentence in words and "To continue" in words and "Traceback" not in words, words
        deadline = time.monotonic() + 60
        while left := [pid for pid in members if is_running(pid)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.2)
    finally:
        if process.poll() is None:
            kill_everything(process)
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def same(folder: Path, undisturbed: Path) -> bool:
    def without_seconds(found: dict[str, tuple[list[dict[str, object]], dict[str, object]]]) -> object:
        for _, document in found.values():
            assert isinstance(document["data"], dict)
            document["data"].pop("epoch_seconds")
        return found

    return without_seconds(content(folder)) == without_seconds(content(undisturbed))  # type: ignore[arg-type]


def test_a_full_disk_stops_the_study_and_a_freed_one_continues(undisturbed: Path, disk: Path, tmp_path: Path) -> None:
    process = launch(tmp_path)
    wait_for_epochs(tmp_path, 8, process)
    filler = fill(disk)
    assert_stops(process, tmp_path, "No space left on device")
    assert "Free some space there." in said(tmp_path)
    # What was recorded by then is a part of the study that was never disturbed: nothing failed for lack of space.
    assert {entry.state for entry in Ledger(disk).entries()} <= {"queued", "running", "done"}
    assert not list(disk.glob("trials/*/*.tmp")) + list(disk.glob("trials/*/.*.tmp"))
    again = start(tmp_path, "--tracking-uri", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert_stops(again, tmp_path, "No space left on device")
    filler.unlink()
    finish(tmp_path, "--tracking-uri", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert same(tmp_path, undisturbed)


def test_an_unmounted_storage_stops_the_study_and_leaves_nothing_beneath_it(disk: Path, tmp_path: Path) -> None:
    process = launch(tmp_path)
    wait_for_epochs(tmp_path, 4, process)
    take_away(disk)
    assert_stops(process, tmp_path, "(is it still mounted?)")
    assert list(disk.iterdir()) == []


def test_a_folder_that_is_moved_away_stops_the_study_and_moved_back_continues_it(
    undisturbed: Path, tmp_path: Path
) -> None:
    process = launch(tmp_path)
    wait_for_epochs(tmp_path, 8, process)
    folder = tmp_path / "studies" / "analytic"
    folder.rename(tmp_path / "elsewhere")
    assert_stops(process, tmp_path, "(is it still mounted?)")
    assert not folder.exists()
    (tmp_path / "elsewhere").rename(folder)
    finish(tmp_path, "--tracking-uri", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert same(tmp_path, undisturbed)


def test_the_reason_is_said_too_where_the_workers_find_it_before_the_driver(tmp_path: Path) -> None:
    blind = (
        "from study.execution import callbacks; callbacks.CHECK_SECONDS = 1e12; from study.cli.main import main; main()"
    )
    process = launch(tmp_path, [sys.executable, "-c", blind])
    wait_for_epochs(tmp_path, 4, process)
    write_json(tmp_path / "studies" / "analytic" / "lease.json", {"token": "another driver's"})
    assert_stops(process, tmp_path, "Another driver took over")
