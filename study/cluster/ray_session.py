"""Ray for the time of one study: started or connected to, quiet, looked after, ended."""

import atexit
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from study.errors import StudyStoppedError

VITAL = {"raylet": "raylet", "gcs_server": "GCS"}
"""Ray's processes without which nothing goes on, with the names that Ray's own pages use."""

CHECK_SECONDS, HELD_SECONDS = 1.0, 15.0
"""Between two looks at Ray's processes, and for the driver's loop to notice what happened to them by itself."""
SILENT_SECONDS = 20.0
"""For the head of a cluster before it counts as dead: Ray itself ends this process, without a word, after 60."""
LAST_SECONDS = 5.0
"""For a driver whose Ray died to say so and end."""

CONNECT_SECONDS = 5.0
"""For a port to open. Ray itself would try for minutes."""


@contextmanager
def session(address: str | None, command: str = "") -> Iterator[dict[str, float]]:
    """Connects to a cluster or starts Ray here, without dashboard and open to this machine alone; gives its resources.

    `command` is what continues the study, for the last words of a driver that a dead Ray holds.

    Raises:
        ValueError: nothing listens at the address.
        StudyStoppedError: Ray did not start, or the cluster did not answer.
    """
    import ray

    if address:
        check_address(address)
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    # Ray's own loggers would write what the ledger already holds.
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    # Tune's snapshots of all trials are for Tuner.restore; a study is continued from its ledger.
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "1e9"
    # A trial that asks for no GPU must not see one.
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "1"
    local = {} if address else {"include_dashboard": False}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **local)
    # Ray raises Exception itself where a process of its own did not come up in time.
    except Exception as error:
        where = f"The Ray cluster at {address} does not answer" if address else "Ray did not start on this machine"
        raise StudyStoppedError(
            f"{where}: {str(error).strip().splitlines()[0]} Look at the machine's load, memory and /tmp/ray."
        ) from error
    ended = threading.Event()
    head = _Head(ray.get_runtime_context().gcs_address) if address else None
    threading.Thread(target=_watch, args=(ended, command, head), name="ray-watch", daemon=True).start()
    try:
        yield ray.cluster_resources()
    finally:
        ended.set()
        _abandon() if dead() else ray.shutdown()
        _silent_heads.clear()


class _Head:
    """Another machine's GCS, whose process cannot be seen from here: whether anything listens where it was."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard = time.monotonic()

    def listen(self) -> None:
        """Notes the head as dead once nothing has listened for SILENT_SECONDS."""
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CHECK_SECONDS).close()
        except OSError:
            if time.monotonic() - self.heard > SILENT_SECONDS:
                _silent_heads.add(self.address)
        else:
            self.heard = time.monotonic()
            _silent_heads.discard(self.address)


_silent_heads: set[str] = set()
"""Heads that the watching thread found dead."""


def _watch(ended: threading.Event, command: str, head: _Head | None) -> None:
    """Says that Ray died and ends this process where a call into Ray does not come back: Ray would, without a word,
    after a minute."""
    while not ended.wait(CHECK_SECONDS):
        if head is not None:
            head.listen()
        died = dead()
        if died and not ended.wait(HELD_SECONDS):
            print(f"{died} Nothing is lost. To continue:\n  {command}", flush=True)
            _kill_rest()
            os._exit(1)


def dead() -> str:
    """Which vital process has died, of this driver's own Ray or the head of its cluster; empty where all live."""
    if _silent_heads:
        return f"The head of the Ray cluster at {', '.join(_silent_heads)} is gone: start the cluster again."
    from ray._private import worker

    # Ray says this nowhere in public: its loop waits for a dead raylet without end.
    node = worker._global_node
    names = [VITAL[kind] for kind, _ in node.dead_processes() if kind in VITAL] if node is not None else []
    if not names:
        return ""
    return f"Ray's {' and '.join(names)} on this machine died (killed, or out of memory)."


def _abandon() -> None:
    """Ends what is left of a Ray that died, and this process if Ray holds it: its own shutdown waits a minute for it.

    The workers end by themselves when their raylet is gone.
    """
    from ray._private import worker

    atexit.unregister(worker.shutdown)
    _kill_rest()
    last = threading.Timer(LAST_SECONDS, os._exit, (1,))
    last.daemon = True
    last.start()


def _kill_rest() -> None:
    """Kills the processes of Ray that this driver started and that still live, and what those started: a worker that is
    still loading would look for its dead GCS for a minute."""
    # Ray brings psutil along.
    import psutil  # type: ignore[import-untyped]
    from ray._private import worker

    started: list[Any] = []
    for infos in worker._global_node.all_processes.values():
        for info in infos:
            with suppress(psutil.Error):
                started += psutil.Process(info.process.pid).children(recursive=True)
    worker._global_node.kill_all_processes(check_alive=False, allow_graceful=False)
    for process in started:
        with suppress(psutil.Error):
            process.kill()


@contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Sends what Ray and its libraries write to standard error into a file: tracebacks of lost workers, mostly.

    Python's own errors are shown after the block; the study's words go to standard output.
    """
    from ray._private import worker

    sys.stderr.flush()
    shown, python, told = os.dup(2), sys.stderr, worker.print_to_stdstream
    file = log.open("a", buffering=1)
    os.dup2(file.fileno(), 2)
    sys.stderr = file
    # Ray prints the errors of its own processes among the study's words.
    worker.print_to_stdstream = lambda data, ignore_prefix: told({**data, "is_err": True}, ignore_prefix)
    try:
        yield
    finally:
        worker.print_to_stdstream = told
        sys.stderr = python
        os.dup2(shown, 2)
        os.close(shown)
        # What a full storage could not take is no loss.
        with suppress(OSError):
            file.close()


def check_address(address: str) -> None:
    """Refuses the address of a Ray cluster where nothing listens, within seconds.

    Raises:
        ValueError: the address is not HOST:PORT, or nothing answers there.
    """
    if address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"A Ray cluster's address is HOST:PORT or auto, but --address or RAY_ADDRESS is {address!r}.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise ValueError(
            f"No Ray cluster answers at {address} ({error.strerror or error}): start one with ray start --head, "
            "correct --address or RAY_ADDRESS, or leave both out to use this machine."
        ) from error
