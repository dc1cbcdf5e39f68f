"""What a study was launched with beside its file: code, packages, photos, hardware; and what changed since."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from study.ledger.ledger import FORMAT, now
from study.storage.files import read_json, write_json
from study.storage.path import StoragePath
from trainables.data.images import Images
from trainables.data.splits import Cut, classes_never_trained, largest_top1

CODE = Path(__file__).parents[2] / "trainables"
"""The sources that train and measure."""

PACKAGES = ("tintune", "torch", "torchvision", "ray", "optuna", "mlflow", "scikit-image", "numpy", "pandas", "pillow")


def fingerprint(
    data: Mapping[str, Any], images: Images, prepared: Path | None, cut: Cut, command: str, num_gpus: int
) -> dict[str, Any]:
    """The document written once, at the first launch; `data` is that section of the study file."""
    skipped = json.loads((prepared / "manifest.json").read_text())["skipped"] if prepared else []
    return {
        "format": FORMAT,
        "launched": now(),
        "command": command,
        "code": code_digest(),
        "packages": packages(),
        "hardware": hardware(num_gpus),
        "data": {
            **{name: value for name, value in data.items() if name != "root"},
            "digest": images.digest,
            "num_photos": len(images.labels_N),
            "num_classes": len(images.class_names),
            "class_names": list(images.class_names),
            "num_train": len(cut.train),
            "num_val": len(cut.val),
            "num_test": len(cut.test),
            "classes_never_trained": classes_never_trained(images, cut),
            "largest_top1": largest_top1(images, cut),
            "skipped": skipped,
        },
    }


def packages() -> dict[str, str]:
    """Installed versions of what a result depends on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def code_digest() -> str:
    """Of the sources that train and measure; a working copy has no release number to go by."""
    digest = hashlib.sha256()
    for path in sorted(CODE.rglob("*.py")):
        digest.update(path.relative_to(CODE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def hardware(num_gpus: int) -> str:
    """The launching machine in a line."""
    gpus = "no GPU"
    if num_gpus:
        try:
            command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
            names = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.split("\n")
            gpus = f"{num_gpus} x {names[0].strip()}"
        except (OSError, subprocess.SubprocessError):
            gpus = f"{num_gpus} GPU(s)"
    return f"{_processor()}, {os.cpu_count()} CPU cores, {gpus}"


def _processor() -> str:
    """Linux keeps the processor's name where platform.processor() does not look."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def check_version(folder: StoragePath) -> None:
    """Refuses the ledger of another version before anything of it is read: its numbers are never judged by new rules.

    Raises:
        ValueError: naming both versions.
    """
    path = folder / "fingerprint.json"
    if not path.exists():
        return
    document = read_json(path)
    if int(document.get("format", 0)) != FORMAT:
        theirs, ours = document.get("packages", {}).get("tintune", "of another version"), packages()["tintune"]
        raise ValueError(
            f"The ledger in {folder} was written in format {document.get('format', 0)} by tintune {theirs}; this is "
            f"tintune {ours}, which reads format {FORMAT} alone: install the version that wrote it, or launch the "
            "study anew under another name."
        )


def kept_precision(folder: StoragePath) -> str | None:
    """What earlier launches of the study trained in; None before the first."""
    path = folder / "fingerprint.json"
    return read_json(path).get("precision") if path.exists() else None


def note_changes(folder: StoragePath) -> list[str]:
    """What differs from the code and packages that the study last ran with: "torch 2.14.0 -> 2.15.0".

    New differences are added to the fingerprint, under `changes`.
    """
    path = folder / "fingerprint.json"
    document = read_json(path)
    last = (document.get("changes") or [document])[-1]
    current: dict[str, Any] = {"code": code_digest(), "packages": packages()}
    found = []
    for name, version in current["packages"].items():
        before = last["packages"].get(name)
        if before not in (None, version):
            found.append(f"{name} {before} -> {version}")
    if last["code"] != current["code"]:
        found.append(f"the code that trains {last['code']} -> {current['code']}")
    if found:
        changes = [*document.get("changes", []), {"launched": now(), "differences": found, **current}]
        write_json(path, {**document, "changes": changes})
    return found
