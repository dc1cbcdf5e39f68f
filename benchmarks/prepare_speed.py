"""Preparing photos: seconds of `prepare` on all cores beside a plain loop with PIL in one process.

    python benchmarks/prepare_speed.py FOLDER_OF_CLASS_FOLDERS [--image-size 128] [--rounds 3]

The plain loop opens, converts and resizes each photo, which is what a tutorial does before its first epoch; ours also
hashes the photos, finds near copies and writes what every trial maps into memory. The two take turns, and the median
counts. Prints a table and, last, one JSON line.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import PIL
from PIL import Image

from trainables.config import DataConfig
from trainables.prepare import prepare


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
    for round_number in range(arguments.rounds + 1):
        for name, run in contenders.items():
            taken = run(arguments.root, arguments.image_size)
            if round_number:  # the first round fills the file system's cache
                seconds[name].append(taken)
    medians = {name: median(values) for name, values in seconds.items()}
    print(f"{'':12}{'seconds':>10}")
    for name, value in medians.items():
        print(f"{name:12}{value:10.2f}")
    ratio = medians["plain PIL"] / medians["prepare"]
    print(f"prepare is {ratio:.1f} times as fast on {os.cpu_count()} cores.")
    result = {
        "benchmark": "prepare_speed",
        "plain_seconds": round(medians["plain PIL"], 3),
        "prepare_seconds": round(medians["prepare"], 3),
        "ratio": round(ratio, 2),
        "image_size": arguments.image_size,
        "num_cores": os.cpu_count(),
        "pillow": PIL.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
