"""What bookkeeping costs a full cluster: seconds per trial, ours beside Ray Tune, OptunaSearch and its MLflow callback.

    python benchmarks/study_overhead.py [--trials 128] [--rounds 3] [--slots 16]

Trials of 10 epochs that sleep 0.2 s and report 16 metrics each, on 16 slots that share this machine's cores, actors
reused, MLflow on SQLite. Ours is `tintune launch`, ledger and report included; the other is what a user would write.
The two take turns; a round's figure is the time per trial between the end of trial 16 and the end of the last but 16,
while every slot is busy, and the median of the rounds counts. Ours also says how long after the last trial's end
MLflow shows all of it. Prints a table and, last, a JSON line.
"""

import argparse
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from bookkeeping_study import bookkeeping_study

NUM_EPOCHS, EPOCH_SECONDS, NUM_METRICS = 10, 0.2, 21
RECORD_METRICS = 21
"""Numbers that a record of a search trial has beside `epoch`; `extra_metrics` adds what is missing."""
POLL_SECONDS = 0.25


def busy_seconds_per_trial(ends: list[float], num_slots: int) -> float:
    """Between the ends of the first and of the last trials while every slot is busy: of 128, the 16th and the 112th."""
    ends = sorted(ends)
    first, last = num_slots - 1, len(ends) - num_slots - 1
    return (ends[last] - ends[first]) / (last - first)


def run_ours(num_trials: int, num_slots: int, folder: Path) -> dict[str, float]:
    """`tintune launch` as a person types it."""
    study = bookkeeping_study(
        "overhead",
        "What does bookkeeping cost?",
        num_trials=num_trials,
        num_slots=num_slots,
        epochs=NUM_EPOCHS,
        sampler="tpe",
        data=f", epoch_seconds: {EPOCH_SECONDS}, extra_metrics: {NUM_METRICS - RECORD_METRICS}",
    )
    (folder / "overhead.yaml").write_text(study)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "RAY_"))}
    with (folder / "launch.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "study", "launch", "overhead.yaml"],
            cwd=folder, env={**kept, "TINTUNE_CACHE": str(folder / "cache")}, stdout=log, stderr=log,
        )  # fmt: skip
    ledger = folder / "studies" / "overhead"
    mlflow_level_at = time.time()
    while process.poll() is None:
        # A look at the database costs less than one through MLflow.
        if (ledger / "results").exists() and _num_level(folder / "studies" / "mlflow.db") < _num_trials(ledger):
            mlflow_level_at = time.time()
        time.sleep(POLL_SECONDS)
    if process.returncode:
        raise RuntimeError((folder / "launch.log").read_text()[-3000:])
    return figures_of(folder / "studies", num_trials, num_slots, mlflow_level_at)


def figures_of(studies: Path, num_trials: int, num_slots: int, mlflow_level_at: float) -> dict[str, float]:
    """What the ledger says of a finished launch, once it is clear that all of it was done and shown."""
    ledger = studies / "overhead"
    entries = [json.loads(path.read_text()) for path in ledger.glob("trials/*/trial.json")]
    assert all(entry["state"] == "done" for entry in entries)
    assert _num_level(studies / "mlflow.db") == len(entries)
    lines = [path.read_text().splitlines() for path in ledger.glob("trials/*-search-*/epochs.jsonl")]
    assert len(lines) == num_trials and all(len(records) == NUM_EPOCHS for records in lines)
    first = json.loads(lines[0][0])
    assert sum(isinstance(value, int | float) for name, value in first.items() if name != "epoch") == NUM_METRICS
    ends = {phase: [_seconds(e["ended"]) for e in entries if e["phase"] == phase] for phase in ("search", "confirm")}
    return {
        "seconds_per_trial": busy_seconds_per_trial(ends["search"], num_slots),
        "mlflow_level_after_seconds": max(0.0, mlflow_level_at - max(ends["confirm"])),
    }


def _seconds(time_utc: str) -> float:
    return datetime.fromisoformat(time_utc).timestamp()


def _num_trials(ledger: Path) -> int:
    return sum(1 for _ in ledger.glob("trials/*/trial.json"))


def _num_level(database: Path) -> int:
    """Trials whose run has all that the ledger has."""
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        query = "select count(*) from tags where key = 'tintune.synced' and value like 'done:%'"
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()


def run_stock(num_trials: int, num_slots: int, folder: Path) -> dict[str, float]:
    """The script below in a process of its own, as Ray and MLflow are loaded anew for ours."""
    command = [sys.executable, __file__, "--stock", str(folder), "--trials", str(num_trials), "--slots", str(num_slots)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return {"seconds_per_trial": busy_seconds_per_trial(json.loads(done.stdout.splitlines()[-1]), num_slots)}


def train(config: dict[str, Any]) -> None:
    """What a user would write: a loop that reports."""
    from ray import tune

    for epoch in range(NUM_EPOCHS):
        time.sleep(EPOCH_SECONDS)
        noise = random.random()
        metrics = {f"metric{number}": noise + number for number in range(NUM_METRICS - 1)}
        tune.report({"loss": (config["x"] - 0.3) ** 2 + 1 / (epoch + 1), **metrics})


def stock(num_trials: int, num_slots: int, folder: Path) -> None:
    """Prints the times at which the driver heard of each trial's end."""
    import ray
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.search.optuna import OptunaSearch

    ends: list[float] = []

    class Clock(tune.Callback):  # type: ignore[misc]
        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            ends.append(time.time())

    ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    mlflow_callback = MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment_name="stock")
    tune.Tuner(
        tune.with_resources(train, {"cpu": (os.cpu_count() or 1) / num_slots}),
        param_space={"x": tune.uniform(0, 1), "y": tune.loguniform(1e-4, 1), "z": tune.uniform(0, 0.6)},
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(), metric="loss", mode="min", num_samples=num_trials, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            name="stock", storage_path=str(folder), callbacks=[mlflow_callback, Clock()], verbose=0
        ),
    ).fit()
    ray.shutdown()
    print(json.dumps(ends))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=128, help="search trials, an even number")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stock", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    num_trials, num_slots = arguments.trials, arguments.slots
    ideal = NUM_EPOCHS * EPOCH_SECONDS / num_slots
    if arguments.stock:
        stock(num_trials, num_slots, arguments.stock)
        return
    if num_trials % 2 or num_trials <= 2 * num_slots + 1:
        raise ValueError(f"--trials must be even and above {2 * num_slots + 1}, but got {num_trials}.")
    results: dict[str, list[dict[str, float]]] = {"stock": [], "ours": []}
    for number in range(arguments.rounds):
        for name, run in (("stock", run_stock), ("ours", run_ours)):
            folder = Path(tempfile.mkdtemp(prefix=f"tintune-overhead-{name}-"))
            try:
                results[name].append(run(num_trials, num_slots, folder))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            print(f"round {number + 1}, {name}: {results[name][-1]}", file=sys.stderr, flush=True)
    seconds = {name: median(one["seconds_per_trial"] for one in rounds) for name, rounds in results.items()}
    level = median(one["mlflow_level_after_seconds"] for one in results["ours"])

    print(f"{'':14}{'s per trial':>14}{'over ideal':>14}{'MLflow level after':>22}")
    print(f"{'ideal':14}{ideal:14.3f}{1:14.2f}")
    for name, value in seconds.items():
        after = f"{level:20.1f} s" if name == "ours" else f"{'as it goes':>22}"
        print(f"{name:14}{value:14.3f}{value / ideal:14.2f}{after}")
    result = {
        "benchmark": "study_overhead",
        "num_trials": num_trials,
        "num_slots": num_slots,
        "num_rounds": arguments.rounds,
        "num_cores": os.cpu_count(),
        "ideal_seconds_per_trial": ideal,
        "stock_seconds_per_trial": round(seconds["stock"], 4),
        "ours_seconds_per_trial": round(seconds["ours"], 4),
        "stock_over_ideal": round(seconds["stock"] / ideal, 3),
        "ours_over_ideal": round(seconds["ours"] / ideal, 3),
        "mlflow_level_after_seconds": round(level, 1),
        "rounds": results,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
