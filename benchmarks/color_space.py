"""RGB to Lab: images per second and core, ours beside the scikit-image a user would otherwise write.

    python benchmarks/color_space.py [FOLDER_OF_PHOTOS]

One thread, float32 and 8-bit input, 64 photos of 128 px; without a folder, smooth synthetic ones. The contenders take
turns, and the median CPU time of the rounds counts, so that neighbours disturb less. Prints a table and a JSON line.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2lab

from trainables.color.color_space import rgb_to_lab
from trainables.training.compilation import compiled

NUM_PHOTOS, SIZE, NUM_ROUNDS = 64, 128, 21


def load_photos(folder: Path | None) -> NDArray[np.uint8]:
    """64 photos of 128 px, N x H x W x 3; without a folder noise of 8 px, enlarged smoothly."""
    if folder is None:
        noise = np.random.default_rng(0).integers(0, 256, (NUM_PHOTOS, 8, 8, 3), dtype=np.uint8)
        pictures = [Image.fromarray(picture) for picture in noise]
    else:
        files = sorted(folder.rglob("*.jpg"))
        if len(files) < NUM_PHOTOS:
            raise ValueError(f"FOLDER_OF_PHOTOS must hold {NUM_PHOTOS} or more .jpg files, but got {len(files)}.")
        pictures = [Image.open(file).convert("RGB") for file in files[:: len(files) // NUM_PHOTOS][:NUM_PHOTOS]]
    return np.stack([np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for picture in pictures])


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    bytes_NHW3 = load_photos(folder)
    rgb_NHW3 = (bytes_NHW3 / 255).astype(np.float32)
    rgb_B3HW = torch.from_numpy(rgb_NHW3).permute(0, 3, 1, 2).contiguous()
    rgb_channels_last = rgb_B3HW.to(memory_format=torch.channels_last)
    compiled_to_lab = compiled(rgb_to_lab, torch.device("cpu"))
    contenders: dict[str, Callable[[], object]] = {
        "ours": lambda: rgb_to_lab(rgb_B3HW),
        "ours, channels_last": lambda: rgb_to_lab(rgb_channels_last),
        "ours, compiled": lambda: compiled_to_lab(rgb_B3HW),
        "skimage, float32": lambda: [rgb2lab(photo) for photo in rgb_NHW3],
        "skimage, 8 bits": lambda: [rgb2lab(photo) for photo in bytes_NHW3],
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(NUM_ROUNDS + 1):
        for name, convert in contenders.items():
            start = time.process_time()
            convert()
            seconds[name].append(time.process_time() - start)
    speed = {name: NUM_PHOTOS / median(times[1:]) for name, times in seconds.items()}  # the first round warms up
    exact_NHW3 = rgb2lab(rgb_NHW3.astype(np.float64))
    error = float(np.abs(rgb_to_lab(rgb_B3HW).permute(0, 2, 3, 1).numpy() - exact_NHW3).max())

    print(f"{'RGB to Lab, 1 thread':24}{'images/s':>10}{'over skimage':>14}")
    for name, images_per_second in speed.items():
        print(f"{name:24}{images_per_second:10.0f}{images_per_second / speed['skimage, float32']:12.1f} x")
    result = {
        "benchmark": "color_space",
        "photos": "synthetic" if folder is None else folder.name,
        "num_photos": NUM_PHOTOS,
        "size": SIZE,
        "num_rounds": NUM_ROUNDS,
        "images_per_second": {name: round(value, 1) for name, value in speed.items()},
        "ratio_to_skimage_float32": round(speed["ours"] / speed["skimage, float32"], 2),
        "ratio_compiled_to_skimage_float32": round(speed["ours, compiled"] / speed["skimage, float32"], 2),
        "ratio_to_skimage_8_bits": round(speed["ours"] / speed["skimage, 8 bits"], 2),
        "largest_difference_lab": error,
        "torch": torch.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
