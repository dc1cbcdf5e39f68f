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
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from PIL import Image

from analysis.report import write
from tests.analysis.synthetic_study import write_study as write_tables
from tests.chaos.processes import family
from tests.study.commands import closed_port, environment, tintune, write_study

pytestmark = pytest.mark.full

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browsed")
    done = tintune(folder, "launch", write_study(folder))
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
    broken_rows: [...inside.querySelectorAll(".pictures .row")].filter(
      (row) => new Set([...row.children].map((one) => one.getBoundingClientRect().top)).size > 1).length,
    silent: [...inside.querySelectorAll(".scrolling")].filter((one) => {{
      const box = one.querySelector(".scroll"), more = one.querySelector(".more");
      return (box.scrollWidth > box.clientWidth + 1) !== (more.getBoundingClientRect().height > 0);
    }}).length,
    scrolling: [...inside.querySelectorAll(".overflows")].length,
    dark: getComputedStyle(inside.body).backgroundColor,
  }});
  document.body.append(found);
}}, 5000));
</script>"""
"""Looks at the report in a frame of exactly this width: Chromium's own window is never narrower than 500 pixels."""

SECTIONS = (
    "Verdict", "Task effects", "Trade-off", "Settings", "Concepts", "Training dynamics", "Gallery", "Data colours",
    "Cost",
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
    assert found["broken_rows"] == found["silent"] == 0
    assert found["scrolling"] > 0 or width > 390
    assert found["drawn"] == found["plots"] >= 4 and found["broken"] == 0
    assert found["dark"] == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[theme]
    assert not re.search(r"CONSOLE.*(Error|Uncaught|Failed)", page.stderr), page.stderr
    browse(probe.as_uri(), tmp_path, *flags, f"--screenshot={tmp_path / 'page.png'}")
    colors = Image.open(tmp_path / "page.png").convert("RGB").getcolors(maxcolors=1 << 24)
    assert colors and len(colors) > 50, "the page is not blank"


@pytest.fixture(scope="module")
def pages(launched: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's pages on a launched study, opened by `tintune ui`; their address."""
    folder = tmp_path_factory.mktemp("pages")
    port = closed_port()
    command = [sys.executable, "-m", "study", "ui", str(launched / "studies" / "analytic"), "--port", str(port)]
    said = folder / "ui.log"
    with said.open("w") as log:
        server = subprocess.Popen(command, env=environment(launched), start_new_session=True, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        words = said.read_text()
        assert f"http://127.0.0.1:{port}/#/experiments/" in words
        # MLflow's own words advise to open the port to other machines; they are kept in a file.
        assert "0.0.0.0" not in words
        mlflow = Path(f"/proc/{family(server.pid)[1]}")
        assert b"mlflow" in (mlflow / "cmdline").read_bytes()
        assert b"MLFLOW_ENABLE_ASSISTANT_SANDBOX=true" in (mlflow / "environ").read_bytes()
        yield f"http://127.0.0.1:{port}"
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


@pytest.fixture(scope="module")
def shown(launched: Path) -> dict[str, Run]:
    """The runs of the launched study by name, the study's own under the study's name."""
    client = MlflowClient(tracking_uri=f"sqlite:///{launched / 'studies' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("analytic")
    assert experiment is not None
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id], max_results=1000)}


def dom(url: str, folder: Path) -> str:
    return browse(url, folder, "--window-size=1700,1200", "--dump-dom").stdout


def test_the_experiment_page_finds_confirm_trials_by_the_docs_filter_in_order(
    pages: str, shown: dict[str, Run], tmp_path: Path
) -> None:
    (experiment_id,) = {run.info.experiment_id for run in shown.values()}
    given = 'tags.phase = "confirm" and tags.arm = "joint"'
    assert given in (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    query = f"searchFilter={quote(given)}&orderByKey=attributes.run_name&orderByAsc=true"
    page = dom(f"{pages}/#/experiments/{experiment_id}/runs?{query}", tmp_path)
    expected = sorted(name for name in shown if name.startswith("joint") and "-confirm-" in name)
    positions = [page.find(f">{name}<") for name in expected]
    assert -1 not in positions and positions == sorted(positions) and "-search-00" not in page
    digest = shown[expected[0]].inputs.dataset_inputs[0].dataset.digest
    assert digest in page, "the data set's column"


def test_the_studys_own_page_says_question_and_verdict(pages: str, shown: dict[str, Run], tmp_path: Path) -> None:
    run = shown["analytic"]
    page = dom(f"{pages}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}", tmp_path)
    assert "Does naming help to colour?" in page and "replicates" in page


def test_a_trials_page_shows_best_and_final_and_its_confusion_matrix(
    pages: str, shown: dict[str, Run], tmp_path: Path
) -> None:
    run = next(run for name, run in sorted(shown.items()) if name.startswith("joint") and "-confirm-" in name)
    address = f"{pages}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    page = dom(address, tmp_path)
    assert "best/val/delta_e" in page and "final/test/top1" in page
    page = dom(f"{address}/artifacts/confusion.png", tmp_path)
    assert "confusion.png" in page and re.search(r'<img[^>]+src="(blob|data):', page), "the picture is drawn"


def test_the_comparison_page_sets_two_arms_side_by_side(pages: str, shown: dict[str, Run], tmp_path: Path) -> None:
    names = [
        next(name for name in sorted(shown) if name.startswith(f"{arm}-confirm"))
        for arm in ("color_only", "class_only")
    ]
    ids, experiment = json.dumps([shown[name].info.run_id for name in names]), shown[names[0]].info.experiment_id
    page = dom(f"{pages}/#/compare-runs?runs={quote(ids)}&experiments={quote(json.dumps([experiment]))}", tmp_path)
    # Of a long table MLflow draws the rows in view alone.
    assert all(name in page for name in names) and "class_loss_weight" in page and "best/val/delta_e" in page


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{url} does not answer")
