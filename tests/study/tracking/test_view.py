"""view.py against real servers: nothing is lost or shown twice, whatever the server does."""

import dataclasses
import os
import shutil
import subprocess
import time
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from study.ledger.ledger import Ledger
from study.results.export import export
from study.tracking.view import TRIAL_TAG, MlflowView
from tests.study.analytic import TEXT
from tests.study.commands import TINTUNE, environment, write_study
from tests.study.finished_study import finished_study
from tests.study.mlflow_servers import MlflowServer, assert_level, everything, postgres
from trainables.analytic_surface import analytic_images
from trainables.records import repeatable
from trainables.trial import Trial, start

pytestmark = pytest.mark.full

SLOW = TEXT.replace("{dataset: analytic}", "{dataset: analytic, epoch_seconds: 0.2}")
NUM_EPOCHS = 6 * (12 + 9)
"""Of SLOW, at least: 12 search trials, and 3 replicates of 3 settings or more."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return finished_study(tmp_path_factory.mktemp("finished"))


def sync(ledger: Ledger, uri: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TINTUNE, "sync", str(ledger.folder), "--tracking-uri", uri],
        env={**environment(ledger.folder), **variables}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def wait_for_epochs(ledger: Ledger, number: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while sum(len(ledger.records(name)) for name in ledger.names()) < number:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("returns", [True, False])
def test_a_study_does_not_notice_a_server_that_dies_and_sync_levels_it(
    tmp_path: Path, server: MlflowServer, returns: bool
) -> None:
    ledger = Ledger(tmp_path / "studies" / "analytic")
    command = [*TINTUNE, "launch", str(write_study(tmp_path, SLOW)), "--tracking-uri", server.uri]
    with (tmp_path / "launch.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path), stdout=log, stderr=log)
    wait_for_epochs(ledger, NUM_EPOCHS // 3, process)
    server.kill()
    if returns:
        wait_for_epochs(ledger, NUM_EPOCHS * 2 // 3, process)
        server.start()
    assert process.wait(timeout=300) == 0, (tmp_path / "launch.log").read_text()
    for entry in ledger.entries():
        trial = Trial.from_json({"config": entry.config, "data": entry.data} | vars(entry))
        whole = [repeatable(record) for record in start(trial, analytic_images(trial.data))]
        assert entry.state == "done" and [repeatable(record) for record in ledger.records(entry.name)] == whole
    if not returns:
        assert f"tintune sync {ledger.folder}" in (tmp_path / "launch.log").read_text().replace("\n", "")
        refused = sync(ledger, server.uri)
        assert refused.returncode == 2 and "nothing is lost" in refused.stderr and "Traceback" not in refused.stderr
        server.start()
    assert sync(ledger, server.uri).returncode == 0
    assert_level(ledger, server.uri)
    before = everything(server.uri)
    again = sync(ledger, server.uri)
    assert again.returncode == 0 and again.stdout.startswith("0 trials were behind")
    assert everything(server.uri) == before


def test_a_run_made_twice_by_a_repeated_request_is_shown_once(finished: Ledger, server: MlflowServer) -> None:
    MlflowView(finished.folder, server.uri).sync()
    client = MlflowClient(tracking_uri=server.uri)
    experiment_id = client.get_experiment_by_name("analytic").experiment_id
    for run in client.search_runs([experiment_id])[:4]:
        # As the server would have it after a request whose answer was lost: the tags of creation, and nothing else.
        tags = {key: value for key, value in run.data.tags.items() if key != "tintune.synced"}
        client.create_run(experiment_id, run_name=run.info.run_name, start_time=run.info.start_time, tags=tags)
    MlflowView(finished.folder, server.uri).sync()
    assert_level(finished, server.uri)
    assert MlflowView(finished.folder, server.uri).sync() == 0


def test_a_study_whose_own_run_was_made_twice_keeps_its_trials_under_it(finished: Ledger, server: MlflowServer) -> None:
    MlflowView(finished.folder, server.uri).sync()
    client = MlflowClient(tracking_uri=server.uri)
    experiment_id = client.get_experiment_by_name("analytic").experiment_id
    (parent,) = [run for run in client.search_runs([experiment_id]) if TRIAL_TAG not in run.data.tags]
    tags = {key: value for key, value in parent.data.tags.items() if key != "tintune.synced"}
    while client.create_run(experiment_id, start_time=1, tags=tags).info.run_id > parent.info.run_id:
        pass
    MlflowView(finished.folder, server.uri).sync()
    assert_level(finished, server.uri)


def test_an_experiment_deleted_in_mlflow_is_refused_with_the_remedy(finished: Ledger, server: MlflowServer) -> None:
    client = MlflowClient(tracking_uri=server.uri)
    client.delete_experiment(client.create_experiment("analytic"))
    with pytest.raises(ValueError, match="was deleted in MLflow: restore it"):
        MlflowView(finished.folder, server.uri).sync()


def test_a_server_that_asks_for_a_password_gets_it_from_the_environment(
    finished: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = os.urandom(12).hex()
    # Without its cache MLflow hashes the password anew for each request, for up to a second.
    settings = tmp_path / "basic_auth.ini"
    settings.write_text(
        "[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///basic_auth.db\nadmin_username = admin\n"
        "auth_cache_ttl_seconds = 600\n"
    )
    variables = {
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": os.urandom(12).hex(),
    }
    server = MlflowServer(tmp_path / "server", "", "--app-name", "basic-auth", variables=variables)
    server.start()
    try:
        for wrong in ({}, {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "wrong"}):
            refused = sync(finished, server.uri, **wrong)
            assert refused.returncode == 2 and "MLFLOW_TRACKING_PASSWORD" in refused.stderr, refused.stderr
            assert "Traceback" not in refused.stderr
        right = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": password}
        done = sync(finished, server.uri, **right)
        assert done.returncode == 0, done.stderr
        for name, value in right.items():
            monkeypatch.setenv(name, value)
        assert_level(finished, server.uri)
    finally:
        server.kill()


def test_a_view_that_catches_up_rests_after_each_trial_as_long_as_that_took(finished: Ledger, tmp_path: Path) -> None:
    rests: list[float] = []
    view = MlflowView(finished.folder, f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert view.sync(rests.append) == len(rests) == len(finished.names()) and min(rests) > 0
    assert view.sync(rests.append) == 0 and len(rests) == len(finished.names())


def test_postgres_behind_a_server(finished: Ledger, tmp_path: Path) -> None:
    with postgres() as database:
        server = MlflowServer(tmp_path / "server", database)
        server.start()
        try:
            assert MlflowView(finished.folder, server.uri).sync() == len(finished.names())
            assert_level(finished, server.uri)
            before = everything(server.uri)
            assert MlflowView(finished.folder, server.uri).sync() == 0
            assert everything(server.uri) == before
        finally:
            server.kill()


def test_a_clock_that_jumped_back_by_hours_changes_what_no_view_says(finished: Ledger, tmp_path: Path) -> None:
    copy = Ledger(shutil.copytree(finished.folder, tmp_path / "analytic"))

    def earlier(time_utc: str) -> str:
        return (datetime.fromisoformat(time_utc) - timedelta(hours=5)).isoformat()

    for name in copy.names():
        entry, records = copy.entry(name), copy.records(name)
        copy.write_records(name, [*records[:3], *({**one, "time": earlier(str(one["time"]))} for one in records[3:])])
        copy.write(dataclasses.replace(entry, ended=earlier(entry.ended)))
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert MlflowView(copy.folder, uri).sync() == len(copy.names())
    assert_level(copy, uri)
    client = MlflowClient(tracking_uri=uri)
    for run in client.search_runs([client.get_experiment_by_name("analytic").experiment_id]):
        if name := run.data.tags.get(TRIAL_TAG):
            # The last epoch's value, though earlier epochs carry later times.
            assert run.data.metrics["val/delta_e"] == copy.records(name)[-1]["val/delta_e"]
    export(copy.folder)
    for table in ("selections", "photos"):
        ours, theirs = (pd.read_parquet(one.folder / "results" / f"{table}.parquet") for one in (copy, finished))
        pd.testing.assert_frame_equal(ours, theirs)
