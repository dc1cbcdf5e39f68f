"""Ray's first workers load what they need while the driver does, instead of after it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

MODULES = "RAY_preload_python_modules"
"""Variable that Ray passes on to its workers."""
FOLDER = "TINTUNE_LOADED"
"""Variable that names the folder where each worker leaves a mark once it is ready: `study/cluster/preload.py`."""
MAX_CORES, MAX_CPUS_PER_TRIAL = 16, 2.0
PRELOAD_SECONDS = 30.0
"""For the first workers to be ready; after that Ray starts others."""


@contextmanager
def preloading(modules: Sequence[str], cpus_per_trial: float) -> Iterator[None]:
    """Every worker of a Ray started inside the block loads these modules before it takes work.

    Ray starts one worker a core. On a large machine, and where a trial takes several cores, most of them would load in
    vain, and each with torch takes 0.7 GiB; there the first trials load for themselves.
    """
    if (os.cpu_count() or 1) > MAX_CORES or cpus_per_trial > MAX_CPUS_PER_TRIAL:
        modules = ()
    folder = tempfile.mkdtemp(prefix="tintune-loaded-")
    os.environ |= {MODULES: ",".join([*modules, "study.cluster.preload"]), FOLDER: folder}
    try:
        yield
    finally:
        for name in (MODULES, FOLDER):
            os.environ.pop(name, None)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_workers(number: int) -> None:
    """Returns when so many of the workers that Ray started with itself are ready: Ray Tune would not wait for them and
    start others. For a Ray started inside `preloading`.

    They are asked nothing: a worker that has run a task is given no actor.
    """
    folder, deadline = os.environ.get(FOLDER), time.monotonic() + PRELOAD_SECONDS
    while folder and len(os.listdir(folder)) < number and time.monotonic() < deadline:
        time.sleep(0.05)


if FOLDER in os.environ:
    Path(os.environ[FOLDER], str(os.getpid())).touch()
