"""One driver per study: whoever holds the lease may write the ledger's entries."""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from study.errors import LeaseHeldError
from study.storage.failures import failure
from study.storage.files import read_json, write_json
from study.storage.path import StoragePath, is_storage_error

RENEW_SECONDS = 5.0
VOID_SECONDS = 30.0
WATCHED_RENEWALS = 3
"""So many renewals a lease may miss, watched by the clock that never jumps, before it is void."""


def holder(folder: StoragePath) -> str:
    """The token of the driver that may write, or an empty string."""
    return str(_read(folder).get("token", ""))


@contextmanager
def lease(folder: StoragePath, *, clock: Callable[[], float] = time.time) -> Iterator[str]:
    """Holds the study's lease while the block runs, and gives its token.

    Clocks differ between machines and jump: what `clock` says of a lease may refuse at once, but never takes over. A
    lease that looks old, or comes from the future, is watched: its driver renews it.

    Args:
        clock: seconds since 1970; the clock of this machine.

    Raises:
        LeaseHeldError: another driver holds it and is not known to be dead.
    """
    current = _read(folder)
    if current and not _is_void(folder, current, clock):
        raise LeaseHeldError(
            f"The study in {folder} is being driven by process {current.get('pid')} on {current.get('host')}: "
            "wait for it to end, or stop it and launch again."
        )
    token = uuid.uuid4().hex
    stop = threading.Event()
    _renew(folder, token, clock)

    def keep() -> None:
        while not stop.wait(RENEW_SECONDS):
            # A storage that stalls for a moment must not end the study; the next renewal says the same.
            with _forgiving():
                if holder(folder) != token:
                    return
                _renew(folder, token, clock)

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield token
    finally:
        stop.set()
        thread.join()
        # Where the storage is gone there is nothing to give back.
        with _forgiving():
            if holder(folder) == token:
                (folder / "lease.json").unlink(missing_ok=True)


@contextmanager
def _forgiving() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not is_storage_error(error):
            raise


def _renew(folder: StoragePath, token: str, clock: Callable[[], float]) -> None:
    write_json(
        folder / "lease.json",
        # A clock that stands still or jumps back may say the same twice; the renewal differs.
        {"token": token, "host": socket.gethostname(), "pid": os.getpid(), "renewed": clock(),
         "renewal": uuid.uuid4().hex[:8]},
    )  # fmt: skip


def _read(folder: StoragePath) -> dict[str, Any]:
    try:
        document: dict[str, Any] = read_json(folder / "lease.json")
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return document


def _is_void(folder: StoragePath, current: dict[str, Any], clock: Callable[[], float]) -> bool:
    if current.get("host") == socket.gethostname() and not _lives(current["pid"]):
        return True
    if 0 <= clock() - current.get("renewed", 0.0) <= VOID_SECONDS:
        return False
    until = time.monotonic() + WATCHED_RENEWALS * RENEW_SECONDS
    while time.monotonic() < until:
        time.sleep(RENEW_SECONDS / 5)
        if _read(folder) != current:
            return False
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def gone(folder: StoragePath, token: str) -> str:
    """What keeps this driver from its study's folder, with the remedy; empty where nothing does."""
    try:
        if holder(folder) == token:
            return ""
        if not (folder / "study.yaml").exists():
            return f"The storage is gone: {folder} is not there any more. Bring it back (is it still mounted?)."
    except Exception as error:
        if not is_storage_error(error):
            raise
        return failure(error, folder)
    return f"Another driver took over the study in {folder}. Let that one go on."
