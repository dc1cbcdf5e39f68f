"""launch.py: a whole study through real Ray and a real MLflow store; formulas stand in for networks."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from study.ledger.ledger import Ledger
from study.results.export import export
from study.tracking.view import STUDY_TAG, TRIAL_TAG, MlflowView
from tests.study.analytic import TEXT
from tests.study.command_here import here
from tests.study.commands import tintune, write_study
from trainables.metrics import METRICS


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `tintune launch study.yaml` ran to its end; what it printed is in printed.txt."""
    folder = tmp_path_factory.mktemp("launched")
    done = tintune(folder, "launch", write_study(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "printed.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def ledger(launched: Path) -> Ledger:
    return Ledger(launched / "studies" / "analytic")


def client(launched: Path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{launched / 'studies' / 'mlflow.db'}")


def test_it_ends_by_saying_verdicts_report_and_where_to_look(launched: Path) -> None:
    printed = (launched / "printed.txt").read_text()
    assert re.search(r"^color: .*95 % interval.*3 replicates, 30 photos", printed, re.MULTILINE)
    assert re.search(r"^naming: ", printed, re.MULTILINE)
    report = re.search(r"^Report: (.*)$", printed, re.MULTILINE)
    assert report and Path(report[1]).stat().st_size > 100_000
    assert re.search(r"^MLflow: tintune ui ", printed, re.MULTILINE)


def test_every_arm_gets_the_same_number_of_trials(ledger: Ledger) -> None:
    counts = pd.Series([entry.arm for entry in ledger.entries("search")]).value_counts()
    assert dict(counts) == {"joint": 4, "color_only": 4, "class_only": 4}


def test_every_trial_is_done_with_all_its_epochs(ledger: Ledger) -> None:
    for entry in ledger.entries():
        assert entry.state == "done" and len(ledger.records(entry.name)) == 6


def test_search_uses_replicate_0_without_the_pool_and_confirm_1_to_n_with_it(ledger: Ledger) -> None:
    for entry in ledger.entries():
        last = ledger.records(entry.name)[-1]
        has_pool = any(name.startswith("test/") for name in last)
        assert has_pool == (entry.phase == "confirm")
        assert (ledger.trial_folder(entry.name) / "photos.parquet").exists() == (entry.phase == "confirm")
    assert {entry.replicate for entry in ledger.entries("search")} == {0}
    assert {entry.replicate for entry in ledger.entries("confirm")} == {1, 2, 3}


def test_tables_hold_every_trial_epoch_and_photo_once(ledger: Ledger) -> None:
    results = ledger.folder / "results"
    trials, epochs, photos = (pd.read_parquet(results / f"{name}.parquet") for name in ("trials", "epochs", "photos"))
    num_confirm = len(ledger.entries("confirm"))
    assert sorted(trials["trial"]) == ledger.names()
    assert len(epochs) == 6 * len(trials) and not epochs.duplicated(["trial", "epoch"]).any()
    assert len(photos) == 30 * num_confirm and not photos.duplicated(["trial", "photo"]).any()
    means = photos.groupby("trial")["delta_e"].mean()
    for entry in ledger.entries("confirm"):
        assert means[entry.name] == pytest.approx(float(ledger.records(entry.name)[-1]["test/delta_e"]))


def test_mlflow_shows_every_trial_once_under_the_study(launched: Path, ledger: Ledger) -> None:
    runs = client(launched).search_runs([client(launched).get_experiment_by_name("analytic").experiment_id])
    (parent,) = [run for run in runs if STUDY_TAG in run.data.tags]
    nested = {run.data.tags[TRIAL_TAG]: run for run in runs if TRIAL_TAG in run.data.tags}
    assert len(nested) == len(runs) - 1 and sorted(nested) == ledger.names()
    assert {run.data.tags["mlflow.parentRunId"] for run in nested.values()} == {parent.info.run_id}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert "color: " in parent.data.tags["mlflow.note.content"]
    for entry in ledger.entries():
        run, records = nested[entry.name], ledger.records(entry.name)
        expected = {"arm": entry.arm, "phase": entry.phase, "replicate": str(entry.replicate), "state": "done"}
        assert {tag: run.data.tags[tag] for tag in expected} == expected
        assert run.data.metrics["final/val/delta_e"] == records[-1]["val/delta_e"]
        assert run.data.metrics["best/val/top1"] == max(float(record["val/top1"]) for record in records)


def test_mlflow_has_every_metric_of_every_epoch(launched: Path, ledger: Ledger) -> None:
    view = client(launched)
    runs = view.search_runs([view.get_experiment_by_name("analytic").experiment_id])
    shown = {run.data.tags["arm"]: run for run in runs if run.data.tags.get("phase") == "confirm"}
    assert set(shown) == {"joint", "color_only", "class_only"}
    for run in shown.values():
        records = ledger.records(run.data.tags[TRIAL_TAG])
        for key in (f"val/{name}" for name in METRICS):
            history = view.get_metric_history(run.info.run_id, key)
            assert [(one.step, one.value) for one in history] == [(r["epoch"], r[key]) for r in records if key in r]


def test_sync_twice_changes_nothing(launched: Path, ledger: Ledger) -> None:
    def everything() -> list[tuple[str, str, dict[str, float], dict[str, str]]]:
        view = client(launched)
        runs = view.search_runs([view.get_experiment_by_name("analytic").experiment_id])
        return sorted((r.info.run_id, r.info.status, r.data.metrics, r.data.tags) for r in runs)

    before = everything()
    assert MlflowView(ledger.folder, f"sqlite:///{launched / 'studies' / 'mlflow.db'}").sync() == 0
    assert everything() == before


def test_an_empty_mlflow_is_filled_from_the_ledger_alone(launched: Path, ledger: Ledger, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'other.db'}"
    assert MlflowView(ledger.folder, uri).sync() == len(ledger.names())
    other = MlflowClient(tracking_uri=uri)
    runs = other.search_runs([other.get_experiment_by_name("analytic").experiment_id])
    assert len(runs) == len(ledger.names()) + 1


def test_another_study_of_the_same_name_on_one_server_gets_runs_of_its_own(
    launched: Path, ledger: Ledger, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path / 'shared.db'}"
    MlflowView(ledger.folder, uri).sync()
    twin = shutil.copytree(ledger.folder, tmp_path / "analytic")
    document = json.loads((twin / "fingerprint.json").read_text())
    (twin / "fingerprint.json").write_text(json.dumps({**document, "launched": "2026-01-01T00:00:00+00:00"}))
    assert MlflowView(twin, uri).sync() == len(ledger.names())
    assert MlflowView(ledger.folder, uri).sync() == 0


def test_a_trial_that_waits_is_not_shown_as_running(launched: Path, ledger: Ledger, tmp_path: Path) -> None:
    copy = Ledger(shutil.copytree(ledger.folder, tmp_path / "analytic"))
    name = copy.names()[0]
    copy.write(dataclasses.replace(copy.entry(name), state="queued", started="", ended=""))
    assert MlflowView(copy.folder, f"sqlite:///{tmp_path / 'mlflow.db'}").sync() == len(copy.names()) - 1


def test_more_search_trials_are_refused_once_settings_are_confirmed(launched: Path, ledger: Ledger) -> None:
    done = here(launched, "launch", "study.yaml", "--set", "search.trials_per_arm=5")
    assert done.returncode == 2 and "search.trials_per_arm: 4 -> 5 could choose others" in done.stderr


def test_replicates_do_not_grow_after_somebody_could_look(launched: Path) -> None:
    done = here(launched, "launch", "study.yaml", "--set", "confirm.replicates=4")
    assert done.returncode == 2 and "confirm.replicates: 3 -> 4" in done.stderr and "another name" in done.stderr


def test_tables_are_rebuilt_from_the_ledger_alone(ledger: Ledger) -> None:
    names = ("trials", "epochs", "photos", "selections")
    before = [pd.read_parquet(ledger.folder / "results" / f"{name}.parquet") for name in names]
    for name in names:
        (ledger.folder / "results" / f"{name}.parquet").unlink()
    export(ledger.folder)
    for name, table in zip(names, before, strict=True):
        pd.testing.assert_frame_equal(pd.read_parquet(ledger.folder / "results" / f"{name}.parquet"), table)


def test_another_study_in_the_same_folder_is_refused_naming_the_difference(launched: Path, tmp_path: Path) -> None:
    changed = write_study(tmp_path, TEXT.replace("epochs: 6", "epochs: 7"))
    done = here(launched, "launch", changed)
    assert done.returncode == 2
    assert "holds another study" in done.stderr and "base.epochs: 6 -> 7" in done.stderr


def test_status_counts_what_the_ledger_holds(launched: Path, ledger: Ledger) -> None:
    done = here(launched, "status", ledger.folder)
    assert done.returncode == 0
    assert re.search(r"phase\s*┃\s*arm or setting\s*┃\s*done\s*┃\s*epochs", done.stdout), done.stdout
    assert re.search(r"search\s*│\s*joint\s*│\s*4\s*│\s*24", done.stdout), done.stdout
    assert f"finished; report: {ledger.folder}/report/report.html\n" in done.stdout


def test_fingerprint_says_on_what_the_study_ran(ledger: Ledger) -> None:
    document = json.loads((ledger.folder / "fingerprint.json").read_text())
    assert document["packages"]["torch"] and document["data"]["num_test"] == 30 and document["code"]
    assert "launch" in document["command"]
