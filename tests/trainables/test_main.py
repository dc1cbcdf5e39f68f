"""`python -m trainables`: one JSON line per epoch, without Ray; nonsense is refused with exit code 2."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SMALL: dict[str, Any] = {
    "config": {"epochs": 2, "width": 0.125, "batch_size": 8},
    "data": {"dataset": "orchard", "image_size": 32, "num_classes": 2, "photos_per_class": 12},
    "replicate": 1,
    "phase": "confirm",
}


def run(folder: Path, document: Any, *flags: str) -> subprocess.CompletedProcess[str]:
    (folder / "trial.json").write_text(document if isinstance(document, str) else json.dumps(document))
    command = [sys.executable, "-m", "trainables", "--config", "trial.json", "--cache", "cache", *flags]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_it_prints_one_json_line_per_epoch(tmp_path: Path) -> None:
    done = run(tmp_path, SMALL)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["epoch"] for record in records] == [1, 2]
    assert "test/delta_e" in records[-1] and "test/delta_e" not in records[0]
    assert "cpu" in done.stderr or "cuda" in done.stderr or "mps" in done.stderr


def test_what_no_photo_can_tell_is_null(tmp_path: Path) -> None:
    done = run(tmp_path, {**SMALL, "config": {**SMALL["config"], "epochs": 1, "fusion": False}})
    assert '"test/class_use": null' in done.stdout and "NaN" not in done.stdout


def test_it_continues_from_a_checkpoint(tmp_path: Path) -> None:
    first = run(tmp_path, SMALL, "--checkpoint", "c.pt")
    again = run(tmp_path, SMALL, "--checkpoint", "c.pt")
    assert len(first.stdout.splitlines()) == 2 and again.returncode == 0
    assert again.stdout.splitlines() == first.stdout.splitlines()[-1:]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "trial.json"),
        ("[]", "JSON object"),
        ({"config": {"dropout": 2}}, "dropout must lie in [0, 1)"),
        ({"config": {"optimiser": "adam"}}, "Unknown field 'optimiser'"),
        ({"phase": "test"}, "Unknown phase 'test'"),
        ({"replicate": -1}, "replicate must be a whole number"),
        ({"config": {"device": "cuda:99"}}, "CUDA devices"),
        ({"config": {"device": "abacus"}}, "Unknown device 'abacus'"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, document: Any, words: str) -> None:
    done = run(tmp_path, document)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr


def test_a_trial_that_fails_says_so_with_exit_code_1(tmp_path: Path) -> None:
    diverging = {**SMALL, "config": {**SMALL["config"], "optimizer": "sgd", "learning_rate": 1e30}}
    done = run(tmp_path, diverging)
    assert done.returncode == 1 and done.stderr.strip().splitlines()[-1].startswith("failed: ")
