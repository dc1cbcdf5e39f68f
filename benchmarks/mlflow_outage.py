"""Whether a study notices that MLflow is gone: its wall time with a server silent for a third of it, over undisturbed.

    python benchmarks/mlflow_outage.py [--trials 48] [--rounds 3] [--silence stop]

Trials of 10 epochs that sleep 0.2 s, on as many slots as cores, with a real MLflow server on SQLite. The two take
turns. In the disturbed launch the server is stopped (SIGSTOP: connections hang) or killed (connections are refused)
from the first third of the search to the second. The wall time is that of the trials, from the first start to the last
end in the ledger: what follows waits for MLflow by design. That every metric of every epoch arrives after `sync` is
asserted in tests/study/tracking/test_view.py. Prints a table and, last, a JSON line.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from statistics import median

from study.tracking.pages import free_port

NUM_EPOCHS, EPOCH_SECONDS = 10, 0.2

STUDY = """\
name: outage
question: Does a study notice that MLflow is gone?
data: {{dataset: analytic, epoch_seconds: {epoch_seconds}}}
base: {{epochs: {epochs}, optimizer: adamw}}
space:
  learning_rate: {{log_uniform: [1.0e-4, 3.0e-2]}}
arms:
  joint: {{class_loss_weight: {{log_uniform: [1.0e-4, 1.0]}}}}
  color_only: {{class_loss_weight: 0}}
objectives: {{val/delta_e: min}}
contrasts:
  color: {{treatment: joint, control: color_only, metric: test/delta_e}}
margin: {{test/delta_e: 0.5}}
search: {{trials_per_arm: {trials_per_arm}, sampler: random, rechecks: 0}}
confirm: {{replicates: 2}}
resources: {{cpus_per_trial: 1}}
"""


class Server:
    """A real server that can be silenced: stopped with open connections, or killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port(None)
        self.uri = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}",
            "--artifacts-destination", str(self.folder / "artifacts"),
        ]  # fmt: skip
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)
        while True:
            with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return
            if self.process.poll() is not None:
                raise RuntimeError((self.folder / "server.log").read_text()[-3000:])
            time.sleep(0.3)

    def signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        self.process.wait()


def trial_seconds(num_trials: int, silence: str | None) -> float:
    """One launch in an empty folder, its server silenced for the middle third of the search or not."""
    folder = Path(tempfile.mkdtemp(prefix="tintune-outage-"))
    server = Server(folder)
    try:
        text = STUDY.format(epoch_seconds=EPOCH_SECONDS, epochs=NUM_EPOCHS, trials_per_arm=num_trials // 2)
        (folder / "outage.yaml").write_text(text)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "RAY_"))}
        with (folder / "launch.log").open("w") as log:
            driver = subprocess.Popen(
                [sys.executable, "-m", "study", "launch", "outage.yaml", "--tracking-uri", server.uri],
                cwd=folder, env={**kept, "TINTUNE_CACHE": str(folder / "cache")}, stdout=log, stderr=log,
            )  # fmt: skip
        trials = folder / "studies" / "outage" / "trials"
        if silence:
            _wait(trials, num_trials // 3, driver)
            server.signal(signal.SIGSTOP) if silence == "stop" else server.end()
            _wait(trials, 2 * num_trials // 3, driver)
            server.signal(signal.SIGCONT) if silence == "stop" else server.start()
        if driver.wait(timeout=1200):
            raise RuntimeError((folder / "launch.log").read_text()[-3000:])
        documents = [json.loads(path.read_text()) for path in trials.glob("*/trial.json")]
        assert all(one["state"] == "done" for one in documents)
        times = [datetime.fromisoformat(one[key]).timestamp() for one in documents for key in ("started", "ended")]
        return max(times) - min(times)
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(trials: Path, number: int, driver: subprocess.Popen[bytes]) -> None:
    """Returns when that many trials have been begun; a trial's folder is there before its first record."""
    while not trials.exists() or len(os.listdir(trials)) < number:
        if driver.poll() is not None:
            raise RuntimeError("The study ended before its server could be silenced: give it more --trials.")
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=48, help="search trials, an even number")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--silence", choices=("stop", "kill"), default="stop")
    arguments = parser.parse_args()
    found: dict[str, list[float]] = {"undisturbed": [], "silent a third": []}
    for round_ in range(1, arguments.rounds + 1):
        found["undisturbed"].append(trial_seconds(arguments.trials, None))
        found["silent a third"].append(trial_seconds(arguments.trials, arguments.silence))
        print(f"round {round_}: {found['undisturbed'][-1]:.1f} s, {found['silent a third'][-1]:.1f} s", flush=True)
    medians = {name: median(seconds) for name, seconds in found.items()}
    for name, seconds in found.items():
        print(f"{name:16}{medians[name]:8.1f} s   ({min(seconds):.1f} to {max(seconds):.1f})")
    ratio = medians["silent a third"] / medians["undisturbed"]
    print(f"ratio {ratio:.3f}")
    result = {
        "benchmark": "mlflow_outage",
        "silence": arguments.silence,
        "num_trials": arguments.trials,
        "rounds": arguments.rounds,
        "num_cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "undisturbed_seconds": round(medians["undisturbed"], 2),
        "outage_seconds": round(medians["silent a third"], 2),
        "ratio": round(ratio, 4),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
