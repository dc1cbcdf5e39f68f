"""Whether Ray, MLflow and the folders of a study answer, said as findings."""

import os
import shutil
import tempfile
from pathlib import Path

from study.cluster.ray_session import check_address
from study.doctor.finding import Finding
from study.storage.failures import write_problem
from study.storage.path import StoragePath
from study.tracking.address import be_patient, sqlite_file, without_password

LOW_DISK_BYTES = 5 * 1024**3


def ray_finding(address: str | None) -> Finding:
    """Whether Ray starts here, or answers at the address, and runs a task."""
    import ray

    options = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address:
            check_address(address)
            ray.init(address=address, **options)
        else:
            ray.init(address="local", include_dashboard=False, **options)
        ray.get(ray.remote(lambda: 1).remote(), timeout=60)
        there = ray.cluster_resources()
        num_nodes = sum(node["Alive"] for node in ray.nodes())
    except (RuntimeError, OSError, ValueError, ray.exceptions.RayError) as error:
        remedy = (
            ""
            if isinstance(error, ValueError)
            else "look at free memory and /tmp here, and at the cluster's ray status"
        )
        return Finding("Ray", "error", str(error).splitlines()[0], remedy)
    finally:
        ray.shutdown()
    where = f"{num_nodes} nodes at {address}" if address else "this machine"
    return Finding(
        "Ray", "ok", f"ran a task on {where}: {there.get('CPU', 0):g} CPU slots, {there.get('GPU', 0):g} GPUs"
    )


def mlflow_finding(uri: str) -> Finding:
    """Whether the store answers and lets us in."""
    import logging

    shown, file = without_password(uri), sqlite_file(uri)
    if file is not None and not file.exists():
        return Finding("MLflow", "ok", f"{shown} will be made by the first launch")
    be_patient()
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    try:
        MlflowClient(tracking_uri=uri).search_experiments(max_results=1)
    except (MlflowException, OSError, ImportError) as error:
        text, remedy = _mlflow_words(str(error).splitlines()[0])
        return Finding("MLflow", "error", f"{shown} {text}", remedy)
    user = os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    return Finding("MLflow", "ok", f"{shown} answers" + (f" {user}" if user and uri.startswith("http") else ""))


def _mlflow_words(message: str) -> tuple[str, str]:
    """What a client's message means, and what to do."""
    if "error code 401" in message or "error code 403" in message:
        known = "MLFLOW_TRACKING_USERNAME" in os.environ
        return (
            "refuses user and password" if known else "asks for user and password",
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to an account there",
        )
    if "valid JSON" in message or "error code 404" in message:
        return "answers, but is no MLflow server", "correct --tracking-uri or MLFLOW_TRACKING_URI"
    if "No module named" in message:
        return f"needs a driver for its database ({message})", "install it, or give an MLflow server's address"
    reason = "" if "Max retries exceeded" in message else f" ({message[:120]})"
    return f"does not answer{reason}", "start the server, or correct --tracking-uri or MLFLOW_TRACKING_URI"


def storage_finding(what: str, path: StoragePath, remedy: str) -> Finding:
    """Whether studies can be kept there."""
    if isinstance(path, Path):
        return _folder_finding(what, path, remedy)
    if reason := write_problem(path):
        return Finding(what, "error", f"{path} cannot be written ({reason})", remedy)
    return Finding(what, "ok", f"{path} can be written")


def _folder_finding(what: str, path: Path, remedy: str) -> Finding:
    """Whether a folder, or the nearest one above it that exists, can be read and written, replaces files whole, and
    has room."""
    ancestor = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    try:
        os.listdir(ancestor)
        with tempfile.TemporaryDirectory(dir=ancestor, prefix=".tintune-") as folder:
            old, new = Path(folder, "old"), Path(folder, "new")
            old.write_text("old")
            new.write_text("new")
            os.replace(new, old)
            if old.read_text() != "new" or new.exists():
                return Finding(what, "error", f"{ancestor} does not replace files whole", remedy)
    except OSError as error:
        return Finding(what, "error", f"{ancestor} cannot be read and written ({error.strerror})", remedy)
    free = shutil.disk_usage(ancestor).free
    text = f"{path} can be read and written, {free / 1024**3:.0f} GiB free"
    return Finding(what, "warning", text, "make room") if free < LOW_DISK_BYTES else Finding(what, "ok", text)
