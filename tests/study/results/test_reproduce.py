"""reproduce.py: a trial comes out again to the last bit, and what differs is named."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from study.data.photos import prepare_data
from study.definition.load import parse_study
from study.definition.study import Study
from study.execution.worker import LedgerTrainable
from study.ledger.fingerprint import fingerprint
from study.ledger.ledger import Ledger
from study.results.reproduce import reproduce
from study.search.selection import make_entry
from tests.study.analytic import TEXT
from tests.study.assignments import assignment
from tests.study.command_here import here

NAME = "joint-search-0"
ORCHARD = TEXT.replace(
    "{dataset: analytic}", "{dataset: orchard, image_size: 32, num_classes: 3, photos_per_class: 16, coupling: 1}"
).replace("epochs: 6,", "epochs: 3, width: 0.125, batch_size: 8,")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINTUNE_CACHE", str(tmp_path / "cache"))


def study_with_a_trial(folder: Path, text: str = TEXT, arm: str = "joint", **settings: float) -> Ledger:
    """A study's folder as launch leaves it after its first trial; the worker trains without Ray around it."""
    study: Study = parse_study(text)
    images, prepared, cut = prepare_data(study.data_config(), Console(quiet=True))
    ledger = Ledger(folder / study.name)
    ledger.folder.mkdir(parents=True, exist_ok=True)
    name = f"{arm}-search-0"
    weights = {"class_loss_weight": 0.01} if arm == "joint" else {}
    entry = make_entry(
        study, arm, {"learning_rate": 3e-3, **weights, **settings}, phase="search", number=0, replicate=0
    )
    ledger.write(entry)
    (ledger.folder / "study.yaml").write_text(study.document)
    document = fingerprint(study.data, images, prepared, cut, "launch", 0)
    (ledger.folder / "fingerprint.json").write_text(json.dumps(document))
    (ledger.folder / "lease.json").write_text(json.dumps({"token": "ours"}))
    worker = object.__new__(LedgerTrainable)
    handed = assignment(ledger.folder, digest=images.digest, root=entry.data["root"])
    worker.setup({"trial": name, "assignment": handed})
    result = worker.step()
    while not result["done"]:
        result = worker.step()
    failure = {name: result[name] for name in ("failure_kind", "failure_message") if name in result}
    ledger.end(name, result["end"], **failure)
    return ledger


def change_record(ledger: Ledger, epoch: int, **fields: Any) -> None:
    records = ledger.records(NAME)
    records[epoch - 1].update({name.replace("__", "/"): value for name, value in fields.items()})
    ledger.write_records(NAME, records)


def change_fingerprint(ledger: Ledger, change: Any) -> None:
    path = ledger.folder / "fingerprint.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("arm", ["joint", "class_only"])
@pytest.mark.parametrize("text", [TEXT, ORCHARD], ids=["analytic", "orchard"])
def test_a_trial_comes_out_again_to_the_last_bit_and_the_study_stays_as_it_is(
    tmp_path: Path, text: str, arm: str
) -> None:
    ledger = study_with_a_trial(tmp_path, text, arm)
    before = {path: path.read_bytes() for path in ledger.folder.rglob("*") if path.is_file()}
    (name,) = ledger.names()
    found = reproduce(ledger.folder, name)
    assert found.same and found.num_records == len(ledger.records(name)) and found.changed == ()
    assert {path: path.read_bytes() for path in ledger.folder.rglob("*") if path.is_file()} == before


def test_the_first_difference_is_named_with_its_amount(tmp_path: Path) -> None:
    ledger = study_with_a_trial(tmp_path)
    found = float(ledger.records(NAME)[2]["val/delta_e"])
    change_record(ledger, 3, val__delta_e=found - 0.5)
    change_record(ledger, 6, val__top1=2.0)
    done = here(tmp_path, "reproduce", ledger.folder, NAME)
    assert done.returncode == 1, done.stderr
    assert f"differs first in epoch 3, val/delta_e: {found - 0.5!r} in the ledger, {found!r} here, +0.5." in done.stdout
    assert "val/top1" in done.stdout and "Code, packages and hardware are those of the launch." in done.stdout


def test_what_no_two_trainings_share_is_not_compared(tmp_path: Path) -> None:
    ledger = study_with_a_trial(tmp_path)
    change_record(ledger, 2, epoch_seconds=99.0, memory=1, time="2020-01-01T00:00:00+00:00")
    assert here(tmp_path, "reproduce", ledger.folder, NAME).returncode == 0


def test_numbers_that_are_not_finite_are_the_same(tmp_path: Path) -> None:
    ledger = study_with_a_trial(tmp_path)
    change_record(ledger, 2, val__ssim=float("inf"))
    (only,) = reproduce(ledger.folder, NAME).first
    assert (only.epoch, only.field) == (2, "val/ssim") and np.isnan(only.in_ledger)


def test_a_stopped_trial_is_compared_as_far_as_it_went(tmp_path: Path) -> None:
    ledger = study_with_a_trial(tmp_path)
    ledger.write_records(NAME, ledger.records(NAME)[:2])
    ledger.write(dataclasses.replace(ledger.entry(NAME), state="stopped"))
    found = reproduce(ledger.folder, NAME)
    assert found.same and found.num_records == 2


def test_a_trial_that_broke_breaks_again_at_the_same_step(tmp_path: Path) -> None:
    text = ORCHARD.replace("optimizer: adamw", "optimizer: sgd").replace("3.0e-2]", "1.0e+30]")
    ledger = study_with_a_trial(tmp_path, text, learning_rate=1e20)
    entry = ledger.entry(NAME)
    assert entry.failure_kind == "not_finite"
    assert reproduce(ledger.folder, NAME).same
    ledger.write(dataclasses.replace(entry, failure_message="train/color_loss is inf in epoch 7, step 1."))
    assert "here the training ended with: " in reproduce(ledger.folder, NAME).end


def test_other_packages_and_hardware_are_told(tmp_path: Path) -> None:
    ledger = study_with_a_trial(tmp_path)
    change_fingerprint(ledger, lambda one: one.update(hardware="an abacus"))
    change_fingerprint(ledger, lambda one: one["packages"].update(torch="0.1"))
    done = here(tmp_path, "reproduce", ledger.folder, NAME)
    assert done.returncode == 0
    assert "hardware: an abacus at launch" in done.stdout and "torch: 0.1 at launch" in done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [("joint-serach-0", "Nearest: joint-search-0"), ("nothing", "no trial 'nothing'")],
)
def test_an_unknown_trial_is_answered_with_the_nearest(tmp_path: Path, name: str, words: str) -> None:
    ledger = study_with_a_trial(tmp_path)
    done = here(tmp_path, "reproduce", ledger.folder, name)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_a_ledger_of_another_format_is_refused(tmp_path: Path) -> None:
    ledger = study_with_a_trial(tmp_path)
    path = ledger.trial_folder(NAME) / "trial.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99, "mood": "new"}))
    done = here(tmp_path, "reproduce", ledger.folder, NAME)
    assert done.returncode == 2 and "format 99" in done.stderr


def test_a_trial_without_records_is_refused(tmp_path: Path) -> None:
    ledger = study_with_a_trial(tmp_path)
    (ledger.trial_folder(NAME) / "epochs.jsonl").unlink()
    with pytest.raises(ValueError, match="has no records"):
        reproduce(ledger.folder, NAME)


def test_photos_that_moved_are_asked_for_and_other_photos_refused(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for name in ("Apple", "Pear"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(8):
            noise = generator.integers(0, 256, (40, 40, 3), dtype="uint8")
            Image.fromarray(noise).save(tmp_path / "photos" / name / f"{name}{index}.png")
    text = ORCHARD.split("data:")[0] + f"data: {{dataset: folder, root: {tmp_path / 'photos'}, image_size: 32}}\n"
    ledger = study_with_a_trial(tmp_path, text + "base:" + ORCHARD.split("base:")[1])
    (tmp_path / "photos").rename(tmp_path / "moved")
    refused = here(tmp_path, "reproduce", ledger.folder, NAME)
    assert refused.returncode == 2 and "photos are not at" in refused.stderr and "--root" in refused.stderr
    assert reproduce(ledger.folder, NAME, root=str(tmp_path / "moved")).same
    shutil.copytree(tmp_path / "moved", tmp_path / "other")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "other" / "Pear" / "Pear0.png")
    with pytest.raises(ValueError, match="give it the same photos"):
        reproduce(ledger.folder, NAME, root=str(tmp_path / "other"))
