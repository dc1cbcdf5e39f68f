"""The GPU worker of docker-compose.yml starts MPS where it can, never fails for it, and ends it when it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.deploy.compose import ROOT, load, words
from tests.deploy.mps_stand_in import install
from tests.deploy.test_compose_file import FILLED

RAY = """\
#!/bin/sh
trap 'exit 3' TERM
echo "$@" > {folder}/started.tmp
echo "$CUDA_VISIBLE_DEVICES $CUDA_MPS_PIPE_DIRECTORY" >> {folder}/started.tmp
mv {folder}/started.tmp {folder}/started
while :; do sleep 0.05; done
"""
SMI = '#!/bin/sh\n[ "$*" = "--query-gpu=uuid --format=csv,noheader" ] || exit 2\necho GPU-11-aa\necho GPU-22-bb\n'


class Worker:
    """The service ray-worker as a plain process: its own command and variables, with stand-ins for what it calls."""

    def __init__(self, folder: Path, name: str, **variables: str) -> None:
        self.folder, self.pipes = folder / name, folder / name / "tmp" / "nvidia-mps"
        self.log = folder / name / "tmp" / "nvidia-mps-log" / "control.log"
        (self.folder / "bin").mkdir(parents=True)
        found = install(self.folder / "bin")
        programs = {
            "ray": RAY.format(folder=self.folder),
            "nvidia-smi": SMI,
            "python": f'#!/bin/sh\nexec {sys.executable} "$@"\n',
        }
        for program, text in programs.items():
            (self.folder / "bin" / program).write_text(text)
            (self.folder / "bin" / program).chmod(0o755)
        service = load(FILLED)["services"]["ray-worker"]
        self.command = [self._here(word).replace("/cache/gpus", f"{folder}/gpus") for word in words(service["command"])]
        declared = {key: self._here(value) for key, value in service["environment"].items() if key.startswith("CUDA_")}
        self.variables = {**os.environ, **declared, **found, **variables}
        self.process: subprocess.Popen[str] | None = None

    def _here(self, text: str) -> str:
        return text.replace("/app/deploy", str(ROOT / "deploy")).replace("/tmp/", f"{self.folder}/tmp/")

    def start(self) -> list[str]:
        """Starts it and gives what Ray was told, and with which GPU and pipes."""
        (self.folder / "started").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            self.command, env=self.variables, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while not (self.folder / "started").exists():
            assert self.process.poll() is None and time.monotonic() < deadline, self.process.communicate()[1]
            time.sleep(0.02)
        return (self.folder / "started").read_text().split()

    def end(self) -> str:
        """Ends it as docker does, and gives what it said; the exit code is Ray's."""
        assert self.process is not None
        self.process.terminate()
        said = self.process.communicate(timeout=60)[1]
        assert self.process.returncode == 3
        return said

    @property
    def daemon(self) -> int | None:
        """Process of the daemon, while it lives."""
        file = self.pipes / "daemon.pid"
        pid = int(file.read_text()) if file.exists() else None
        return pid if pid is not None and Path(f"/proc/{pid}").exists() else None


@pytest.fixture
def worker() -> Iterator[Callable[..., Worker]]:
    """Makes workers of one machine, by name; all of them are gone afterwards."""
    # Sockets live in it, and a socket's path may have 107 letters.
    folder, made = Path(tempfile.mkdtemp(prefix="hu-")), []

    def make(name: str = "one", **variables: str) -> Worker:
        made.append(Worker(folder, name, **variables))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()
        if one.daemon:
            os.kill(one.daemon, signal.SIGKILL)
    shutil.rmtree(folder)


def test_each_worker_has_a_service_of_its_own_that_ends_with_it(worker: Callable[..., Worker]) -> None:
    one, other = worker("one"), worker("other")
    assert one.start()[-2:] == ["GPU-11-aa", str(one.pipes)]
    started = other.start()
    assert started[:2] == ["start", "--block"] and started[-2:] == ["GPU-22-bb", str(other.pipes)]
    assert one.daemon and other.daemon and one.daemon != other.daemon
    assert one.end() == "" and one.daemon is None and other.daemon
    assert one.log.read_text().split("\n")[-2].startswith("quit")
    # A container that is started again has the files of its last life.
    assert one.start()[-2:] == ["GPU-11-aa", str(one.pipes)] and one.daemon
    os.kill(one.daemon, signal.SIGKILL)
    one.end()
    assert (one.pipes / "control").exists()
    one.start()
    assert one.daemon
    assert [one.end(), other.end()] == ["", ""] and one.daemon is other.daemon is None


def test_a_service_that_runs_already_is_shared_and_left_alone(worker: Callable[..., Worker]) -> None:
    one = worker()
    for name in ("PIPE", "LOG"):
        Path(one.variables[f"CUDA_MPS_{name}_DIRECTORY"]).mkdir(parents=True)
    subprocess.run(["nvidia-cuda-mps-control", "-d"], env=one.variables, check=True)
    one.start()
    assert one.end() == "" and one.daemon


@pytest.mark.parametrize("broken", ["BROKEN_CONTROL", "BROKEN_SERVICE"])
def test_a_service_that_does_not_work_keeps_no_worker_from_starting(worker: Callable[..., Worker], broken: str) -> None:
    one = worker(**{broken: "1"})
    assert one.start()[0] == "start" and one.daemon is None
    assert "warning: no MPS, trials of one GPU take turns: " in one.end()


@pytest.mark.skipif(shutil.which("nvidia-cuda-mps-control") is not None, reason="this machine has the tool")
def test_a_worker_without_the_tool_starts_without_a_word(worker: Callable[..., Worker]) -> None:
    one = worker()
    (one.folder / "bin" / "nvidia-cuda-mps-control").unlink()
    assert one.start()[0] == "start"
    assert one.end() == "" and not one.pipes.exists()
