"""download.py: a report from nothing but an MLflow server and a study's name."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from study.ledger.ledger import Ledger
from study.tracking.view import MlflowView
from tests.study.analytic import TEXT
from tests.study.commands import tintune
from tests.study.finished_study import finished_study
from tests.study.mlflow_servers import MlflowServer

pytestmark = pytest.mark.full

TEXT_OF_ANOTHER = TEXT.replace("name: analytic", "name: another")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    made = MlflowServer(tmp_path_factory.mktemp("server"))
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, server: MlflowServer) -> Ledger:
    ledger = finished_study(tmp_path_factory.mktemp("finished"))
    MlflowView(ledger.folder, server.uri).sync()
    return ledger


def verdict(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "report" / "verdict.json").read_text())
    return found


def test_the_report_is_that_of_the_study_s_own_folder(finished: Ledger, server: MlflowServer, tmp_path: Path) -> None:
    done = tintune(tmp_path, "report", "analytic", "--tracking-uri", server.uri)
    assert done.returncode == 0, done.stderr
    assert verdict(tmp_path / "analytic-report") == verdict(finished.folder)
    assert (tmp_path / "analytic-report" / "report" / "report.html").stat().st_size > 1_000_000
    assert not (tmp_path / "analytic-report" / "trials").exists()
    again = tintune(tmp_path, "report", "analytic", "--tracking-uri", server.uri)
    assert again.returncode == 0 and again.stdout == done.stdout


def test_what_cannot_be_fetched_is_refused_with_a_remedy(
    finished: Ledger, server: MlflowServer, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(finished.folder, own)
    dead = "http://127.0.0.1:9"
    for arguments, words in (
        (("other", "--tracking-uri", server.uri), "It has: analytic"),
        (("analytic", "--tracking-uri", server.uri, "--to", own), "choose another with --to"),
        ((own, "--to", "elsewhere"), "--to goes with --tracking-uri"),
        (("analytic", "--tracking-uri", dead), "could not be fetched from MLflow at http://127.0.0.1:9"),
    ):
        refused = tintune(tmp_path, "report", *arguments)
        assert refused.returncode == 2 and words in refused.stderr, refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_study_without_tables_yet_says_when_they_come(tmp_path: Path, server: MlflowServer) -> None:
    ledger = finished_study(tmp_path / "new", TEXT_OF_ANOTHER)
    shutil.rmtree(ledger.folder / "report")
    MlflowView(ledger.folder, server.uri).sync()
    refused = tintune(tmp_path, "report", "another", "--tracking-uri", server.uri)
    assert refused.returncode == 2 and "has no tables yet" in refused.stderr
