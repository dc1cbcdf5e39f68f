"""Larger than memory: peak memory of preparing photos, and of training an epoch on them streamed from the pixel file.

    python benchmarks/prepare_scale.py [--photos 1000 5000] [--image-size 64] [--plain] [--no-training]

Draws so many small JPEG photos in 100 classes into a temporary folder, one in fifty a copy of another, prepares them in
a process of its own and trains a network of a sixteenth of the width on them, for one epoch, from the file. `--plain`
adds the loop that keeps a list of resized photos and stacks them.

Counted is memory that is the processes' own (RssAnon and RssShmem of /proc, the readers of photos among them, sampled
every 50 ms); pages of mapped files, the pixel file's among them, are the kernel's to drop and stand in a column of
their own. Prints a table and, last, one JSON line with the growth per photo from the first number to the last.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

NUM_CLASSES, SIDE, COPY_EVERY = 100, 72, 50

PREPARE = """
import sys
from pathlib import Path
from trainables.config import DataConfig
from trainables.preparation.prepare import prepare
data = DataConfig(dataset="folder", root=sys.argv[1], image_size=int(sys.argv[2]))
print(prepare(data, Path(sys.argv[3])))
"""

TRAIN = """
import sys
from pathlib import Path
from trainables.config import DataConfig, TrialConfig
from trainables.data.images import load_images
from trainables.trial import Trial, start
data = DataConfig(dataset="folder", root=sys.argv[1], image_size=int(sys.argv[2]))
(folder,) = Path(sys.argv[3]).glob("folder-*")
config = TrialConfig(epochs=1, width=0.0625, batch_size=64, photos_memory_share=0, device="cpu", num_threads=2)
for record in start(Trial(config=config, data=data), load_images(folder)):
    print(record)
"""

PLAIN = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
size = int(sys.argv[2])
photos = []
for path in sorted(Path(sys.argv[1]).rglob("*.jpg")):
    photos.append(np.asarray(Image.open(path).convert("RGB").resize((size, size))))
np.save(Path(sys.argv[3]) / "plain.npy", np.stack(photos))
"""


def draw(root: Path, num_photos: int) -> None:
    """Smooth random colours, each photo from its own number."""

    def draw_one(number: int) -> None:
        seed = number - 1 if number % COPY_EVERY == COPY_EVERY - 1 else number
        small = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        picture.save(root / f"class{number * NUM_CLASSES // num_photos:02}" / f"{number:07}.jpg", quality=85)

    for label in range(NUM_CLASSES):
        (root / f"class{label:02}").mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(draw_one, range(num_photos)))


def memory_of(process_id: int) -> tuple[int, int]:
    """MiB that are a process's own, and of files, with its children's; zeros where it has ended."""
    try:
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{process_id}/status").read_text().splitlines())
        children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
        # Readers are started by threads, and belong to these.
        for task in Path(f"/proc/{process_id}/task").iterdir():
            children += (task / "children").read_text().split()
        kib = {name: int(fields.get(name, "0 kB").split()[0]) for name in ("RssAnon", "RssShmem", "RssFile")}
    except (OSError, ValueError):
        return 0, 0
    below = [memory_of(int(child)) for child in set(children)]
    own, of_files = (kib["RssAnon"] + kib["RssShmem"]) // 1024, kib["RssFile"] // 1024
    return own + sum(one for one, _ in below), of_files + sum(two for _, two in below)


def measure(code: str, *arguments: object) -> dict[str, float]:
    """Seconds and peak memory in MiB of a process that runs the code."""
    start, own, of_files = time.monotonic(), 0, 0
    command = [sys.executable, "-c", code, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[1])
    while process.poll() is None:
        now = memory_of(process.pid)
        own, of_files = max(own, now[0]), max(of_files, now[1])
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{command[:2]} ended with {process.returncode}.")
    return {"seconds": round(time.monotonic() - start, 1), "own_mib": own, "file_mib": of_files}


def measure_number(num_photos: int, image_size: int, codes: dict[str, str]) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="prepare-scale-") as folder:
        photos, cache = Path(folder, "photos"), Path(folder, "cache")
        cache.mkdir()
        draw(photos, num_photos)
        rows = {name: measure(code, photos, image_size, cache) for name, code in codes.items()}
        (prepared,) = cache.glob("folder-*")
        num_different = int(np.load(prepared / "groups.npy").max()) + 1
        pixel_mib = (prepared / "pixels.npy").stat().st_size / 2**20
    print(f"{num_photos:,} photos at {image_size} px, {num_different:,} different, {pixel_mib:,.0f} MiB of pixels")
    for name, row in rows.items():
        print(f"  {name:16}{row['seconds']:9.1f} s{row['own_mib']:8.0f} MiB own{row['file_mib']:8.0f} MiB of files")
    return {"num_photos": num_photos, "num_different": num_different, "pixel_mib": round(pixel_mib), **rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--no-training", action="store_true")
    arguments = parser.parse_args()
    codes = {"prepare": PREPARE, "found again": PREPARE}
    codes |= {} if arguments.no_training else {"train": TRAIN}
    codes |= {"list and stack": PLAIN} if arguments.plain else {}
    found = [measure_number(number, arguments.image_size, codes) for number in arguments.photos]
    growth = {}
    if len(found) > 1:
        more_photos = arguments.photos[-1] - arguments.photos[0]
        for name in codes:
            more_mib = found[-1][name]["own_mib"] - found[0][name]["own_mib"]  # type: ignore[index]
            growth[name] = round(1024 * more_mib / more_photos, 2)
    print(json.dumps({"benchmark": "prepare_scale", "image_size": arguments.image_size, "sizes": found,
                      "own_kib_per_photo": growth}))  # fmt: skip


if __name__ == "__main__":
    main()
