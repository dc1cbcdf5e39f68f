"""The process beside the driver that keeps MLflow level with the ledger while the study runs."""

import argparse
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from study.ledger.ledger import Ledger
from study.storage.path import StoragePath, is_storage_error, storage_path, workplace
from study.tracking.address import be_patient, without_password

POLL_SECONDS, FIRST_LOOK_SECONDS = 3.0, 0.5
"""Between two rounds, and between two looks for the first record."""
NICENESS = 5
"""It gives way to the driver and to the trials."""


def follow(folder: StoragePath, tracking_uri: str, parent: int) -> None:
    """Syncs every few seconds until told to end or the driver is gone, and once more after that, from scratch."""
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    # Ctrl-C reaches the whole group of processes; the driver says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    ledger = Ledger(folder)
    # Until there is something to show, the cores are the study's: MLflow takes seconds to load.
    while not (ending.is_set() or os.getppid() != parent or has_records(ledger)):
        ending.wait(FIRST_LOOK_SECONDS)
    from study.tracking.view import MlflowView

    view: MlflowView | None = None
    while True:
        last_round = ending.is_set() or os.getppid() != parent
        began = time.monotonic()
        try:
            if view is None or last_round:
                view = MlflowView(folder, tracking_uri)
            view.sync(None if last_round else ending.wait)
        # Whatever a server or a store answers, the study goes on; the next round tries again, from what is there.
        except Exception:
            view = None
            logging.getLogger(__name__).warning("MLflow is behind the ledger", exc_info=True)
            if last_round or ending.is_set():
                sys.exit(1)
        if last_round:
            return
        # A slow store gets half of the time at most, here and, while it catches up, between two trials.
        ending.wait(max(POLL_SECONDS, time.monotonic() - began))


def has_records(ledger: Ledger) -> bool:
    """Whether a trial of the study has recorded anything."""
    try:
        return any(ledger.records(name) for name in ledger.names())
    except Exception as error:
        if not is_storage_error(error):
            raise
        return False


@contextmanager
def kept_level(folder: StoragePath, tracking_uri: str, console: Console) -> Iterator[None]:
    """Keeps MLflow level with the ledger from a process of its own while the block runs."""
    with (workplace(folder) / "mlflow.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "study.tracking.follow", str(folder), tracking_uri, str(os.getpid())],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        try:
            behind = process.wait(timeout=120) != 0
        except subprocess.TimeoutExpired:
            process.kill()
            behind = True
        if behind:
            console.print(
                f"MLflow at {without_password(tracking_uri)} could not be brought level (see "
                f"{workplace(folder)}/mlflow.log); nothing is lost: tintune sync {folder}"
            )


def main() -> None:
    """Entry point of the process beside the driver."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=storage_path)
    parser.add_argument("tracking_uri")
    parser.add_argument("parent", type=int, help="process id of the driver")
    arguments = parser.parse_args()
    be_patient()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.Formatter.converter = time.gmtime
    follow(arguments.folder, arguments.tracking_uri, arguments.parent)


if __name__ == "__main__":
    main()
