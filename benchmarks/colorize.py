"""How long a photo takes to be coloured on a CPU, and how much memory: width 1, two cores, the model loaded.

    python benchmarks/colorize.py [--size 512 2048] [--image-size 224]

The paper's network with random weights (they cost what trained ones cost), photos of smooth noise as JPEG files. A time
runs from the file's bytes to the PNG's; every size is coloured once before, unless it says "first". Beside it the
network as it was trained, without folding and memory format. Prints a table and a JSON line. Where other programs keep
the cores busy, only the CPU time of one thread says what a photo costs (--threads 1, column "CPU").
"""

import argparse
import io
import json
import os
import time

import numpy as np
import torch
from PIL import Image

from trainables.config import TrialConfig
from trainables.devices import clean_slate, peak_memory_bytes
from trainables.inference.colorizer import Colorizer, colorize_file, to_png
from trainables.network.joint_network import JointNetwork, initialize

CLASSES = tuple(f"class {number}" for number in range(20))


def photo(width: int, height: int) -> bytes:
    """Smooth noise, as a JPEG file."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(buffer, format="JPEG", quality=90)
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs="+", default=[512, 2048], help="longer side in pixels")
    parser.add_argument("--image-size", type=int, default=224, help="side of training")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device("cpu")
    network = JointNetwork(TrialConfig(), num_classes=len(CLASSES), image_size=arguments.image_size).eval()
    initialize(network, 0)
    colorizer = Colorizer(network, CLASSES, image_size=arguments.image_size)
    load = os.getloadavg()[0]
    rows = []
    print(f"{'photo':>12}{'first':>9}{'fastest':>9}{'median':>9}{'CPU':>9}{'network':>9}{'as trained':>12}{'GiB':>10}")
    for longer in arguments.size:
        for width, height in ((longer, longer), (longer, longer * 3 // 4)):
            content = photo(width, height)
            clean_slate(device, 1.0)
            seconds, cpu = [], []
            for _ in range(arguments.rounds + 1):
                started, cpu_started = time.perf_counter(), time.process_time()
                to_png(colorize_file(colorizer, content).pixels_HW3)
                seconds.append(time.perf_counter() - started)
                cpu.append(time.process_time() - cpu_started)
            memory = peak_memory_bytes(device) / 2**30
            view = colorizer.view(content)
            ours, theirs = [], []
            with torch.inference_mode():
                for _ in range(arguments.rounds):
                    started = time.perf_counter()
                    colorizer._predict([view])
                    ours.append(time.perf_counter() - started)
                    started = time.perf_counter()
                    # What can be done without taking the network apart: squares alone.
                    network(colorizer.inputs([view])[1].contiguous())
                    theirs.append(time.perf_counter() - started)
            row = {
                "photo": f"{width} x {height}",
                "first_seconds": round(seconds[0], 3),
                "fastest_seconds": round(min(seconds[1:]), 3),
                "median_seconds": round(sorted(seconds[1:])[(len(seconds) - 1) // 2], 3),
                "cpu_seconds": round(min(cpu), 3),
                "network_seconds": round(min(ours), 3),
                "square_as_trained_seconds": round(min(theirs), 3),
                "peak_gib": round(memory, 2),
            }
            rows.append(row)
            print(
                f"{row['photo']:>12}{seconds[0]:9.2f}{min(seconds[1:]):9.2f}{row['median_seconds']:9.2f}{min(cpu):9.2f}{min(ours):9.2f}"
                f"{min(theirs):12.2f}{memory:10.2f}"
            )
    print(
        json.dumps(
            {
                "benchmark": "colorize",
                "width": 1,
                "image_size": arguments.image_size,
                "threads": arguments.threads,
                "load_before": round(load, 1),
                "rows": rows,
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
