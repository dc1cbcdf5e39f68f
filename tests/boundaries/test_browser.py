"""A real browser opens the report without a network, and MLflow's pages on a real server."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

from study.mlflow_server import free_port
from tests.study.commands import environment, hueristic, write_study

pytestmark = pytest.mark.full

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browsed")
    done = hueristic(folder, "launch", write_study(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def browse(url: str, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Chromium without a window and without any network but loopback."""
    assert CHROMIUM, "install chromium; make test-all needs a browser"
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--enable-logging=stderr", "--v=0",
        f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", *flags, url,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_opens_without_a_network_at_phone_and_desktop_width(
    launched: Path, tmp_path: Path, width: int
) -> None:
    url = (launched / "studies" / "analytic" / "report" / "report.html").as_uri()
    page = browse(url, tmp_path, f"--window-size={width},2000", "--dump-dom")
    for section in (
        "Verdict",
        "Task effects",
        "Trade-off",
        "Settings",
        "Training dynamics",
        "Gallery",
        "Data colours",
        "Cost",
    ):
        assert re.search(rf"<h2[^>]*>.*{section}", page.stdout), section
    assert page.stdout.count('class="main-svg"') >= 4, "figures are drawn"
    assert not re.search(r"CONSOLE.*(Error|Uncaught|Failed)", page.stderr), page.stderr
    browse(url, tmp_path, f"--window-size={width},2000", f"--screenshot={tmp_path / 'page.png'}")
    colors = Image.open(tmp_path / "page.png").convert("RGB").getcolors(maxcolors=1 << 24)
    assert colors and len(colors) > 50, "the page is not blank"


def test_mlflow_s_pages_show_the_study_and_its_arms(launched: Path, tmp_path: Path) -> None:
    port = free_port(None)
    command = [sys.executable, "-m", "study", "ui", str(launched / "studies" / "analytic"), "--port", str(port)]
    said = tmp_path / "ui.log"
    with said.open("w") as log:
        server = subprocess.Popen(command, env=environment(launched), start_new_session=True, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        address = re.search(rf"http://127.0.0.1:{port}/#/experiments/\d+/runs", said.read_text())
        assert address, said.read_text()
        page = browse(address[0], tmp_path, "--window-size=1500,1000", "--dump-dom")
        assert "analytic" in page.stdout and "Run Name" in page.stdout
    finally:
        # To the command alone, as a service manager does; what it started must end with it.
        server.send_signal(signal.SIGINT)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{url} does not answer")
