"""A launch as a process: started, waited for, killed with everything it started."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from study.ledger.ledger import Ledger
from study.storage.path import StoragePath
from tests.study.commands import TINTUNE, environment


def start(folder: Path, *flags: str, command: Sequence[str] = TINTUNE) -> subprocess.Popen[bytes]:
    """`tintune launch` of the study in `folder` on one slot, in a process group of its own."""
    slots = str(os.cpu_count() or 1)
    one_slot = ("--set", f"resources.cpus_per_trial={slots}", "--set", "base.num_threads=1")
    # A local ray.init() anywhere in this process turned the token on for every cluster that it starts later.
    token = {name: value for name, value in os.environ.items() if name.startswith("RAY_AUTH") and "--address" in flags}
    with (folder / "launch.log").open("ab") as log:
        return subprocess.Popen(
            [*command, "launch", "study.yaml", *one_slot, *flags],
            cwd=folder, env={**environment(folder), **token}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def said(folder: Path) -> str:
    """The end of what the launch printed."""
    return (folder / "launch.log").read_text()[-3000:]


def finish(folder: Path, *flags: str) -> None:
    process = start(folder, *flags)
    assert process.wait(timeout=600) == 0, said(folder)


def num_epochs(folder: StoragePath) -> int:
    ledger = Ledger(folder / "studies" / "analytic")
    return sum(len(ledger.records(name)) for name in ledger.names())


def wait_for_epochs(folder: Path, number: int, process: subprocess.Popen[bytes]) -> None:
    """Returns when the ledger holds that many records; fails if the study ends before."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if num_epochs(folder) >= number:
            return
        assert process.poll() is None, said(folder)
        time.sleep(0.05)
    raise AssertionError(f"{number} epochs were not reached")


def kill_everything(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the driver and all it started."""
    for pid in family(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def workers(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes that train. Ray's own agents are called ray:: as well; without them the whole node dies."""
    found = []
    for pid in family(process.pid):
        with suppress(OSError):
            if b"Trainable" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def family(pid: int) -> list[int]:
    """A process and all its descendants; Ray's stand in groups of their own."""
    members = [pid]
    for member in members:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            with suppress(OSError):
                members += [int(child) for child in children.read_text().split()]
    return members
