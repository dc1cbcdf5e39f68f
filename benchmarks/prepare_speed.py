"""Preparing photos: seconds of `prepare` on all cores beside a plain loop with PIL in one process.

    python benchmarks/prepare_speed.py FOLDER_OF_CLASS_FOLDERS [--image-size 128] [--rounds 3]

The plain loop opens, converts and resizes each photo, which is what a tutorial does before its first epoch; ours also
hashes the photos, finds near copies and writes what every trial maps into memory. The two take turns, and the median
counts. Beside the clock's seconds stand the processor's, over all processes: where other work takes the cores, those
still compare, and on N idle cores prepare takes about an Nth of its own. Prints a table and, last, one JSON line.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import PIL
from PIL import Image

from trainables.config import DataConfig
from trainables.preparation.prepare import prepare


def processor_seconds() -> float:
    """Used so far by this process and those that it started and that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def plain(root: Path, image_size: int) -> float:
    started = time.perf_counter()
    size = (image_size, image_size)
    files = sorted(file for file in root.glob("*/*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    np.stack([np.asarray(Image.open(file).convert("RGB").resize(size, Image.Resampling.LANCZOS)) for file in files])
    return time.perf_counter() - started


def ours(root: Path, image_size: int) -> float:
    with tempfile.TemporaryDirectory() as cache:
        started = time.perf_counter()
        prepare(DataConfig(dataset="folder", root=str(root), image_size=image_size), Path(cache))
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    contenders = {"plain PIL": plain, "prepare": ours}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    processor: dict[str, list[float]] = {name: [] for name in contenders}
    for round_number in range(arguments.rounds + 1):
        for name, run in contenders.items():
            before = processor_seconds()
            taken = run(arguments.root, arguments.image_size)
            if round_number:  # the first round fills the file system's cache
                seconds[name].append(taken)
                processor[name].append(processor_seconds() - before)
    medians = {name: median(values) for name, values in seconds.items()}
    processor_medians = {name: median(values) for name, values in processor.items()}
    print(f"{'':12}{'seconds':>10}{'processor':>10}")
    for name, value in medians.items():
        print(f"{name:12}{value:10.2f}{processor_medians[name]:10.2f}")
    ratio = medians["plain PIL"] / medians["prepare"]
    print(f"prepare is {ratio:.1f} times as fast on {os.cpu_count()} cores.")
    result = {
        "benchmark": "prepare_speed",
        "plain_seconds": round(medians["plain PIL"], 3),
        "prepare_seconds": round(medians["prepare"], 3),
        "ratio": round(ratio, 2),
        "plain_processor_seconds": round(processor_medians["plain PIL"], 2),
        "prepare_processor_seconds": round(processor_medians["prepare"], 2),
        "image_size": arguments.image_size,
        "num_cores": os.cpu_count(),
        "pillow": PIL.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
