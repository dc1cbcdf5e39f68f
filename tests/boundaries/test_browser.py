"""A real browser opens the report without a network, and MLflow's pages on a real server."""

import html
import json
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

from analysis.report import write
from study.mlflow_server import free_port
from tests.analysis.synthetic_study import write_study as write_tables
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


PROBE = """<!doctype html><body style="margin:0"><iframe id="page" src="report.html"
style="border:0;width:{width}px;height:2000px"></iframe><script>
const frame = document.getElementById("page");
frame.addEventListener("load", () => setTimeout(() => {{
  const inside = frame.contentDocument, width = frame.contentWindow.innerWidth;
  const seen = [...inside.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().width > 0);
  const wide = seen.filter((one) => !one.closest(".scroll") && one.getBoundingClientRect().right > width + 1);
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify({{
    width, scroll: inside.documentElement.scrollWidth, wide: wide.map((one) => one.outerHTML.slice(0, 200)),
    plots: inside.querySelectorAll(".plot").length,
    drawn: [...inside.querySelectorAll(".plot")].filter((one) => one.querySelector(".main-svg")).length,
    sections: [...inside.querySelectorAll("h2")].map((one) => one.textContent),
    broken: [...inside.images].filter((one) => !one.closest("details") && !one.naturalWidth).length,
    dark: getComputedStyle(inside.body).backgroundColor,
  }});
  document.body.append(found);
}}, 5000));
</script>"""
"""Looks at the report in a frame of exactly this width: Chromium's own window is never narrower than 500 pixels."""

SECTIONS = (
    "Verdict", "Task effects", "Trade-off", "Settings", "Training dynamics", "Gallery", "Data colours", "Cost",
)  # fmt: skip


@pytest.fixture(scope="module")
def reports(launched: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of a study as launched, and one whose tables hold everything a report can show."""
    whole = write_tables(tmp_path_factory.mktemp("whole"))
    return {"launched": launched / "studies" / "analytic" / "report" / "report.html", "whole": write(whole)}


@pytest.mark.parametrize("study", ["launched", "whole"])
@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (1280, "dark")])
def test_the_report_opens_without_a_network_at_phone_and_desktop_width(
    reports: dict[str, Path], tmp_path: Path, study: str, width: int, theme: str
) -> None:
    report = reports[study]
    probe = report.with_name(f"probe-{width}.html")
    probe.write_text(PROBE.format(width=width))
    # 0 is dark and 1 is light to Chromium's settings.
    preferred = f"--blink-settings=preferredColorScheme={int(theme == 'light')}"
    flags = ("--allow-file-access-from-files", preferred, "--window-size=1300,2000")
    page = browse(probe.as_uri(), tmp_path, *flags, "--dump-dom")
    (told,) = re.findall(r'<pre id="found">(.*?)</pre>', page.stdout, re.DOTALL)
    found = json.loads(html.unescape(told))
    assert found["width"] == width and found["scroll"] == width and found["wide"] == []
    for section in SECTIONS:
        assert any(section in heading for heading in found["sections"]), section
    assert found["drawn"] == found["plots"] >= 4 and found["broken"] == 0
    assert found["dark"] == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[theme]
    assert not re.search(r"CONSOLE.*(Error|Uncaught|Failed)", page.stderr), page.stderr
    browse(probe.as_uri(), tmp_path, *flags, f"--screenshot={tmp_path / 'page.png'}")
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
