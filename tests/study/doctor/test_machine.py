"""machine.py and services.py: every line says what works here and, where it does not, what to do."""

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from study.doctor import machine as doctor
from study.doctor import services
from tests.deploy.mps_stand_in import install
from tests.study.commands import closed_port, tintune

WHATS = ["Python", "packages", "device", "memory", "compiler", "Ray", "MLflow", "storage", "cache", "photos", "browser"]


@pytest.fixture(params=[401, 404])
def web_server(request: pytest.FixtureRequest) -> Iterator[tuple[int, str]]:
    """A server that answers every request with one status, and its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield request.param, f"http://someone:secret@127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_doctor_examines_everything_a_study_needs_and_leaves_nothing(tmp_path: Path) -> None:
    done = tintune(tmp_path, "doctor", "--json")
    assert done.returncode == 0, done.stdout
    document = json.loads(done.stdout)
    levels = {one["what"]: one["level"] for one in document["findings"] if not one["what"].startswith(("GPU", "MPS"))}
    assert list(levels) == WHATS and set(levels.values()) <= {"ok", "warning"} and document["works"]
    assert all(one["remedy"] for one in document["findings"] if one["level"] != "ok")
    assert not (tmp_path / "studies").exists()


def test_what_does_not_answer_is_an_error_with_a_remedy_and_exit_code_1(tmp_path: Path) -> None:
    port = closed_port()
    options = ("--storage", "/proc/studies", "--tracking-uri", f"http://127.0.0.1:{port}")
    done = tintune(tmp_path, "doctor", "--json", *options, "--address", f"127.0.0.1:{port}")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    document = json.loads(done.stdout)
    errors = {one["what"]: f"{one['text']}: {one['remedy']}" for one in document["findings"] if one["level"] == "error"}
    assert set(errors) == {"Ray", "MLflow", "storage"} and not document["works"]
    assert f"No Ray cluster answers at 127.0.0.1:{port}" in errors["Ray"] and "ray start --head" in errors["Ray"]
    assert (
        f"http://127.0.0.1:{port} does not answer: " in errors["MLflow"] and "MLFLOW_TRACKING_URI" in errors["MLflow"]
    )
    assert "/proc cannot be read and written" in errors["storage"] and "choose another --storage" in errors["storage"]


def test_an_mlflow_server_that_asks_for_a_password_is_told_from_another_server(web_server: tuple[int, str]) -> None:
    status, uri = web_server
    finding = services.mlflow_finding(uri)
    assert finding.level == "error" and "secret" not in finding.text
    words = {401: ("user and password", "MLFLOW_TRACKING_USERNAME"), 404: ("no MLflow server", "--tracking-uri")}[
        status
    ]
    assert words[0] in finding.text and words[1] in finding.remedy


@pytest.mark.parametrize(
    ("address", "words"),
    [("nonsense", "HOST:PORT"), ("127.0.0.1:99999", "HOST:PORT"), ("nowhere.invalid:6379", "No Ray cluster answers")],
)
def test_an_address_that_cannot_be_is_refused_within_seconds(address: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        services.check_address(address)


def test_a_folder_must_be_read_and_written_and_have_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = services.storage_finding("storage", tmp_path / "studies", "move")
    assert good.level == "ok" and "GiB free" in good.text and list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    bad = services.storage_finding("storage", tmp_path / "file", "move")
    assert (bad.level, bad.remedy) == ("error", "move")
    monkeypatch.setattr(services, "LOW_DISK_BYTES", 1 << 60)
    assert services.storage_finding("storage", tmp_path, "move").level == "warning"


def test_a_package_that_is_missing_is_an_error() -> None:
    finding = doctor.package_finding({"torch": "2.15", "ray": "not installed"})
    assert (finding.level, finding.text, finding.remedy) == ("error", "missing ray", "run make install")


def test_a_service_for_sharing_gpus_that_could_run_and_does_not_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as nowhere:
        nowhere.setenv("PATH", "")
        absent = doctor.mps_finding()
    assert (absent.level, absent.remedy) == ("ok", "") and "take turns" in absent.text
    with tempfile.TemporaryDirectory(prefix="hu-") as folder:
        for name, value in install(Path(folder)).items():
            monkeypatch.setenv(name, value)
        for name in ("CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"):
            monkeypatch.setenv(name, folder)
        missing = doctor.mps_finding()
        assert missing.level == "warning" and missing.remedy.endswith(": nvidia-cuda-mps-control -d")
        subprocess.run([doctor.MPS_CONTROL, "-d"], check=True)
        running = doctor.mps_finding()
        assert (running.level, running.remedy) == ("ok", "") and f"answers in {folder}" in running.text
        subprocess.run([doctor.MPS_CONTROL], input="quit -t 1", text=True, check=True)
        assert doctor.mps_finding() == missing


def test_little_memory_is_a_warning() -> None:
    assert [doctor.memory_finding(size).level for size in (2 << 30, 8 << 30, None)] == ["warning", "ok", "ok"]
    assert (doctor.memory_bytes() or 1 << 30) > 1 << 20
