"""A ledger in an object store: the same study, the same bits, whatever is killed, and one sentence where it is gone."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from study.errors import LeaseHeldError
from study.ledger.lease import lease
from study.ledger.ledger import Ledger
from study.storage.path import StoragePath, storage_path
from tests.chaos.object_store import BUCKET, Door, object_store
from tests.chaos.processes import finish, kill_everything, num_epochs, said, start
from tests.chaos.test_kill import ORCHARD, content
from tests.chaos.test_storage import STUDY as SLOW_STUDY
from tests.chaos.test_storage import assert_stops
from tests.study.commands import tintune, write_study

pytestmark = pytest.mark.full

STUDY = ORCHARD.replace("trials_per_arm: 2", "trials_per_arm: 1")


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with object_store(tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    write_study(folder, STUDY)
    finish(folder)
    return folder


def placed(name: str) -> tuple[StoragePath, tuple[str, str]]:
    """A place in the bucket, and the flag that puts studies there."""
    place = storage_path(f"s3://{BUCKET}/{name}")
    return place, ("--storage", str(place / "studies"))


def wait_for(place: StoragePath, number: int, folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while num_epochs(place) < number:
        assert process.poll() is None and time.monotonic() < deadline, said(folder)
        time.sleep(0.2)


def test_killed_twice_it_continues_to_the_bits_of_a_study_in_a_folder(
    door: Door, undisturbed: Path, tmp_path: Path
) -> None:
    place, flags = placed("killed")
    write_study(tmp_path, STUDY)
    for number in (4, 25):
        process = start(tmp_path, *flags)
        wait_for(place, number, tmp_path, process)
        kill_everything(process)
    finish(tmp_path, *flags)
    assert content(place) == content(undisturbed)

    study = place / "studies" / "analytic"
    first = next(one for one in Ledger(study).entries("confirm") if one.arm == "joint" and one.replicate == 1)
    kept = {path.name for path in Ledger(study).trial_folder(first.name).iterdir()}
    pictures = {"gallery.png", "pictures.parquet", "variants.parquet"}
    assert kept == {"trial.json", "epochs.jsonl", "checkpoint.pt", "photos.parquet", *pictures}
    assert not Ledger(study).checkpoint("joint-search-0").exists()
    assert "<html" in (study / "report" / "report.html").read_text()
    assert not (study / "lease.json").exists() and not (tmp_path / "studies").exists()

    # From another machine: a cache that has nothing of the study.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shown = tintune(elsewhere, "status", str(study), "--json")
    assert {row["running"] for row in json.loads(shown.stdout)["trials"]} == {0}, shown.stderr
    verdict = tintune(elsewhere, "report", str(study), "--json")
    ours = json.loads(verdict.stdout)
    assert ours["lines"] == json.loads((study / "report" / "verdict.json").read_text())["lines"], verdict.stderr
    assert Path(ours["report"]).is_relative_to(elsewhere / "cache")
    assert "last bit" in tintune(elsewhere, "reproduce", str(study), "joint-search-0").stdout
    uri = f"sqlite:///{elsewhere / 'mlflow.db'}"
    synced = tintune(elsewhere, "sync", str(study), "--tracking-uri", uri)
    assert synced.returncode == 0, synced.stderr
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("analytic")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == len(Ledger(study).names()) + 1
    parent = next(run for run in runs if run.info.run_name == "analytic")
    assert {one.path for one in client.list_artifacts(parent.info.run_id)} >= {"results", "report", "study.yaml"}
    assert len(client.search_logged_models([experiment.experiment_id])) > 0
    photo = next(iter(sorted(_drawn(elsewhere).glob("*.png"))))
    colored = tintune(elsewhere, "colorize", str(photo), "--model", f"{study}:joint", "--json")
    assert colored.returncode == 0 and "error" not in json.loads(colored.stdout), colored.stderr
    assert tintune(elsewhere, "compare", str(study), str(study), "--json").returncode == 0


def _drawn(folder: Path) -> Path:
    from PIL import Image

    Image.linear_gradient("L").save(folder / "grey.png")
    return folder


def test_a_second_driver_is_refused(door: Door) -> None:
    folder = storage_path(f"s3://{BUCKET}/leased")
    with lease(folder), pytest.raises(LeaseHeldError, match="being driven by process"), lease(folder):
        pass
    assert not (folder / "lease.json").exists()


def test_a_store_that_stops_answering_stops_the_study_and_loses_nothing(door: Door, tmp_path: Path) -> None:
    place, flags = placed("outage")
    write_study(tmp_path, SLOW_STUDY)
    process = start(tmp_path, *flags)
    wait_for(place, 5, tmp_path, process)
    door.shut()
    try:
        assert_stops(process, tmp_path, "Check that the store answers")
        refused = tintune(tmp_path, "status", str(place / "studies" / "analytic"))
        assert refused.returncode == 2 and "Could not connect" in refused.stderr and "Traceback" not in refused.stderr
    finally:
        door.open()
    finish(tmp_path, *flags)
    ledger = Ledger(place / "studies" / "analytic")
    assert {(entry.state, len(ledger.records(entry.name))) for entry in ledger.entries()} == {("done", 6)}


def test_what_cannot_be_a_place_for_studies_is_refused(door: Door, tmp_path: Path) -> None:
    write_study(tmp_path)
    for storage, words in (
        ("s3://no-such-bucket/studies", "bucket does not exist"),
        ("zz://somewhere/studies", "cannot be reached from here"),
        ("s3:/tintune/studies", "write s3://"),
    ):
        done = tintune(tmp_path, "launch", "study.yaml", "--storage", storage)
        # A terminal's width may break the sentence.
        assert done.returncode == 2 and words in " ".join(done.stderr.replace("│", " ").split()), done.stderr
        assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"study.yaml", "cache"}
