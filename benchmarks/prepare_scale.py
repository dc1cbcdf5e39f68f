"""Photos made ready in bounded memory: peak memory of `prepare` beside what a user would otherwise write.

    python benchmarks/prepare_scale.py [NUM_PHOTOS] [IMAGE_SIZE]

Draws NUM_PHOTOS (5,000) small JPEG photos in 100 classes into a temporary folder, one in fifty a copy of another, and
prepares them at IMAGE_SIZE (128) in a process of its own. Beside it the loop that keeps a list of resized photos and
stacks them. Peak memory is the resident set of the process, imports included; the file of pixels is written, not
mapped, and so no part of it. Prints a table and a JSON line.
"""

import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

NUM_CLASSES, WIDTH, HEIGHT, COPY_EVERY = 100, 160, 120, 50

OURS = """
import sys
from pathlib import Path
from trainables.config import DataConfig
from trainables.prepare import prepare
data = DataConfig(dataset="folder", root=sys.argv[1], image_size=int(sys.argv[2]))
print(prepare(data, Path(sys.argv[3])))
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

MEASURED = "import resource, sys\n{code}\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"


def draw(root: Path, num_photos: int) -> None:
    """Smooth random colours, each photo from its own number."""

    def draw_one(number: int) -> None:
        seed = number - 1 if number % COPY_EVERY == COPY_EVERY - 1 else number
        small = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        picture.save(root / f"class{number * NUM_CLASSES // num_photos:02}" / f"{number:07}.jpg", quality=85)

    for label in range(NUM_CLASSES):
        (root / f"class{label:02}").mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(draw_one, range(num_photos)))


def measure(code: str, *arguments: object) -> tuple[float, float]:
    """Seconds, and peak resident memory in MiB, of a process that runs the code."""
    command = [sys.executable, "-c", MEASURED.format(code=code), *map(str, arguments)]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    return time.monotonic() - start, int(done.stderr.split()[-1]) / 1024


def main() -> None:
    num_photos, image_size = (int(word) for word in [*sys.argv[1:], *("5000", "128")[len(sys.argv) - 1 :]])
    with tempfile.TemporaryDirectory(prefix="prepare-scale-") as folder:
        photos, cache = Path(folder, "photos"), Path(folder, "cache")
        cache.mkdir()
        draw(photos, num_photos)
        seconds, peak = measure(OURS, photos, image_size, cache)
        (prepared,) = cache.glob("folder-*")
        num_groups = int(np.load(prepared / "groups.npy").max()) + 1
        pixel_bytes = (prepared / "pixels.npy").stat().st_size
        again_seconds, again_peak = measure(OURS, photos, image_size, cache)
        plain_seconds, plain_peak = measure(PLAIN, photos, image_size, cache)
    print(f"{num_photos:,} photos at {image_size} px, {pixel_bytes / 2**20:,.0f} MiB of pixels")
    print(f"{'':24}{'seconds':>10}{'peak MiB':>10}{'of pixels':>10}")
    rows = {
        "prepare": (seconds, peak),
        "prepare, found again": (again_seconds, again_peak),
        "list and stack": (plain_seconds, plain_peak),
    }
    for name, (taken, memory) in rows.items():
        print(f"{name:24}{taken:10.1f}{memory:10.0f}{memory * 2**20 / pixel_bytes:10.2f}")
    result = {
        "benchmark": "prepare_scale",
        "num_photos": num_photos,
        "image_size": image_size,
        "pixel_mib": round(pixel_bytes / 2**20),
        "num_different": num_groups,
        **{f"{name} peak_mib": round(memory) for name, (_, memory) in rows.items()},
        **{f"{name} seconds": round(taken, 1) for name, (taken, _) in rows.items()},
        "peak_ratio_to_list_and_stack": round(peak / plain_peak, 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
