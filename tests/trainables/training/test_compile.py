"""`compile: true`: the same training, compiled. Needs a C++ compiler, as torch does."""

import dataclasses
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.trainables.training.test_training_step import LARGER, SMALL, train
from trainables.config import DataConfig
from trainables.data.images import Images
from trainables.data.trial_data import TrialData, trial_data
from trainables.training import compilation, training_step
from trainables.training.compilation import keep_code_of, num_compiled
from trainables.training.epochs import run_epochs

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ to compile with"),
]
COMPILED = dataclasses.replace(SMALL, compile=True)


@pytest.fixture
def data(orchard: Images) -> TrialData:
    return trial_data(orchard, DataConfig(image_size=32), replicate=0, with_test=False)


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Compiled code of these tests alone."""
    folder = tmp_path_factory.mktemp("cache")
    patch = pytest.MonkeyPatch()
    patch.setenv("TINTUNE_CACHE", str(folder))
    patch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    yield folder
    patch.undo()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"class_loss_weight": 0.0},
        {"stop_class_gradient": "low_level"},
        {"task_weighting": "pcgrad"},
        {"task_weighting": "uncertainty", "diagnostics_every": 1},
    ],
    ids=["joint", "color_only", "stopped", "pcgrad", "uncertainty"],
)
def test_compiled_training_agrees_with_eager_training(larger_orchard: Images, changes: dict[str, float | str]) -> None:
    data = trial_data(larger_orchard, DataConfig(image_size=64), replicate=0, with_test=False)
    # AdamW divides by the size of a gradient: rounding of what has none would become a whole step.
    config = dataclasses.replace(LARGER, optimizer="sgd", learning_rate=1e-3, **changes)
    eager, compiled = train(config, data), train(dataclasses.replace(config, compile=True), data)
    for name, value in eager[0].items():
        if name.startswith("train/"):
            # Rounding moves the class loss by 5e-5 here; a gradient from overwritten activations by 3e-4 and more.
            assert compiled[0][name] == pytest.approx(value, abs=1.5e-4), name


def test_what_compiling_cost_is_recorded_once_and_does_not_count_as_training(data: TrialData, cache: Path) -> None:
    first, second = run_epochs(COMPILED, data)
    assert float(first["compile_seconds"]) > 0
    assert second["compile_seconds"] == 0
    assert float(first["images_per_second"]) > 4 * COMPILED.batch_size / float(first["compile_seconds"])
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(cache / "compiled")
    assert any((cache / "compiled").rglob("*.so"))


def test_checkpoints_pass_between_compiled_and_eager_training(larger_orchard: Images, tmp_path: Path) -> None:
    data = trial_data(larger_orchard, DataConfig(image_size=64), replicate=0, with_test=False)
    compiled = dataclasses.replace(LARGER, compile=True)
    whole = train(LARGER, data)
    for first, then in ((LARGER, compiled), (compiled, LARGER)):
        checkpoint = tmp_path / f"{first.compile}.pt"
        list(itertools.islice(run_epochs(first, data, checkpoint), 1))
        last = train(then, data, checkpoint)[-1]
        assert last["train/total_loss"] == pytest.approx(whole[-1]["train/total_loss"], abs=1e-3)


def test_four_loss_weights_of_one_shape_compile_once(data: TrialData) -> None:
    keep_code_of("another shape")
    numbers, seconds = [], []
    for weight in (1e-3, 1e-2, 0.1, 1.0):
        config = dataclasses.replace(COMPILED, epochs=1, class_loss_weight=weight, learning_rate=weight)
        (record,) = run_epochs(config, data)
        numbers.append(num_compiled())
        seconds.append(record["compile_seconds"])
    assert numbers[1:] == numbers[:1] * 3
    assert seconds[0] and not any(seconds[1:])


def test_code_is_compiled_anew_after_some_trials(data: TrialData, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_code_of("another shape")
    monkeypatch.setattr(compilation, "MAX_TRIALS", 2)
    numbers = []
    for _ in range(3):
        next(run_epochs(COMPILED, data))
        numbers.append(num_compiled())
    assert numbers[0] == numbers[1] < numbers[2]


def test_code_is_kept_for_what_it_holds_as_constants(data: TrialData, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[object] = []
    monkeypatch.setattr(training_step, "keep_code_of", shapes.append)
    monkeypatch.setattr(training_step, "compiled", lambda function, device: function)
    alike = [{"class_loss_weight": 1.0}, {"optimizer": "sgd"}, {"learning_rate": 1e-4}, {"flip": False}]
    # The number of threads too: torch compiles it in, and does not look at it again.
    different = [{"num_threads": 2}, {"dropout": 0.5}, {"class_loss_weight": 0.0}, {"fusion": False}, {"batch_size": 4}]
    for changes in ({}, *alike, *different):
        next(run_epochs(dataclasses.replace(COMPILED, **changes), data))  # type: ignore[arg-type]
    first, *others = shapes
    assert [shape == first for shape in others] == [True] * len(alike) + [False] * len(different)


def test_no_compiled_code_is_left_for_a_trial_of_another_shape(data: TrialData) -> None:
    # torch gives up compiling a function after some shapes (eight) and goes on uncompiled; here after one.
    keep_code_of("another shape")
    with torch._dynamo.config.patch(recompile_limit=1, fail_on_recompile_limit_hit=True):
        for width in (0.125, 0.25):
            (record,) = run_epochs(dataclasses.replace(COMPILED, epochs=1, width=width), data)
            assert float(record["compile_seconds"]) > 0


def test_without_a_compiler_the_trial_is_refused(data: TrialData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match=r"needs a C\+\+ compiler"):
        next(run_epochs(COMPILED, data))
