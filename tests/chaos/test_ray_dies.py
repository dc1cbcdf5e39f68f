"""Ray's own processes die under a study, or never start: a sentence within a bounded time, nothing lost."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from study.ledger.ledger import Ledger
from tests.chaos.processes import family, finish, start, wait_for_epochs
from tests.chaos.test_storage import STUDY, assert_stops
from tests.study.commands import TINTUNE, environment, write_study

pytestmark = pytest.mark.full


def vital(process: subprocess.Popen[bytes], name: str) -> int:
    """The process of that name which this launch started; others on the machine are not ours."""
    for pid in family(process.pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if Path(command[0].decode()).name == name:
            return pid
    raise AssertionError(f"{name} is not running")


@pytest.mark.parametrize(("name", "called"), [("raylet", "raylet"), ("gcs_server", "GCS")])
def test_a_study_whose_ray_dies_ends_with_a_sentence(tmp_path: Path, name: str, called: str) -> None:
    write_study(tmp_path, STUDY)
    process = start(tmp_path)
    wait_for_epochs(tmp_path, 4, process)
    os.kill(vital(process, name), signal.SIGKILL)
    assert_stops(process, tmp_path, f"Ray's {called} on this machine died")
    if name == "gcs_server":
        return
    finish(tmp_path)
    assert {entry.state for entry in Ledger(tmp_path / "studies" / "analytic").entries()} == {"done"}


def test_a_study_whose_cluster_loses_its_head_ends_with_a_sentence_and_continues_on_another(tmp_path: Path) -> None:
    write_study(tmp_path, STUDY)
    first = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    address = first.address
    try:
        process = start(tmp_path, "--set", "resources.cpus_per_trial=1", "--address", address)
        wait_for_epochs(tmp_path, 4, process)
        first.head_node.kill_gcs_server(check_alive=False)
        assert_stops(process, tmp_path, f"The head of the Ray cluster at {address} is gone")
    finally:
        first.shutdown()
    finish(tmp_path)
    assert {entry.state for entry in Ledger(tmp_path / "studies" / "analytic").entries()} == {"done"}


def test_a_ray_that_does_not_start_is_a_sentence(tmp_path: Path) -> None:
    write_study(tmp_path, STUDY)
    (tmp_path / "file").touch()
    done = subprocess.run(
        [*TINTUNE, "launch", "study.yaml"],
        cwd=tmp_path, env={**environment(tmp_path), "RAY_TMPDIR": str(tmp_path / "file")},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr, done.stderr
    assert "Ray did not start on this machine" in done.stdout and "To continue" in done.stdout
