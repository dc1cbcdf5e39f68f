"""CPU seconds of whole trials: what a small training costs a CPU, from the first step to the last record.

    python benchmarks/trial_cpu_seconds.py [--rounds 5] [--against CHECKOUT]

Trains the three arms of the quickstart study, with fixed settings, one after another, `--rounds` times; each round is a
process of its own. Counted are user and system seconds of all threads in `start`, imports and photos left out; the
median counts. With --against the same trials are trained by another checkout of this repository, in turn with ours.
Prints a table and, last, one JSON line.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

DATA = {"dataset": "orchard", "image_size": 32, "num_classes": 6, "photos_per_class": 40, "coupling": 0.9}
BASE = {
    "epochs": 14, "batch_size": 16, "width": 0.125, "optimizer": "adamw", "schedule": "one_cycle",
    "learning_rate": 1e-2, "crop_min_area": 0.8, "diagnostics_every": 3, "device": "cpu", "precision": "float32",
}  # fmt: skip
ARMS = {
    "joint": {"class_loss_weight": 1e-2},
    "color_only": {"class_loss_weight": 0},
    "class_only": {"color_loss_weight": 0, "class_loss_weight": 1},
}
"""The quickstart study's, as they were when this benchmark was written."""


def measure() -> dict[str, float]:
    """CPU seconds by arm, in this process."""
    import tempfile

    from trainables.trial import Trial, images_of, start

    seconds = {}
    with tempfile.TemporaryDirectory() as cache:
        # What loads at the first step of a process is no trial's cost.
        for arm in ("warm-up", *ARMS):
            settings = {**BASE, **ARMS.get(arm, {"epochs": 1})}
            trial = Trial.from_json({"config": settings, "data": DATA, "replicate": 1, "phase": "confirm"})
            images = images_of(trial.data, Path(cache))
            before = resource.getrusage(resource.RUSAGE_SELF)
            for _ in start(trial, images):
                pass
            after = resource.getrusage(resource.RUSAGE_SELF)
            seconds[arm] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    del seconds["warm-up"]
    return {**seconds, "all": sum(seconds.values())}


def in_a_process(checkout: Path) -> dict[str, float]:
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, str(Path(__file__).resolve()), "--here"]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="another checkout of this repository")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure()))
        return
    checkouts = {"this": Path(__file__).resolve().parents[1]}
    if arguments.against:
        checkouts["other"] = arguments.against.resolve()
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for number in range(arguments.rounds):
        for name, checkout in checkouts.items():
            rounds[name].append(in_a_process(checkout))
        print(f"round {number + 1}:", *(f"{name} {one[-1]['all']:.1f} s" for name, one in rounds.items()), flush=True)
    medians = {name: {arm: median(one[arm] for one in found) for arm in found[0]} for name, found in rounds.items()}
    print(f"\n{'CPU seconds':14}" + "".join(f"{name:>10}" for name in medians))
    for arm in (*ARMS, "all"):
        print(f"{arm:14}" + "".join(f"{values[arm]:10.2f}" for values in medians.values()))
    result: dict[str, object] = {"benchmark": "trial_cpu_seconds", "rounds": arguments.rounds, **medians}
    if arguments.against:
        result["this_over_other"] = round(medians["this"]["all"] / medians["other"]["all"], 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
