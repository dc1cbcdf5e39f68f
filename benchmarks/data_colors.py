"""How long `tintune data colors` takes on a folder of photos, from its start, photos prepared and not yet.

    python benchmarks/data_colors.py DIR [--image-size 128]

Prints one JSON line. The earlier project's analysis, k-means of every photo at full size, took 21 min 34 s for NCD.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EARLIER_SECONDS = 21 * 60 + 34
"""For the 721 photos of NCD; other data sets have no figure."""


def measure(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds on the clock and seconds of all cores."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    variables = {**os.environ, "TINTUNE_CACHE": str(folder / "cache"), "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(command, cwd=folder, env=variables, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--image-size", type=int, default=128)
    arguments = parser.parse_args()
    photos = ["--source", str(arguments.folder.absolute()), "--image-size", str(arguments.image_size)]
    command = [sys.executable, "-m", "study", "data", "colors", "ncd", *photos]
    with tempfile.TemporaryDirectory() as folder:
        first, first_cores = measure(command, Path(folder))
        again, again_cores = measure(command, Path(folder))
    found = {"seconds": first, "core_seconds": first_cores, "again_seconds": again, "again_core_seconds": again_cores}
    found["earlier_over_this"] = EARLIER_SECONDS / first
    line = {name: round(value, 2) for name, value in found.items()}
    shape = {"image_size": arguments.image_size, "cores": len(os.sched_getaffinity(0))}
    print(json.dumps({"benchmark": "data_colors", **line, **shape}))


if __name__ == "__main__":
    main()
