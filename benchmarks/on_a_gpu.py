"""Whether training works on this machine's GPU, and how fast: checks and speeds in five minutes.

    python3 benchmarks/on_a_gpu.py [--data FOLDER] [--skip-study] [--skip-speed] [--device auto]

Needs torch 2.11 or newer, torchvision and scikit-image; nothing of ours is installed. The checks are those of
`gpu_checks.py`. Each row of speed trains for some seconds on the class folders of --data, or on photos drawn in code.
Where Ray and what else a study needs is installed, one of eight trials, four at a time on one GPU, runs to its report.
Prints a table and, last, one JSON line; the exit code is 1 if a check failed, 2 where there is no GPU.

`--device cpu` rehearses without a GPU: what only a GPU can answer is left out and said, and the exit code is 2.
"""

import argparse
import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from benchmarks.gpu_checks import CHECKS, CheckFailedError, Here, NotHereError  # noqa: E402
from trainables.config import DataConfig, TrialConfig  # noqa: E402
from trainables.data.images import load_images  # noqa: E402
from trainables.data.trial_data import trial_data  # noqa: E402
from trainables.devices import CONTEXT_BYTES, choose_device, describe  # noqa: E402
from trainables.preparation.prepare import prepare  # noqa: E402
from trainables.training.epochs import run_epochs  # noqa: E402

SECONDS = 3.0
"""Of training for a row of speed, after what compiles."""
ROWS: tuple[dict[str, Any], ...] = tuple(
    {"image_size": image_size, "width": width, "batch_size": 64, "precision": precision, "compile": compile}
    for image_size, width, precision, compile in (
        (64, 0.25, "auto", False),
        (64, 0.25, "auto", True),
        (128, 0.5, "auto", False),
        (224, 1.0, "auto", False),
        (224, 1.0, "float32", False),
    )
)
"""Small and large steps; the large ones show the chip, the small ones what it waits for."""


def check(here: Here, folder: Path) -> list[dict[str, Any]]:
    """Every check, with what it saw and how it ended: `ok`, `failed` or `not here`."""
    results = []
    for what, function in CHECKS.items():
        started = time.perf_counter()
        try:
            end, saw = "ok", function(here)
        except NotHereError as reason:
            end, saw = "not here", str(reason)
        except CheckFailedError as reason:
            end, saw = "failed", str(reason)
        # A check that breaks is a check that failed; the others shall still be seen.
        except Exception as error:
            end, saw = "failed", f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
            traceback.print_exc()
        seconds = time.perf_counter() - started
        results.append({"check": what, "end": end, "saw": saw, "seconds": round(seconds, 1)})
        print(f"{end:9}{what:38}{saw}  ({seconds:.1f} s)", flush=True)
    return results


def measure_speed(here: Here, photos: Path | None, row: dict[str, Any]) -> dict[str, Any]:
    """Median images per second of a trial's epochs over some seconds, and what part of an epoch is training."""
    settings: dict[str, Any] = {"dataset": "orchard", "num_classes": 10, "photos_per_class": 72, "coupling": 0.9}
    if photos is not None:
        settings = {"dataset": "folder", "root": str(photos)}
    data = DataConfig(**settings, image_size=row["image_size"])
    images = load_images(prepare(data, here.cache))
    config = TrialConfig(
        epochs=100_000, optimizer="adamw", device=str(here.device), num_threads=torch.get_num_threads(),
        **{name: value for name, value in row.items() if name != "image_size"},
    )  # fmt: skip
    records = run_epochs(config, trial_data(images, data, replicate=0, with_test=False))
    first = next(records)
    started, seen = time.perf_counter(), []
    for record in records:
        seen.append(record)
        if time.perf_counter() - started > SECONDS:
            break
    records.close()
    speed = median(float(one["images_per_second"]) for one in seen)
    num_trained = len(trial_data(images, data, replicate=0, with_test=False).cut.train) // 64 * 64
    epoch = median(float(one["epoch_seconds"]) for one in seen)
    found = {
        "images_per_second": round(speed, 1),
        "step_milliseconds": round(1000 * config.batch_size / speed, 3),
        "training_share": round(num_trained / speed / epoch, 3),
        "ceiling_share": round(float(first.get("matrix_ceiling_share", 0)) and median(
            float(one["matrix_ceiling_share"]) for one in seen
        ), 4),
        "memory_mebibytes": int(seen[-1]["memory"]) >> 20,
        "compile_seconds": round(float(first["compile_seconds"]), 1),
        "precision": first["precision"],
    }  # fmt: skip
    return {**row, **found}


def measure_speeds(here: Here, photos: Path | None) -> list[dict[str, Any]]:
    print(f"\n{'px':>4}{'width':>7}  {'precision':10}{'compiled':>9}{'images/s':>11}{'ms a step':>11}"
          f"{'of an epoch':>13}{'of ceiling':>12}{'MiB':>8}")  # fmt: skip
    rows = []
    for row in ROWS:
        found = measure_speed(here, photos, row)
        rows.append(found)
        compiled = f"{found['compile_seconds']:.0f} s" if row["compile"] else "no"
        print(f"{row['image_size']:4}{row['width']:7g}  {found['precision'][:9]:10}{compiled:>9}"
              f"{found['images_per_second']:11.0f}{found['step_milliseconds']:11.2f}{found['training_share']:13.0%}"
              f"{found['ceiling_share']:12.1%}{found['memory_mebibytes']:8}", flush=True)  # fmt: skip
    return rows


def measure_sharing(here: Here) -> dict[str, Any]:
    """Seconds of one small trial alone, and of four at once on one GPU: taking turns, and side by side under MPS."""
    settings = {
        "epochs": 40,
        "dropout": 0.0,
        "diagnostics_every": 0,
        "device_memory_share": 0.2,
        "checkpoint_seconds": 60,
    }

    def seconds(number: int) -> float:
        started = [here.start(64, settings) for _ in range(number)]
        ends = [process.communicate()[0].split() for process in started]
        assert all(end[:1] == ["done"] for end in ends), ends
        return median(float(end[1]) for end in ends)

    found: dict[str, Any] = {"alone_seconds": seconds(1), "four_seconds": seconds(4)}
    with mps(here) as reason:
        found |= (
            {"four_under_mps_seconds": None, "no_mps": reason} if reason else {"four_under_mps_seconds": seconds(4)}
        )
    print(f"\nOne small trial alone takes {found['alone_seconds']:.1f} s of training.")
    for name, words in (("four_seconds", "Four at once"), ("four_under_mps_seconds", "Four at once under MPS")):
        if found[name] is None:
            print(f"{words}: not measured, {found['no_mps']}.")
        else:
            print(
                f"{words}: {found[name]:.1f} s each, {4 * found['alone_seconds'] / found[name]:.2f} x the throughput."
            )
    return found


@contextmanager
def mps(here: Here) -> Iterator[str]:
    """A Multi-Process Service of this block's own, or why there is none."""
    control = shutil.which("nvidia-cuda-mps-control")
    if not here.on_gpu or control is None:
        yield "there is no nvidia-cuda-mps-control"
        return
    names = {"CUDA_MPS_PIPE_DIRECTORY": "mps-pipe", "CUDA_MPS_LOG_DIRECTORY": "mps-log"}
    folders = {name: str(here.cache / folder) for name, folder in names.items()}
    for folder in folders.values():
        os.makedirs(folder, exist_ok=True)
    os.environ |= folders
    try:
        started = subprocess.run([control, "-d"], capture_output=True, text=True, timeout=30)
        yield f"it did not start: {(started.stderr or started.stdout).strip()[:200]}" if started.returncode else ""
    finally:
        subprocess.run([control], input="quit\n", capture_output=True, text=True, timeout=60)
        for name in folders:
            os.environ.pop(name, None)


NEEDED = ("ray", "optuna", "pandas", "pyarrow", "pydantic", "typer")
"""Of a study, beside what a trial needs; MLflow may be brought level elsewhere."""

STUDY = """
name: on-a-gpu
question: Does a study run on this GPU to its report?
data: {dataset: orchard, image_size: 32, num_classes: 6, photos_per_class: 40, coupling: 0.9}
base: {epochs: 30, batch_size: 16, width: 0.125, optimizer: adamw}
space: {learning_rate: {log_uniform: [3.0e-3, 2.0e-2]}}
arms: {joint: {class_loss_weight: 0.01}, color_only: {class_loss_weight: 0}}
objectives: {val/delta_e: min}
contrasts: {color: {treatment: joint, control: color_only, metric: test/delta_e}}
margin: {test/delta_e: 1.0}
search: {trials_per_arm: 2, rechecks: 0}
confirm: {replicates: 2}
resources: {cpus_per_trial: 1, gpus_per_trial: GPUS}
"""


def launch_study(here: Here, folder: Path) -> dict[str, Any]:
    """A study of eight trials, four to a GPU, from its file to its report."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        saw = f"a study needs {', '.join(missing)}"
        return {"check": "a study of eight trials, four to a GPU", "end": "not here", "saw": saw}
    started = time.perf_counter()
    file = folder / "on-a-gpu.yaml"
    file.write_text(STUDY.replace("GPUS", "0.25" if here.on_gpu else "0"))
    command = [sys.executable, "-m", "study", "launch", str(file), "--storage", str(folder / "studies")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    result = study_result(here, folder / "studies" / "on-a-gpu", done)
    return {**result, "seconds": round(time.perf_counter() - started, 1)}


def study_result(here: Here, study: Path, done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    result: dict[str, Any] = {"check": "a study of eight trials, four to a GPU", "end": "failed"}
    if done.returncode or not (study / "report" / "report.html").exists():
        return {**result, "saw": (done.stderr or done.stdout).strip()[-600:]}
    # One JSON line an epoch.
    records = {
        path.parent.name: [json.loads(line) for line in path.read_text().splitlines()]
        for path in study.glob("trials/*/epochs.jsonl")
    }
    if len(records) != 8:
        return {**result, "saw": f"{len(records)} trials have records"}
    if here.on_gpu:
        devices = {str(one["device"]) for one in itertools.chain(*records.values())}
        if devices != {describe(here.device)}:
            return {**result, "saw": f"trials ran on {sorted(devices)}"}
        watched = [one for one in itertools.chain(*records.values()) if "system/gpu_0_power_usage_watts" in one]
        if not watched:
            return {**result, "saw": "no record has the system metrics of the GPU"}
    return {**result, "end": "ok", "saw": f"report written, {len(records)} trials"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of class folders of photos")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--skip-speed", action="store_true")
    parser.add_argument("--skip-study", action="store_true")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    if device.type != "cuda" and arguments.device == "auto":
        print("There is no CUDA GPU here. To rehearse without one: --device cpu")
        return 2
    started = time.perf_counter()
    print(f"{describe(device)}, torch {torch.__version__}, {os.cpu_count()} CPU cores\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="tintune-gpu-") as scratch:
        folder = Path(scratch)
        here = Here(device, folder)
        results = check(here, folder)
        if here.on_gpu:
            free, total = torch.cuda.mem_get_info(device)
            context = total - free - torch.cuda.memory_reserved(device)
            print(f"\nBeside its tensors this process holds {context / 2**20:.0f} MiB of the GPU "
                  f"({CONTEXT_BYTES / 2**20:.0f} are allowed for).")  # fmt: skip
        if not arguments.skip_study:
            results.append(launch_study(here, folder))
            print(f"{results[-1]['end']:9}{results[-1]['check']:38}{results[-1]['saw']}", flush=True)
        speeds = [] if arguments.skip_speed else measure_speeds(here, arguments.data)
        sharing = None if arguments.skip_speed else measure_sharing(here)
    failed = [one["check"] for one in results if one["end"] == "failed"]
    seconds = time.perf_counter() - started
    print(
        f"\n{len(failed)} of {len(results)} checks failed{': ' if failed else ''}{', '.join(failed)}. {seconds:.0f} s."
    )
    document = {
        "benchmark": "on_a_gpu", "device": describe(device), "torch": torch.__version__, "seconds": round(seconds),
        "checks": results, "speeds": speeds, "sharing": sharing,
    }  # fmt: skip
    print(json.dumps(document))
    if failed:
        return 1
    return 0 if here.on_gpu else 2


if __name__ == "__main__":
    sys.exit(main())
