"""lease.py: one driver at a time, and a dead one does not block."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from study.errors import LeaseHeldError
from study.ledger import lease as lease_module
from study.ledger.lease import holder, lease


def write(folder: Path, **fields: object) -> None:
    document = {"token": "other", "host": socket.gethostname(), "pid": os.getpid(), "renewed": time.time(), **fields}
    (folder / "lease.json").write_text(json.dumps(document))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lease_is_held_inside_and_gone_after(tmp_path: Path) -> None:
    with lease(tmp_path) as token:
        assert holder(tmp_path) == token != ""
    assert holder(tmp_path) == ""


def test_a_second_driver_is_refused_naming_the_first(tmp_path: Path) -> None:
    with (
        lease(tmp_path),
        pytest.raises(LeaseHeldError, match=f"process {os.getpid()} on {socket.gethostname()}"),
        lease(tmp_path),
    ):
        pass


def test_the_lease_of_a_dead_process_of_this_host_is_void(tmp_path: Path) -> None:
    write(tmp_path, pid=dead_pid())
    with lease(tmp_path) as token:
        assert token != "other"


def test_the_lease_of_another_host_is_void_only_when_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.05)
    write(tmp_path, host="elsewhere", pid=dead_pid())
    with pytest.raises(LeaseHeldError, match="elsewhere"), lease(tmp_path):
        pass
    write(tmp_path, host="elsewhere", renewed=time.time() - 60)
    with lease(tmp_path) as token:
        assert token != "other"


def test_a_driver_that_lost_its_lease_leaves_the_new_one_alone(tmp_path: Path) -> None:
    with lease(tmp_path):
        write(tmp_path)
    assert holder(tmp_path) == "other"


class Clock:
    """A clock that a test sets; the lease is handed it, as the one edge where time comes in."""

    def __init__(self) -> None:
        self.jump = 0.0

    def __call__(self) -> float:
        return time.time() + self.jump


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_jumps_neither_loses_the_lease_nor_gives_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.1)
    ours, theirs = Clock(), Clock()
    with lease(tmp_path, clock=ours) as token:
        ours.jump = 3600.0 * hours
        first = (tmp_path / "lease.json").read_text()
        while (tmp_path / "lease.json").read_text() == first:
            time.sleep(0.02)
        # Renewed under the new time; for a machine that kept the old one it is hours old, or comes from the future.
        with pytest.raises(LeaseHeldError), lease(tmp_path, clock=theirs):
            pass
        theirs.jump = -3600.0 * hours
        with pytest.raises(LeaseHeldError), lease(tmp_path, clock=theirs):
            pass
        assert holder(tmp_path) == token
    assert holder(tmp_path) == ""


def test_a_dead_driver_s_lease_from_the_future_is_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.05)
    write(tmp_path, host="elsewhere", renewed=time.time() + 7200)
    with lease(tmp_path) as token:
        assert token != "other"
