"""One driver per study: whoever holds the lease may write the ledger's entries."""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from study.files import write_json

RENEW_SECONDS = 5.0
VOID_SECONDS = 30.0


class LeaseHeldError(ValueError):
    """Another driver is at work on the study."""


def holder(folder: Path) -> str:
    """The token of the driver that may write, or an empty string."""
    return str(_read(folder).get("token", ""))


@contextmanager
def lease(folder: Path) -> Iterator[str]:
    """Holds the study's lease while the block runs, and gives its token.

    Raises:
        LeaseHeldError: another driver holds it and is not known to be dead.
    """
    current = _read(folder)
    if current and not _is_void(current):
        raise LeaseHeldError(
            f"The study in {folder} is being driven by process {current.get('pid')} on {current.get('host')}: "
            "wait for it to end, or stop it and launch again."
        )
    token = uuid.uuid4().hex
    stop = threading.Event()
    _renew(folder, token)

    def keep() -> None:
        while not stop.wait(RENEW_SECONDS):
            # A storage that stalls for a moment must not end the study; the next renewal says the same.
            with suppress(OSError):
                if holder(folder) != token:
                    return
                _renew(folder, token)

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield token
    finally:
        stop.set()
        thread.join()
        if holder(folder) == token:
            (folder / "lease.json").unlink(missing_ok=True)


def _renew(folder: Path, token: str) -> None:
    write_json(
        folder / "lease.json",
        {"token": token, "host": socket.gethostname(), "pid": os.getpid(), "renewed": time.time()},
    )


def _read(folder: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((folder / "lease.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return document


def _is_void(current: dict[str, Any]) -> bool:
    if time.time() - current.get("renewed", 0.0) > VOID_SECONDS:
        return True
    if current.get("host") != socket.gethostname():
        return False
    try:
        os.kill(current["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
