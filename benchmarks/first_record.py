"""From `tintune launch` to the first record in the ledger: what a person waits for before anything is seen.

    python benchmarks/first_record.py [--rounds 3] [--limit 15]

The built-in orchard, prepared anew in each round, on this machine's cores; the study is ended after its first record.
Beside it what the same machine needs for the parts nobody can spare: to load torch, and to start Ray. Prints a table
and, last, a JSON line.
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
from pathlib import Path
from statistics import median

LIMIT_SECONDS = 15.0

STUDY = """\
name: first
question: How long until something is seen?
data: {dataset: orchard, image_size: 32}
base: {epochs: 2, optimizer: adamw, width: 0.125}
space:
  learning_rate: {log_uniform: [1.0e-4, 3.0e-2]}
arms:
  joint: {class_loss_weight: {log_uniform: [1.0e-4, 1.0]}}
  color_only: {class_loss_weight: 0}
objectives: {val/delta_e: min}
contrasts:
  color: {treatment: joint, control: color_only, metric: test/delta_e}
margin: {test/delta_e: 0.5}
search: {trials_per_arm: 2, sampler: random, rechecks: 0}
confirm: {replicates: 2}
"""
PARTS = {
    "python -c 'import torch'": "import torch",
    "ray.init and shutdown": "import ray; ray.init(address='local', include_dashboard=False, log_to_driver=False, "
    "logging_level='ERROR'); ray.shutdown()",
}


def first_record_seconds() -> float:
    """One launch in an empty folder with an empty cache."""
    folder = Path(tempfile.mkdtemp(prefix="tintune-first-"))
    try:
        (folder / "first.yaml").write_text(STUDY)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "RAY_"))}
        with (folder / "launch.log").open("w") as log:
            began = time.monotonic()
            driver = subprocess.Popen(
                [sys.executable, "-m", "study", "launch", "first.yaml"],
                cwd=folder, env={**kept, "TINTUNE_CACHE": str(folder / "cache")}, stdout=log, stderr=log,
            )  # fmt: skip
        while not list(folder.glob("studies/first/trials/*/epochs.jsonl")):
            if driver.poll() is not None:
                raise RuntimeError((folder / "launch.log").read_text()[-3000:])
            time.sleep(0.02)
        seconds = time.monotonic() - began
        driver.send_signal(signal.SIGINT)
        driver.wait(timeout=300)
        return seconds
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def part_seconds(code: str) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="seconds that must not be exceeded")
    arguments = parser.parse_args()
    found: dict[str, list[float]] = {name: [] for name in ("launch to first record", *PARTS)}
    for _ in range(arguments.rounds):
        found["launch to first record"].append(first_record_seconds())
        for name, code in PARTS.items():
            found[name].append(part_seconds(code))
    load = os.getloadavg()[0]
    print(f"{'':28}{'median':>9}{'least':>9}{'most':>9}  seconds, {os.cpu_count()} cores, load {load:.1f}")
    for name, seconds in found.items():
        print(f"{name:28}{median(seconds):9.1f}{min(seconds):9.1f}{max(seconds):9.1f}")
    result = {
        "benchmark": "first_record",
        "num_cores": os.cpu_count(),
        "load": round(load, 1),
        "rounds": arguments.rounds,
        "first_record_seconds": round(median(found["launch to first record"]), 2),
        "limit_seconds": arguments.limit,
        "reached": median(found["launch to first record"]) <= arguments.limit,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
