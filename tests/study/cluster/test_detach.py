"""What travels with a detached launch. That a cluster takes it and runs it: tests/deploy/test_services.py."""

import shlex
from pathlib import Path

import pytest

from study.cluster.detach import Detached, described, entrypoint, travelling_text
from study.definition.load import parse_study
from tests.study.analytic import TEXT, analytic_study
from tests.study.command_here import here
from tests.study.commands import write_study


def test_the_cluster_runs_the_launch_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Where the cluster is, Ray itself tells the job.
    assert shlex.split(entrypoint(Path("my studies"), None)) == [
        "tintune", "launch", "study.yaml", "--storage", str(tmp_path / "my studies")
    ]  # fmt: skip
    assert shlex.split(entrypoint(Path("/s"), "http://mlflow:5000"))[-2:] == ["--tracking-uri", "http://mlflow:5000"]


@pytest.mark.parametrize("uri", ["http://me:secret@mlflow:5000", "postgresql://mlflow:secret@db/mlflow"])
def test_a_password_is_not_put_where_all_can_read_it(uri: str) -> None:
    with pytest.raises(ValueError, match="must hold no password") as refused:
        entrypoint(Path("s"), uri)
    assert "secret" not in str(refused.value)


def test_relative_paths_mean_the_folder_of_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    photos = TEXT.replace("{dataset: analytic}", "{dataset: ncd, root: photos}")
    sent = parse_study(travelling_text(parse_study(photos)))
    assert sent.data == {"dataset": "ncd", "root": str(tmp_path / "photos")}
    # All else is the study as launched, its overrides with it.
    study = analytic_study("search.trials_per_arm=2")
    assert parse_study(travelling_text(study)) == study


def test_a_person_is_told_how_to_follow_and_to_stop() -> None:
    text = described(Detached(job="analytic-1", address="http://head:8265", folder=Path("/s/my study")))
    assert "tintune status '/s/my study'" in text
    assert "ray job logs analytic-1 --follow --address http://head:8265" in text
    assert "ray job stop analytic-1 --address http://head:8265" in text


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--detach"], "give its --address"),
        (["--address", "http://127.0.0.1:1"], "add --detach"),
        (["--detach", "--address", "http://127.0.0.1:1"], "did not take the study"),
    ],
)
def test_what_cannot_be_handed_over_is_refused_in_a_sentence(tmp_path: Path, flags: list[str], said: str) -> None:
    write_study(tmp_path)
    refused = here(tmp_path, "launch", "study.yaml", *flags)
    assert refused.returncode == 2 and said in refused.stderr, refused.stderr
    assert refused.stderr.count("\n") == 1 and "Traceback" not in refused.stderr
    assert not (tmp_path / "studies").exists()
