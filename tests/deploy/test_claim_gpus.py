"""Workers of one machine share its GPUs out among themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.compose import ROOT

CLAIM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from claim_gpus import claim
print(claim(Path(sys.argv[2]), int(sys.argv[3]), 3), flush=True)
sys.stdin.read()
"""


def _worker(folder: Path, wanted: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(ROOT / "deploy"), str(folder), str(wanted)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _said(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "gpus"


def test_each_worker_gets_gpus_of_its_own_until_none_is_left(folder: Path) -> None:
    first, second, third = _worker(folder, 1), None, None
    try:
        assert _said(first) == "[0]"
        second = _worker(folder, 2)
        assert _said(second) == "[1, 2]"
        third = _worker(folder, 1)
        _, error = third.communicate(timeout=60)
        assert third.returncode == 1 and "asks for 1 of 3 GPUs, but only 0 are free" in error
        # However a worker ends, its GPUs are free again.
        first.kill()
        first.wait()
        third = _worker(folder, 1)
        assert _said(third) == "[0]"
    finally:
        for worker in (first, second, third):
            if worker is not None:
                worker.kill()
                worker.communicate()


def test_the_lock_outlives_the_change_into_the_command(folder: Path) -> None:
    become = CLAIM.replace("sys.stdin.read()", "import os; os.execvp('cat', ['cat'])")
    worker = subprocess.Popen(
        [sys.executable, "-c", become, str(ROOT / "deploy"), str(folder), "3"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert worker.stdin is not None
    assert _said(worker) == "[0, 1, 2]"
    print("now cat", file=worker.stdin, flush=True)
    assert _said(worker) == "now cat"
    late = _worker(folder, 1)
    assert "only 0 are free" in late.communicate(timeout=60)[1]
    worker.communicate()
