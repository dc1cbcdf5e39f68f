"""Real MLflow servers, with SQLite or Postgres behind them, and the comparison of what they hold with a ledger."""

import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlflow.tracking import MlflowClient

from study.ledger.ledger import Ledger
from study.tracking.view import STATUS, STUDY_TAG, TRIAL_TAG
from tests.study.commands import closed_port, environment

HOST = "127.0.0.1"


class MlflowServer:
    """One address that a server may leave and come back to."""

    def __init__(self, folder: Path, backend: str = "", *flags: str, variables: dict[str, str] | None = None) -> None:
        self.folder, self.flags, self.variables = folder, flags, variables or {}
        folder.mkdir(exist_ok=True)
        self.backend = backend or f"sqlite:///{folder / 'server.db'}"
        self.port = closed_port()
        self.uri = f"http://{HOST}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self.port), "--workers", "1",
            "--backend-store-uri", self.backend, "--artifacts-destination", str(self.folder / "artifacts"), *self.flags,
        ]  # fmt: skip
        variables = {**environment(self.folder), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **self.variables}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=variables, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.folder / "server.log").read_text()[-3000:]
            with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return
            time.sleep(0.3)
        raise AssertionError(f"{self.uri} does not answer")

    def kill(self) -> None:
        """SIGKILL to the server and all it started."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def postgres() -> Iterator[str]:
    """The URI of an empty Postgres database on loopback, in a folder that is gone afterwards."""
    found = shutil.which("initdb") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), None)
    assert found, "install postgresql; make test-all needs it"
    programs = Path(found).resolve().parent
    # Postgres refuses to run as root, and its own user must be able to enter the folder.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="tintune-postgres-"))
    if user:
        shutil.chown(folder, user)
    port = closed_port()
    run = {"user": user, "cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([programs / "initdb", "-D", folder / "data", "-U", "mlflow", "-A", "trust"], **run)  # type: ignore[call-overload]
    options = f"-h {HOST} -p {port} -k {folder}"
    control = [programs / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], **run)  # type: ignore[call-overload]
    try:
        yield f"postgresql+psycopg2://mlflow@{HOST}:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)  # type: ignore[call-overload]
        shutil.rmtree(folder)


def assert_level(ledger: Ledger, tracking_uri: str) -> None:
    """Every trial is shown once, under the study, with its end and with every metric of every epoch."""
    client = MlflowClient(tracking_uri=tracking_uri)
    experiment = client.get_experiment_by_name(ledger.folder.name)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    (parent,) = [run for run in runs if STUDY_TAG in run.data.tags]
    trials = [run for run in runs if TRIAL_TAG in run.data.tags]
    assert sorted(run.data.tags[TRIAL_TAG] for run in trials) == ledger.names()
    assert parent.info.status == "FINISHED"
    assert {"study.yaml", "fingerprint.json", "report", "results"} <= {
        one.path for one in client.list_artifacts(parent.info.run_id)
    }
    for run in trials:
        entry, records = ledger.entry(run.data.tags[TRIAL_TAG]), ledger.records(run.data.tags[TRIAL_TAG])
        assert run.info.status == STATUS[entry.state] and run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.params == {key: str(value) for key, value in entry.config.items()}
        numbers = {name for record in records for name, value in record.items() if not isinstance(value, str)}
        for name in numbers - {"epoch"}:
            shown = [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]
            kept = [(int(one["epoch"]), float(one[name])) for one in records if name in one]
            # What could not be measured is no number, and is not shown as one.
            assert sorted(shown) == [(epoch, value) for epoch, value in kept if math.isfinite(value)], name


def everything(tracking_uri: str) -> list[tuple[object, ...]]:
    """All that a server says of all runs of all experiments, deleted ones too."""
    client = MlflowClient(tracking_uri=tracking_uri)
    experiments = [one.experiment_id for one in client.search_experiments(view_type=3)]
    found: list[tuple[object, ...]] = []
    for run in client.search_runs(experiments, run_view_type=3, max_results=1000):
        histories = {
            name: [(one.step, one.timestamp, one.value) for one in client.get_metric_history(run.info.run_id, name)]
            for name in ("val/delta_e", "final/val/delta_e", "best/val/top1")
        }
        artifacts = [(one.path, one.file_size) for one in client.list_artifacts(run.info.run_id)]
        found.append((run.info.run_id, str(run.info), run.data.metrics, run.data.tags, histories, artifacts))
    return sorted(found, key=lambda one: str(one[0]))
