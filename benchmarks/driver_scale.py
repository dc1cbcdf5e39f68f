"""Whether the driver's work per trial stays flat: CPU seconds around trial 10,000 over those around trial 500.

    python benchmarks/driver_scale.py [--trials 10400] [--early 500] [--late 10000] [--window 400]

`tintune launch` on a study of analytic trials of one epoch, 16 slots that share this machine's cores, random sampler.
The CPU time and memory of the driver's process are read from outside twice a second and laid beside the times at which
trials ended; workers and MLflow are processes of their own and not counted. Prints a table and, last, a JSON line.
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
from datetime import datetime
from pathlib import Path

import numpy as np
from bookkeeping_study import bookkeeping_study

NUM_SLOTS, EARLY, LATE = 16, 500, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_400, help="search trials, an even number")
    parser.add_argument("--early", type=int, default=EARLY)
    parser.add_argument("--late", type=int, default=LATE)
    parser.add_argument("--window", type=int, default=400, help="trials over which a cost is averaged")
    parser.add_argument("--slots", type=int, default=NUM_SLOTS)
    arguments = parser.parse_args()
    half = arguments.window // 2
    if not half < arguments.early < arguments.late <= arguments.trials - half:
        raise ValueError("--early and --late need half a --window of trials on either side, within --trials.")
    folder = Path(tempfile.mkdtemp(prefix="tintune-scale-"))
    try:
        text = bookkeeping_study(
            "scale",
            "Does the driver's work per trial stay flat?",
            num_trials=arguments.trials,
            num_slots=arguments.slots,
            epochs=1,
            sampler="random",
        )
        (folder / "scale.yaml").write_text(text)
        samples, memory_gib = _drive(folder)
        documents = [json.loads(path.read_text()) for path in folder.glob("studies/scale/trials/*-search-*/trial.json")]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ends = np.sort([datetime.fromisoformat(one["ended"]).timestamp() for one in documents if one["ended"]])
    clock, cpu = np.array(samples).T
    cpu_at_end = np.interp(ends, clock, cpu)

    def cost(around: int) -> tuple[float, float]:
        """CPU seconds of the driver and wall seconds, per trial around a trial."""
        first, last = around - half - 1, around + half - 1
        return tuple((x[last] - x[first]) / (last - first) for x in (cpu_at_end, ends))  # type: ignore[return-value]

    early, late = cost(arguments.early), cost(arguments.late)
    print(f"{'around trial':>14}{'driver, CPU ms/trial':>22}{'wall ms/trial':>16}")
    for number, (cpu_seconds, wall_seconds) in ((arguments.early, early), (arguments.late, late)):
        print(f"{number:14,}{1e3 * cpu_seconds:22.2f}{1e3 * wall_seconds:16.2f}")
    print(
        f"{'ratio':>14}{late[0] / early[0]:22.2f}{late[1] / early[1]:16.2f}   driver's peak memory {memory_gib:.2f} GiB"
    )
    result = {
        "benchmark": "driver_scale",
        "num_trials": len(ends),
        "num_slots": arguments.slots,
        "num_cores": os.cpu_count(),
        "early": arguments.early,
        "late": arguments.late,
        "window": 2 * half,
        "early_cpu_seconds_per_trial": round(early[0], 6),
        "late_cpu_seconds_per_trial": round(late[0], 6),
        "ratio": round(late[0] / early[0], 3),
        "wall_ratio": round(late[1] / early[1], 3),
        "peak_memory_gib": round(memory_gib, 3),
    }
    print(json.dumps(result))


def _drive(folder: Path) -> tuple[list[tuple[float, float]], float]:
    """Launches the study, ends it when the search is over, and gives (time, CPU seconds) and the peak memory in GiB."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "RAY_"))}
    with (folder / "launch.log").open("w") as log:
        driver = subprocess.Popen(
            [sys.executable, "-m", "study", "launch", "scale.yaml"],
            cwd=folder, env={**kept, "TINTUNE_CACHE": str(folder / "cache")}, stdout=log, stderr=log,
        )  # fmt: skip
    samples: list[tuple[float, float]] = []
    memory_kib, said = 0, 0.0
    trials = folder / "studies" / "scale" / "trials"
    while driver.poll() is None:
        fields = Path(f"/proc/{driver.pid}/stat").read_text().rpartition(")")[2].split()
        samples.append((time.time(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")))
        for line in Path(f"/proc/{driver.pid}/status").read_text().splitlines():
            memory_kib = max(memory_kib, int(line.split()[1])) if line.startswith("VmHWM") else memory_kib
        names = os.listdir(trials) if trials.exists() else []
        if any("-confirm-" in name for name in names):
            driver.send_signal(signal.SIGINT)
            driver.wait(timeout=300)
        if time.time() - said > 30:
            said = time.time()
            print(f"{len(names)} trials, {samples[-1][1]:.0f} s of the driver's CPU", file=sys.stderr, flush=True)
        time.sleep(0.5)
    if not any(trials.glob("*-confirm-*")):
        raise RuntimeError((folder / "launch.log").read_text()[-3000:])
    return samples, memory_kib / 2**20


if __name__ == "__main__":
    main()
