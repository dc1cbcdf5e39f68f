"""A small disk of its own, to be filled or taken away."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, kibibytes: int) -> Iterator[Path]:
    """An empty file system of that size in main memory, mounted at `folder`; skips where it cannot be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tintune-test", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs the command `mount`")
    if done.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        take_away(folder)


def take_away(folder: Path) -> None:
    """Unmounts the disk, whoever has files open on it."""
    with suppress(subprocess.CalledProcessError):
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def fill(disk: Path) -> Path:
    """Fills the disk to its last byte and gives the file that did."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(64 * 1024))
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(512))
    return filler
