"""MLflow's own pages over a store, on loopback."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

from mlflow.tracking import MlflowClient
from rich.console import Console

from study.tracking.address import sqlite_file, without_password
from trainables.files import default_cache

HOST = "127.0.0.1"
FIRST_PORT, LAST_PORT = 5000, 5050
CLOSING_SECONDS = 10.0
PAGES_ALONE = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_ENABLE_ASSISTANT_SANDBOX": "true"}
"""A study needs no job runners, which serve language models, and no assistant: whoever reaches the port could have that
run commands here. MLflow 3.17 cannot turn it off, but in a sandbox it runs none without Docker."""


def serve(tracking_uri: str, experiment: str, port: int | None, console: Console) -> None:
    """Serves the pages until interrupted; a store behind a server has its pages already, and they are named.

    Raises:
        ValueError: the port is taken, there is no store yet, or MLflow did not start.
    """
    if tracking_uri.startswith(("http://", "https://")):
        shown = without_password(tracking_uri)
        console.print(f"MLflow shows the study {experiment!r} at {shown}: open it in a browser.", soft_wrap=True)
        return
    chosen = free_port(port)
    file = sqlite_file(tracking_uri)
    if file is not None and not file.is_file():
        raise ValueError(
            f"There is no MLflow store at {file}: make it with tintune sync, or say where it is with --tracking-uri."
        )
    found = MlflowClient(tracking_uri=tracking_uri).get_experiment_by_name(experiment)
    # Without the word MLflow opens on language models.
    page = f"/#/experiments/{found.experiment_id}/runs?workflowType=machine_learning" if found else ""
    console.print(f"MLflow: http://{HOST}:{chosen}{page}   (Ctrl-C ends it)", soft_wrap=True)
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracking_uri, "--host", HOST]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # In a group of its own: MLflow starts further processes, and all of them end with us.
    environment = {**PAGES_ALONE, **os.environ}
    # MLflow's words advise how to open the pages to strangers.
    log = default_cache() / "mlflow-pages.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as words:
        server = subprocess.Popen(
            [*command, "--port", str(chosen), "--workers", "1"],
            start_new_session=True, env=environment, stdout=words, stderr=words,
        )  # fmt: skip
    try:
        server.wait()
        raise ValueError(f"MLflow ended by itself; its words are in {log}.")
    except KeyboardInterrupt:
        console.print("MLflow's pages are closed.")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def free_port(port: int | None) -> int:
    """The port asked for, or the first free one from 5000 on."""
    if port is not None:
        if not _is_free(port):
            raise ValueError(
                f"Port {port} is in use or not open to you: choose another with --port, or leave the flag out."
            )
        return port
    for candidate in range(FIRST_PORT, LAST_PORT):
        if _is_free(candidate):
            return candidate
    raise ValueError(f"No port from {FIRST_PORT} to {LAST_PORT - 1} is free: choose one with --port.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port that a closed connection still lingers on may be taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
