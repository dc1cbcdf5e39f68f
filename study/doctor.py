"""What works on this machine, line by line, each with a remedy."""

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from study.fingerprint import packages
from trainables.cache import default_cache

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
LOW_DISK_BYTES = 5 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One line of the doctor."""

    what: str
    level: str
    """`ok`, `warning` or `error`."""
    text: str


def examine() -> list[Finding]:
    """Everything a study needs here."""
    return [
        _python(),
        *package_findings(packages()),
        _device(),
        _compiler(),
        _ray(),
        _mlflow(),
        *storage_findings({"studies": Path("studies"), "cache": default_cache()}),
        _browser(),
    ]


def print_findings(findings: list[Finding], console: Console) -> None:
    """The findings as a table."""
    table = Table(show_header=False)
    colors = {"ok": "green", "warning": "yellow", "error": "red"}
    for finding in findings:
        table.add_row(finding.what, f"[{colors[finding.level]}]{finding.level}[/]", finding.text)
    console.print(table)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Finding("Python", "ok" if good else "error", version if good else f"{version}: install 3.11 or newer")


def package_findings(versions: dict[str, str]) -> list[Finding]:
    """Whether everything is installed that a result depends on."""
    missing = [name for name, version in versions.items() if version == "not installed"]
    if missing:
        return [Finding("packages", "error", f"missing: {', '.join(missing)}; run make install")]
    text = ", ".join(f"{name} {version}" for name, version in versions.items())
    return [Finding("packages", "ok", text)]


def _device() -> Finding:
    from trainables.devices import choose_device, choose_precision, describe

    device = choose_device("auto")
    precision = str(choose_precision("auto", device)).removeprefix("torch.")
    text = f"{describe(device)}, {precision}, {os.cpu_count()} CPU cores"
    if device.type == "cpu":
        return Finding("device", "warning", f"{text}: no GPU was found; studies of the catalogue for GPUs take days")
    return Finding("device", "ok", text)


def _compiler() -> Finding:
    from trainables.training_step import find_compiler

    found = find_compiler()
    if found is None:
        return Finding("compiler", "warning", "no C++ compiler: install g++ for studies with compile: true")
    return Finding("compiler", "ok", found)


def _ray() -> Finding:
    import ray

    try:
        ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        answer = ray.get(ray.remote(lambda: 1).remote(), timeout=60)
        cpus = ray.cluster_resources().get("CPU", 0)
    except (RuntimeError, OSError, TimeoutError) as error:
        return Finding("Ray", "error", f"does not start here ({error}); check free memory and /tmp")
    finally:
        ray.shutdown()
    return Finding("Ray", "ok" if answer == 1 else "error", f"ran a task on {cpus:g} CPU slots")


def _mlflow() -> Finding:
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    with tempfile.TemporaryDirectory() as folder:
        try:
            MlflowClient(tracking_uri=uri or f"sqlite:///{folder}/mlflow.db").search_experiments(max_results=1)
        except (MlflowException, OSError) as error:
            return Finding("MLflow", "error", f"MLFLOW_TRACKING_URI does not answer ({str(error)[:120]})")
    return Finding("MLflow", "ok", "MLFLOW_TRACKING_URI answers" if uri else "a SQLite store works")


def storage_findings(folders: dict[str, Path]) -> list[Finding]:
    """Whether each folder, or the nearest one above it that exists, can be written and has room."""
    findings = []
    for what, path in folders.items():
        ancestor = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
        free = shutil.disk_usage(ancestor).free
        text = f"{path}: {free / 1024**3:.0f} GiB free"
        try:
            tempfile.TemporaryFile(dir=ancestor).close()
        except OSError as error:
            findings.append(Finding(what, "error", f"{ancestor}: {error.strerror}; choose another folder"))
            continue
        if free < LOW_DISK_BYTES:
            findings.append(Finding(what, "warning", f"{text}; make room"))
        else:
            findings.append(Finding(what, "ok", text))
    return findings


def _browser() -> Finding:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found:
        return Finding("browser", "ok", found)
    return Finding("browser", "warning", "none found; reports open in any browser, browser tests need chromium")
