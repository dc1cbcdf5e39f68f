"""Small folders of photos, and `prepare` in a process of its own that dies at a chosen moment."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image

import trainables.preparation.prepare as prepare_module
from trainables.config import DataConfig


def write_photos(root: Path, num_photos: int = 4, classes: tuple[str, ...] = ("apple", "pear")) -> Path:
    generator = np.random.default_rng(0)
    for class_name in classes:
        (root / class_name).mkdir(parents=True)
        for number in range(num_photos):
            small = Image.fromarray(generator.integers(0, 256, (7, 7, 3), dtype=np.uint8))
            small.resize((40, 30), Image.Resampling.BICUBIC).save(root / class_name / f"{number:03}.png")
    return root


def folder_data(root: Path, image_size: int = 16) -> DataConfig:
    return DataConfig(dataset="folder", root=str(root), image_size=image_size)


def orchard_data(**changes: float) -> DataConfig:
    return DataConfig(**{"image_size": 16, "num_classes": 2, "photos_per_class": 4, **changes})  # type: ignore[arg-type]


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def everything_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


def run_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(prepare_module.__file__).parents[2],
    )


PREPARE_IN_PARTS = """
    import os, signal, sys
    from pathlib import Path
    import trainables.preparation.decode as decode_module
    import trainables.preparation.prepare as prepare_module
    from trainables.config import DataConfig
    from trainables.preparation.photo_readers import PhotoReaders
    root, cache, moment = sys.argv[1:4]
    decode_module.PART_SIZE = 3

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    def progress(done, total):
        if moment == f"after {done} photos":
            die()

    if moment == "while joining":
        decode_module.link_copies = die
    if moment == "before the manifest":
        decode_module.write_manifest = die
    if moment == "before the folder appears":
        os.rename = die
    data = DataConfig(dataset="folder", root=root, image_size=16)
    read = PhotoReaders.read

    def count(readers, path):
        print("decoded", file=sys.stderr)
        return read(readers, path)

    PhotoReaders.read = count
    print(prepare_module.prepare(data, Path(cache), progress=progress))
"""
