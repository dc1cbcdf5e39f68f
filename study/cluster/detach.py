"""A launch handed to a Ray cluster as a job, so that the terminal may close."""

import logging
import os
import re
import shlex
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from study.definition.load import parse_study
from study.definition.study import Study
from study.storage.path import StoragePath, storage_path
from study.tracking.address import without_password

STUDY_FILE = "study.yaml"
"""Name of the study's file in the folder that travels with the job."""
START_SECONDS = 120.0
"""For the cluster to start the job's first process."""


@dataclass(frozen=True, kw_only=True)
class Detached:
    """A launch that now belongs to the cluster."""

    job: str
    """The job's name on the cluster."""
    address: str
    """Of the job API, as http://HOST:PORT."""
    folder: StoragePath
    """Of the study, as the cluster's nodes see it."""


def entrypoint(storage: StoragePath, tracking_uri: str | None) -> str:
    """The command that the cluster runs; Ray itself tells it the cluster's address.

    Raises:
        ValueError: `tracking_uri` holds a password, which everyone who lists the cluster's jobs would read.
    """
    words = ["tintune", "launch", STUDY_FILE, "--storage", str(storage.absolute())]
    if tracking_uri is not None:
        if without_password(tracking_uri) != tracking_uri:
            raise ValueError(
                "A job's command can be read by all who use the cluster, so --tracking-uri must hold no password: set "
                "MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD where the cluster starts."
            )
        words += ["--tracking-uri", tracking_uri]
    return shlex.join(words)


def submit(study: Study, storage: StoragePath, tracking_uri: str | None, address: str) -> Detached:
    """Hands the launch to the cluster at `address` (HOST:6379 or http://HOST:8265) and returns once it has started.

    The study's file travels along, its relative paths made absolute from here; photos, storage and this package must
    be on the cluster already. Nothing is started here.

    Raises:
        ValueError: the cluster cannot be reached, does not know this person's token, or cannot start the job.
    """
    import requests
    from ray.exceptions import RayError
    from ray.job_submission import JobSubmissionClient

    command = entrypoint(storage, tracking_uri)
    # Ray tells how it uploads; what counts here is whether the cluster took it.
    logging.getLogger("ray").setLevel(logging.WARNING)
    # Ray would prefer RAY_ADDRESS to the address it is given; this variable alone stands above both.
    os.environ["RAY_API_SERVER_ADDRESS"] = address
    try:
        client = JobSubmissionClient(address)
        with tempfile.TemporaryDirectory(prefix="tintune-job-") as folder:
            Path(folder, STUDY_FILE).write_text(travelling_text(study))
            job = client.submit_job(
                entrypoint=command, submission_id=_job_name(study), runtime_env={"working_dir": folder}
            )
        _wait_for_start(client, job)
    except (RayError, RuntimeError, OSError, requests.RequestException) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ValueError(
            f"Ray's job API at {address} did not take the study: {reason}. Check the "
            "address (http://HOST:8265), that the cluster has ray[default], and RAY_AUTH_MODE and RAY_AUTH_TOKEN."
        ) from error
    return Detached(job=job, address=client.get_address(), folder=(storage / study.name).absolute())


def described(detached: Detached) -> str:
    """How to follow and how to stop, for the person who launched."""
    flag = f"--address {detached.address}"
    return (
        f"Launched as {detached.job}; this terminal may close.\n"
        f"  how far it is:  tintune status {shlex.quote(str(detached.folder))}\n"
        f"  what it prints: ray job logs {detached.job} --follow {flag}\n"
        f"  to stop it:     ray job stop {detached.job} {flag}\n"
        "Stopped or lost, the same launch continues it."
    )


def _job_name(study: Study) -> str:
    # The same study may be launched again, and a job's name is taken for ever.
    return re.sub(r"[^A-Za-z0-9_-]", "-", study.name) + datetime.now(UTC).strftime("-%Y%m%d-%H%M%S-%f")


def travelling_text(study: Study) -> str:
    """The study's text; a relative path in it means the folder that the person stands in, not the job's."""
    data = study.data_config()
    paths = {"data.root": data.root, "data.split_file": data.split_file, "search.warm_start": study.search.warm_start}
    changes = [f"{key}={storage_path(path).absolute()}" for key, path in paths.items() if path is not None]
    return parse_study(study.document, study.name, changes).document


def _wait_for_start(client: Any, job: str) -> None:
    """Returns when the job's process runs; a job that failed to start is told with what it printed last."""
    from ray.job_submission import JobStatus

    deadline = time.monotonic() + START_SECONDS
    while (status := client.get_job_status(job)) == JobStatus.PENDING:
        if time.monotonic() > deadline:
            raise RuntimeError(f"Job {job} waits since {START_SECONDS:.0f} s: the cluster has no room to start it.")
        time.sleep(0.5)
    if status == JobStatus.FAILED:
        raise RuntimeError(f"Job {job} failed to start: {client.get_job_info(job).message or 'no reason given'}")
