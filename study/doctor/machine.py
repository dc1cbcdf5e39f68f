"""What works on this machine, line by line, each with a remedy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from study.doctor.finding import Finding
from study.doctor.services import mlflow_finding, ray_finding, storage_finding
from study.ledger.fingerprint import packages
from study.storage.path import StoragePath
from study.tracking.address import tracking_uri_of
from trainables.files import default_cache

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MPS_CONTROL = "nvidia-cuda-mps-control"
LOW_MEMORY_BYTES = 4 * 1024**3
"""For Ray, MLflow and one small trial."""


def examine(
    storage: StoragePath = Path("studies"), tracking_uri: str | None = None, address: str | None = None
) -> list[Finding]:
    """Everything a study needs, here or on the Ray cluster at `address`."""
    return [
        _python(),
        package_finding(packages()),
        *_devices(),
        memory_finding(memory_bytes()),
        _compiler(),
        ray_finding(address),
        mlflow_finding(tracking_uri_of(tracking_uri, storage)),
        storage_finding("storage", storage, "choose another --storage, or ask for permission"),
        storage_finding("cache", default_cache(), "set TINTUNE_CACHE to another folder"),
        _photos(),
        _browser(),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Finding("Python", "ok", version) if good else Finding("Python", "error", version, "install 3.11 or newer")


def package_finding(versions: dict[str, str]) -> Finding:
    """Whether everything is installed that a result depends on."""
    missing = [name for name, version in versions.items() if version == "not installed"]
    if missing:
        return Finding("packages", "error", f"missing {', '.join(missing)}", "run make install")
    return Finding("packages", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))


def _devices() -> list[Finding]:
    import torch

    from trainables.devices import choose_device, choose_precision, describe

    device = choose_device("auto")
    precision = str(choose_precision("auto", device)).removeprefix("torch.")
    text = f"{describe(device)}, {precision}, {os.cpu_count()} CPU cores"
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if device.type == "cpu":
        hidden = f"; CUDA_VISIBLE_DEVICES is {shown!r}" if shown is not None else ""
        remedy = "without one, keep to studies that name CPU cores as their hardware"
        return [Finding("device", "warning", f"{text}: no GPU is seen{hidden}", remedy)]
    findings = [Finding("device", "ok", text)]
    if device.type == "cuda":
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            words = f"{free / 1024**3:.0f} of {total / 1024**3:.0f} GiB free"
            busy = free < total / 2
            remedy = "another program uses this GPU: end it, or choose others with CUDA_VISIBLE_DEVICES" if busy else ""
            findings.append(Finding(f"GPU {index}", "warning" if busy else "ok", words, remedy))
        findings.append(mps_finding())
    return findings


def mps_finding() -> Finding:
    """Whether programs of this machine share a GPU through CUDA's Multi-Process Service."""
    if shutil.which(MPS_CONTROL) is None:
        return Finding("MPS", "ok", f"no {MPS_CONTROL} here: trials that share a GPU take turns on it")
    folder = os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps")
    try:
        asked = subprocess.run([MPS_CONTROL], input="get_server_list\n", capture_output=True, text=True, timeout=30)
        answers = asked.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        answers = False
    if answers:
        return Finding("MPS", "ok", f"its control daemon answers in {folder}: trials that share a GPU run at once")
    text = f"no control daemon answers in {folder}: trials that share a GPU take turns on it"
    return Finding("MPS", "warning", text, f"start it before Ray, as the user who launches: {MPS_CONTROL} -d")


def memory_bytes() -> int | None:
    """Main memory that programs may still take; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    (available,) = (line for line in lines if line.startswith("MemAvailable:"))
    return int(available.split()[1]) * 1024


def memory_finding(available: int | None) -> Finding:
    """Whether that is enough for a small study."""
    if available is None:
        return Finding("memory", "ok", "not known on this system")
    text = f"{available / 1024**3:.1f} GiB available"
    return Finding("memory", "ok", text) if available >= LOW_MEMORY_BYTES else Finding(
        "memory", "warning", text, "close other programs, or run fewer trials at once with resources.cpus_per_trial"
    )  # fmt: skip


def _compiler() -> Finding:
    from trainables.training.compilation import find_compiler

    found = find_compiler()
    if found is None:
        return Finding("compiler", "warning", "no C++ compiler", "install g++ for studies with compile: true")
    return Finding("compiler", "ok", found)


def _photos() -> Finding:
    """The folder `data` and what stands in for it: see Study.data_config."""
    named = os.environ.get("TINTUNE_DATA")
    if named is None:
        return Finding("photos", "ok", "read from the folder data of where a command is run; TINTUNE_DATA is not set")
    if not Path(named).is_dir():
        return Finding("photos", "error", f"TINTUNE_DATA is {named!r}, which is no folder", "correct or unset it")
    return Finding("photos", "ok", f"TINTUNE_DATA: {named} stands in for the folder data")


def _browser() -> Finding:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found:
        return Finding("browser", "ok", found)
    return Finding(
        "browser", "warning", "no chromium", "reports open in any browser; the browser's tests need chromium"
    )
