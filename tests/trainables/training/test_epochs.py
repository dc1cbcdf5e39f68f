"""epochs.py: repeats to the bit, resumes as if never stopped, learns a tiny problem."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainables import devices
from trainables.config import DataConfig, TrialConfig
from trainables.data.images import Images, load_images
from trainables.data.splits import Cut
from trainables.data.trial_data import TrialData, trial_data
from trainables.evaluation import regions
from trainables.metrics import METRICS
from trainables.network.joint_network import JointNetwork
from trainables.preparation.prepare import prepare
from trainables.records import NotFiniteError, Record, repeatable
from trainables.training.epochs import run_epochs

SMALL = TrialConfig(
    epochs=3, batch_size=8, width=0.125, optimizer="adamw", learning_rate=3e-3, dropout=0.2, checkpoint_seconds=0,
    schedule="one_cycle", precision="float32", device="cpu",
)  # fmt: skip

ALONE = {"color_loss_weight": 0.0, "class_loss_weight": 1.0}
NAMES_ONLY = dataclasses.replace(SMALL, **ALONE)


def data_of(images: Images, *, replicate: int = 0, with_test: bool = False) -> TrialData:
    return trial_data(images, DataConfig(image_size=32), replicate=replicate, with_test=with_test)


def train(config: TrialConfig, data: TrialData, checkpoint: Path | None = None) -> list[Record]:
    return [repeatable(record) for record in run_epochs(config, data, checkpoint)]


def test_a_record_has_all_its_fields(orchard: Images) -> None:
    (first, *_, last) = run_epochs(SMALL, data_of(orchard, with_test=True))
    expected = {"epoch", "time", "train/color_loss", "train/class_loss", "train/total_loss", "learning_rate"}
    expected |= {"images_per_second", "flops_per_second", "compile_seconds", "epoch_seconds", "memory"}
    expected |= {"device", "precision"} | {f"val/{name}" for name in METRICS if name != "class_use"}
    assert set(first) == expected
    assert set(last) == expected | {f"test/{name}" for name in METRICS}
    assert (first["epoch"], last["epoch"]) == (1, 3)
    assert str(first["time"]).endswith("+00:00")


def test_the_same_replicate_gives_the_same_bits_and_another_one_does_not(orchard: Images) -> None:
    once = train(SMALL, data_of(orchard, replicate=1))
    assert train(SMALL, data_of(orchard, replicate=1)) == once
    assert train(SMALL, data_of(orchard, replicate=2)) != once


@pytest.mark.parametrize("has_bfloat16", [False, True])
@pytest.mark.parametrize("image_size", [16, 32])
def test_a_cpu_of_either_kind_repeats_and_says_its_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image_size: int, has_bfloat16: bool
) -> None:
    monkeypatch.setattr(devices, "has_bfloat16", lambda: has_bfloat16)
    small = DataConfig(dataset="orchard", image_size=image_size, num_classes=4, photos_per_class=8)
    data = trial_data(load_images(prepare(small, tmp_path)), small, replicate=0, with_test=False)
    config = dataclasses.replace(SMALL, precision="auto", epochs=2)
    first = list(run_epochs(config, data))
    expected = "bfloat16, float32 on maps of one pixel" if has_bfloat16 else "float32"
    assert {record["precision"] for record in first} == {expected}
    for _ in range(3):
        assert train(config, data) == [repeatable(record) for record in first]


def test_an_arm_that_does_not_colour_is_measured_on_colour_in_its_last_epoch_alone(
    orchard: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = data_of(orchard, with_test=True)
    monkeypatch.setattr(TrialConfig, "measures_color", lambda config, epoch: True)
    always = train(NAMES_ONLY, data)
    monkeypatch.undo()
    painted: list[int] = []
    records: list[Record] = []
    paint = JointNetwork.paint

    def counted(network: JointNetwork, *views: torch.Tensor) -> torch.Tensor:
        if not network.training:
            painted.append(len(records))
        return paint(network, *views)

    monkeypatch.setattr(JointNetwork, "paint", counted)
    for record in run_epochs(NAMES_ONLY, data):
        records.append(repeatable(record))
    assert records[-1] == always[-1]
    missing = {f"val/{name}" for name, metric in METRICS.items() if metric.task == "color"}
    for record, full in zip(records[:-1], always[:-1], strict=True):
        assert record == {name: value for name, value in full.items() if name not in missing}
    assert set(painted) == {NAMES_ONLY.epochs - 1}


@pytest.mark.parametrize("fields", [*({"optimizer": name} for name in ("adadelta", "adamw", "sgd")), ALONE], ids=str)
def test_a_trial_stopped_after_any_epoch_continues_to_the_bit(
    orchard: Images, tmp_path: Path, fields: dict[str, Any]
) -> None:
    config = dataclasses.replace(SMALL, **fields)
    data = data_of(orchard, with_test=True)
    whole = train(config, data)
    for stop_after in range(1, config.epochs):
        checkpoint = tmp_path / f"{stop_after}.pt"
        first = [repeatable(r) for r in itertools.islice(run_epochs(config, data, checkpoint), stop_after)]
        # A continued trial begins with the record of its checkpoint, which may never have arrived.
        assert first[:-1] + train(config, data, checkpoint) == whole


def test_a_finished_trial_is_measured_again_without_training(orchard: Images, tmp_path: Path) -> None:
    data = data_of(orchard, with_test=True)

    def end_of_trial() -> tuple[int, dict[str, np.ndarray]]:
        records = run_epochs(SMALL, data, tmp_path / "checkpoint.pt")
        num_records = 0
        while True:
            try:
                next(records)
                num_records += 1
            except StopIteration as stop:
                return num_records, stop.value.test.metrics

    (num_first, first), (num_again, again) = end_of_trial(), end_of_trial()
    assert (num_first, num_again) == (SMALL.epochs, 1)
    assert all(np.array_equal(first[name], again[name], equal_nan=True) for name in METRICS)


def test_a_checkpoint_of_another_trial_is_refused(orchard: Images, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    list(run_epochs(SMALL, data_of(orchard), checkpoint))
    for config, replicate, name in (
        (dataclasses.replace(SMALL, learning_rate=1e-3), 0, "learning_rate"),
        (dataclasses.replace(SMALL, width=0.25), 0, "width"),
        (SMALL, 1, "replicate"),
        (dataclasses.replace(SMALL, precision="bfloat16"), 0, "precision"),
    ):
        with pytest.raises(ValueError, match=f"belongs to another trial: its {name} is"):
            list(run_epochs(config, data_of(orchard, replicate=replicate), checkpoint))


def test_checkpoints_wait_for_their_time(orchard: Images, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    records = run_epochs(dataclasses.replace(SMALL, checkpoint_seconds=3600), data_of(orchard), checkpoint)
    next(records)
    assert not checkpoint.exists()
    list(records)
    assert checkpoint.exists()


@pytest.mark.full
def test_a_tiny_problem_is_learned(tmp_path: Path) -> None:
    # At 32 px the colours, painted at half size, would blur too much of a photo for a difference below 2.
    tiny = DataConfig(dataset="orchard", image_size=64, num_classes=4, photos_per_class=16, coupling=1.0)
    orchard = load_images(prepare(tiny, tmp_path))
    thirty_two = np.arange(0, 64, 2)
    data = TrialData(
        images=orchard, cut=Cut(train=thirty_two, val=thirty_two, test=np.empty(0, dtype=np.int64)), seed=0, replicate=0
    )
    config = dataclasses.replace(
        SMALL, epochs=300, batch_size=32, dropout=0.0, class_loss_weight=0.01, learning_rate=1e-2, crop_min_area=1,
        flip=False, max_rotation_degrees=0,
    )  # fmt: skip
    *_, last = run_epochs(config, data)
    assert float(last["val/delta_e"]) < 2
    assert last["val/top1"] == 1.0


def test_a_loss_that_is_not_finite_ends_the_trial_naming_metric_epoch_and_step(orchard: Images) -> None:
    config = dataclasses.replace(SMALL, optimizer="sgd", learning_rate=1e30, schedule="constant")
    with pytest.raises(NotFiniteError, match=r"(train|val)/(color|class)_\w+ is (nan|inf) in epoch \d+"):
        list(run_epochs(config, data_of(orchard)))


def test_photos_whose_objects_cannot_be_told_end_no_trial(orchard: Images) -> None:
    dark = dataclasses.replace(orchard, pixels_NHW3=np.asarray(orchard.pixels_NHW3) // 2)
    *_, last = train(SMALL, data_of(dark, with_test=True))
    for part in ("val", "test"):
        errors = [float(last[f"{part}/delta_e_{region}"]) for region in ("inside", "outside")]
        assert np.isnan(errors).all() and np.isfinite(float(last[f"{part}/delta_e"]))


def test_masks_of_objects_are_found_once_a_trial(orchard: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    find = regions.object_masks

    def counted(images: Images, indices_B: np.ndarray) -> object:
        asked.append(len(indices_B))
        return find(images, indices_B)

    monkeypatch.setattr(regions, "object_masks", counted)
    data = data_of(orchard, with_test=True)
    train(SMALL, data)
    assert asked == [len(data.cut.val), len(data.cut.test)]


def test_search_never_sees_the_pool(orchard: Images) -> None:
    data = data_of(orchard)
    assert len(data.cut.test) == 0
    pool = data_of(orchard, with_test=True).cut.test
    noise = np.array(orchard.pixels_NHW3)
    noise[pool] = np.random.default_rng(0).integers(0, 256, noise[pool].shape, dtype=np.uint8)
    noisy = dataclasses.replace(orchard, pixels_NHW3=noise)
    assert train(SMALL, data_of(noisy)) == train(SMALL, data)
    with_test = train(SMALL, data_of(noisy, with_test=True))[-1]
    assert with_test["test/delta_e"] != train(SMALL, data_of(orchard, with_test=True))[-1]["test/delta_e"]


def test_shuffled_labels_keep_their_counts_and_leave_val_alone(orchard: Images) -> None:
    data = data_of(orchard, replicate=3)
    shuffled = data.train_labels(shuffled=True)
    train_part, val_part = data.cut.train, data.cut.val
    assert (shuffled[train_part] != orchard.labels_N[train_part]).any()
    assert sorted(shuffled[train_part]) == sorted(orchard.labels_N[train_part])
    assert (shuffled[val_part] == orchard.labels_N[val_part]).all()


def test_a_small_data_set_makes_one_batch(orchard: Images) -> None:
    config = dataclasses.replace(SMALL, batch_size=1000, epochs=1)
    (record,) = run_epochs(config, data_of(orchard))
    assert np.isfinite(float(record["train/total_loss"]))


def test_bfloat16_stays_near_float32(orchard: Images) -> None:
    exact, rough = (
        train(dataclasses.replace(SMALL, precision=name, epochs=1), data_of(orchard))[0]
        for name in ("float32", "bfloat16")
    )
    assert exact != rough
    assert float(rough["train/color_loss"]) == pytest.approx(float(exact["train/color_loss"]), rel=0.05)
