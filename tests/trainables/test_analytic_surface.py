"""analytic_surface.py: the truth it claims is the truth it gives."""

import math
import time
from pathlib import Path

import numpy as np
import pytest

from trainables.analytic_surface import analytic_images, run_epochs
from trainables.config import DataConfig, TrialConfig
from trainables.data.trial_data import TrialData, trial_data
from trainables.metrics import METRICS
from trainables.records import Record, repeatable
from trainables.trial import Trial, start

DATA = DataConfig(dataset="analytic")


def data_of(replicate: int = 1) -> TrialData:
    return trial_data(analytic_images(DATA), DATA, replicate=replicate, with_test=True)


def last(replicate: int = 1, **fields: object) -> Record:
    config = TrialConfig.from_dict({"epochs": 30, "optimizer": "adamw", "learning_rate": 3e-3, **fields})
    *_, record = run_epochs(config, data_of(replicate))
    return record


def mean(metric: str, **fields: object) -> float:
    return float(np.mean([float(last(replicate, **fields)[metric]) for replicate in range(1, 9)]))


def test_the_same_replicate_gives_the_same_records() -> None:
    assert repeatable(last()) == repeatable(last())
    assert repeatable(last(2)) != repeatable(last())


def test_it_continues_from_its_checkpoint(tmp_path: Path) -> None:
    config = TrialConfig(epochs=5)
    whole = [repeatable(record) for record in run_epochs(config, data_of())]
    records = run_epochs(config, data_of(), tmp_path / "checkpoint")
    first = [repeatable(next(records)) for _ in range(2)]
    records.close()
    assert first[:-1] + [repeatable(one) for one in run_epochs(config, data_of(), tmp_path / "checkpoint")] == whole


def test_an_arm_that_does_not_colour_has_colour_metrics_in_its_last_epoch_alone() -> None:
    config = TrialConfig(epochs=3, color_loss_weight=0, class_loss_weight=1)
    first, second, final = run_epochs(config, data_of())
    colours = {f"val/{name}" for name, metric in METRICS.items() if metric.task == "color" and "val" in metric.parts}
    assert colours <= set(final) and not colours & {*first, *second}
    assert {name for name in final if not name.startswith("test/")} - colours == set(first) == set(second)


def test_naming_helps_colour_unless_labels_are_shuffled_or_fusion_is_off() -> None:
    joint = mean("test/delta_e", class_loss_weight=0.01)
    alone = mean("test/delta_e", class_loss_weight=0)
    shuffled = mean("test/delta_e", class_loss_weight=0.01, shuffle_labels=True)
    apart = mean("test/delta_e", class_loss_weight=0.01, fusion=False)
    assert joint < alone - 0.3
    assert abs(shuffled - alone) < 1e-9 and abs(apart - alone) < 1e-9


def test_what_a_network_is_judged_by_agrees_with_itself() -> None:
    record = last(class_loss_weight=0.01)
    assert record["test/delta_e_inside"] > record["test/delta_e"] > record["test/delta_e_outside"]
    assert 0 < float(record["test/p_true"]) < 1 and float(record["test/class_use"]) > 0.5
    assert math.isnan(float(last(fusion=False)["test/class_use"]))
    assert math.isnan(float(last(color_loss_weight=0, class_loss_weight=1)["test/class_use"]))


def test_the_best_learning_rate_is_best_and_more_epochs_are_better() -> None:
    assert mean("val/delta_e") < mean("val/delta_e", learning_rate=3e-4)
    assert mean("val/delta_e") < mean("val/delta_e", learning_rate=3e-2)
    assert mean("val/delta_e") < mean("val/delta_e", epochs=5)


def test_records_are_as_many_numbers_larger_and_as_much_later_as_the_data_say(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    document = {"config": {"epochs": 2}, "data": {"dataset": "analytic", "epoch_seconds": 0.5, "extra_metrics": 3}}
    sized, plain = (
        list(start(trial, analytic_images(trial.data)))
        for trial in (Trial.from_json(document), Trial.from_json({**document, "data": {"dataset": "analytic"}}))
    )
    more = {"extra/1", "extra/2", "extra/3"}
    assert [set(one) - set(other) for one, other in zip(sized, plain, strict=True)] == [more, more]
    assert waits == [0.5, 0.5, 0, 0] and sized[0]["epoch_seconds"] > 0.5
