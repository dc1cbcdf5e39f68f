"""Runs the `tintune` command as a person does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.study.analytic import TEXT

TINTUNE = [sys.executable, "-m", "study"]


def write_study(folder: Path, text: str = TEXT) -> Path:
    path = folder / "study.yaml"
    path.write_text(text)
    return path


def environment(folder: Path) -> dict[str, str]:
    """Nothing of the person who runs the tests: cache of its own, no MLflow or Ray elsewhere."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "RAY_", "TINTUNE_"))}
    return {**kept, "TINTUNE_CACHE": str(folder / "cache"), "COLUMNS": "200"}


def tintune(folder: Path, *arguments: str | Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """The finished command, started in `folder`."""
    return subprocess.run(
        [*TINTUNE, *map(str, arguments)],
        cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def closed_port() -> int:
    """A port of loopback on which nothing listens, of those that the system hands out: tests run side by side, and the
    first free one would be another test's as well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
