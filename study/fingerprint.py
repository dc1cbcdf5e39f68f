"""What a study was launched with beside its file: code, packages, photos, hardware."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from study.ledger import FORMAT, now
from study.study_file import Study
from trainables.images import Images
from trainables.splits import Cut, classes_never_trained, largest_top1

PACKAGES = ("hueristic", "torch", "torchvision", "ray", "optuna", "mlflow", "scikit-image", "numpy", "pandas", "pillow")


def fingerprint(
    study: Study, images: Images, prepared: Path | None, cut: Cut, command: str, num_gpus: int
) -> dict[str, Any]:
    """The document written once, at the first launch."""
    skipped = json.loads((prepared / "manifest.json").read_text())["skipped"] if prepared else []
    return {
        "format": FORMAT,
        "launched": now(),
        "command": command,
        "code": code_digest(),
        "packages": packages(),
        "hardware": hardware(num_gpus),
        "data": {
            **{name: value for name, value in study.data.items() if name != "root"},
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
    folder = Path(__file__).parent.parent / "trainables"
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
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
