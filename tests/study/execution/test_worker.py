"""worker.py: a trial that was killed at any instruction ends with all its records, once each."""

import dataclasses
import json
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from study.execution.system_metrics import SystemMetrics
from study.execution.worker import LedgerTrainable, _variant_columns
from study.ledger.ledger import Entry, Ledger
from study.search.selection import make_entry
from tests.study.analytic import analytic_study
from tests.study.assignments import assignment
from trainables.analytic_surface import analytic_images
from trainables.config import DataConfig, TrialConfig
from trainables.records import repeatable
from trainables.trial import images_of

NAME = "color_only-confirm-1"


def start(folder: Path, *, token: str = "ours") -> LedgerTrainable:
    """The worker's object without Ray around it."""
    worker = object.__new__(LedgerTrainable)
    digest = analytic_images(analytic_study().data_config()).digest
    worker.setup({"trial": NAME, "assignment": assignment(folder, cache=folder, token=token, digest=digest)})
    return worker


def steps(worker: LedgerTrainable) -> list[dict[str, Any]]:
    results = [worker.step()]
    while not results[-1]["done"]:
        results.append(worker.step())
    return results


def confirm_entry() -> Entry:
    entry = make_entry(analytic_study(), "color_only", {"learning_rate": 1e-3}, phase="confirm", number=1, replicate=1)
    return dataclasses.replace(entry, setting="color_only")


def test_variants_are_a_row_each_by_the_names_of_their_photos() -> None:
    images = analytic_images(analytic_study().data_config())
    columns = _variant_columns([(3, "epoch 1", b"one"), (20, "mean features", b"two")], images)
    assert {name: list(values) for name, values in columns.items()} == {
        "photo": [images.photo_names[3], images.photo_names[20]],
        "variant": ["epoch 1", "mean features"],
        "jpeg": [b"one", b"two"],
    }


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path)
    made.write(confirm_entry())
    (tmp_path / "lease.json").write_text(json.dumps({"token": "ours"}))
    return made


def test_a_trial_reports_every_epoch_and_ends_with_its_photos(ledger: Ledger) -> None:
    results = steps(start(ledger.folder))
    assert [result["epoch"] for result in results] == [1, 2, 3, 4, 5, 6]
    assert results[-1]["end"] == "done" and "test/delta_e" in results[-1]
    assert (ledger.trial_folder(NAME) / "photos.parquet").exists()


@pytest.mark.parametrize("arrived", [0, 2, 5])
def test_a_checkpoint_ahead_of_the_records_loses_none(ledger: Ledger, arrived: int) -> None:
    steps(start(ledger.folder))
    whole = ledger.records(NAME)
    worker = start(ledger.folder)
    (ledger.trial_folder(NAME) / "epochs.jsonl").unlink()
    ledger.checkpoint(NAME).unlink()
    while len(ledger.records(NAME)) < arrived + 1:
        worker.step()
    # Killed after the checkpoint of this epoch and before its record.
    kept = ledger.records(NAME)[:arrived]
    (ledger.trial_folder(NAME) / "epochs.jsonl").write_text("".join(json.dumps(one) + "\n" for one in kept))
    last = steps(start(ledger.folder))[-1]
    assert last["end"] == "done" and "test/delta_e" in last
    assert [repeatable(one) for one in ledger.records(NAME)] == [repeatable(one) for one in whole]


def test_a_checkpoint_behind_the_records_writes_none_twice(ledger: Ledger) -> None:
    worker = start(ledger.folder)
    for _ in range(4):
        worker.step()
    before = ledger.records(NAME)
    ledger.checkpoint(NAME).unlink()
    again = start(ledger.folder)
    assert again.step()["epoch"] == 5
    assert ledger.records(NAME)[:4] == before


def test_a_trial_killed_between_its_last_record_and_its_photos_writes_them(ledger: Ledger) -> None:
    steps(start(ledger.folder))
    photos = ledger.trial_folder(NAME) / "photos.parquet"
    content = photos.read_bytes()
    photos.unlink()
    (last,) = steps(start(ledger.folder))
    assert last["end"] == "done" and photos.read_bytes() == content


def test_a_worker_whose_driver_lost_the_study_writes_nothing(ledger: Ledger) -> None:
    (only,) = steps(start(ledger.folder, token="another"))
    assert only["end"] == "orphaned" and ledger.records(NAME) == []


def test_an_exception_is_a_result_with_its_kind(ledger: Ledger) -> None:
    worker = start(ledger.folder)
    worker.assignment = dataclasses.replace(worker.assignment, digest="other photos")
    (only,) = steps(worker)
    assert (only["end"], only["failure_kind"]) == ("failed", "ValueError")
    assert "give every machine the same photos" in only["failure_message"]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file of this process can grow beyond so many bytes: as on a full disk, with an error of its own number."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_no_result_of_a_trial_which_then_continues_to_the_same_bits(ledger: Ledger) -> None:
    steps(start(ledger.folder))
    whole = ledger.records(NAME)
    (ledger.trial_folder(NAME) / "epochs.jsonl").unlink()
    ledger.checkpoint(NAME).unlink()
    worker = start(ledger.folder)
    worker.step()
    # Enough for the checkpoint, which holds one record, and too little for all records.
    with full_disk(2 * ledger.checkpoint(NAME).stat().st_size):
        last = steps(worker)[-1]
    assert last["end"] == "storage" and "File too large" in last["failure_message"]
    assert 1 <= len(ledger.records(NAME)) < len(whole)
    assert not [path for path in ledger.trial_folder(NAME).iterdir() if path.name.endswith(".tmp")]
    assert steps(start(ledger.folder))[-1]["end"] == "done"
    assert [repeatable(one) for one in ledger.records(NAME)] == [repeatable(one) for one in whole]


def test_what_a_worker_killed_while_writing_left_is_dropped(ledger: Ledger) -> None:
    folder = ledger.trial_folder(NAME)
    for name in (".checkpoint.pt.123.tmp", ".epochs.jsonl.0a1b2c3d.tmp"):
        (folder / name).write_text("half")
    steps(start(ledger.folder))
    assert not list(folder.glob("*.tmp")) and not list(folder.glob(".*.tmp"))


def test_what_is_measured_of_the_gpu_stands_in_the_records_and_changes_nothing_that_repeats(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps(start(ledger.folder))
    without = ledger.records(NAME)
    shutil.rmtree(ledger.trial_folder(NAME))
    ledger.write(confirm_entry())
    metrics = SystemMetrics(lambda: {})
    metrics.thread.start()
    monkeypatch.setattr(metrics, "read", lambda: {"system/gpu_0_utilization_percentage": 90.0})
    monkeypatch.setattr(SystemMetrics, "of_gpu", lambda: metrics)
    worker = start(ledger.folder)
    steps(worker)
    found = ledger.records(NAME)
    assert [one["system/gpu_0_utilization_percentage"] for one in found] == [90.0] * 6
    assert [repeatable(one) for one in found] == [repeatable(one) for one in without]
    worker.cleanup()
    assert not metrics.thread.is_alive()


def test_the_next_trial_of_an_actor_starts_clean(ledger: Ledger) -> None:
    worker = start(ledger.folder)
    worker.step()
    assert worker.reset_config({"trial": NAME, "assignment": assignment(ledger.folder)})
    assert worker.generator is None and worker.records is None


def test_a_trial_too_large_for_the_machine_ends_as_out_of_memory(tmp_path: Path) -> None:
    data = DataConfig(dataset="orchard", image_size=32, num_classes=4, photos_per_class=16, coupling=1.0)
    digest = images_of(data, tmp_path / "cache").digest
    # A fully connected layer after a map of 6,250 x 6,250 x 64 needs terabytes.
    config = TrialConfig(width=0.125, global_size=200_000, device="cpu", precision="float32")
    ledger = Ledger(tmp_path)
    fields = {"config": dataclasses.asdict(config), "data": dataclasses.asdict(data), "replicate": 0}
    ledger.write(Entry(arm="joint", phase="search", number=0, **fields))
    (tmp_path / "lease.json").write_text(json.dumps({"token": "ours"}))
    worker = object.__new__(LedgerTrainable)
    handed = assignment(tmp_path, cache=tmp_path / "cache", digest=digest, device_memory_share=0.5)
    worker.setup({"trial": "joint-search-0", "assignment": handed})
    (only,) = steps(worker)
    assert (only["end"], only["failure_kind"]) == ("failed", "out_of_memory")
