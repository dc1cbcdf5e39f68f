"""training_step.py: fast and plain training are the same training."""

import dataclasses
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from trainables.config import DataConfig, TrialConfig
from trainables.data.augmentation import draw_transforms
from trainables.data.batches import StreamedPixels
from trainables.data.images import Images
from trainables.data.trial_data import TrialData, trial_data
from trainables.network.joint_network import JointNetwork, initialize
from trainables.optimizers import OPTIMIZERS
from trainables.records import Record, repeatable
from trainables.training.epochs import run_epochs
from trainables.training.task_weighting import TASK_WEIGHTINGS
from trainables.training.training_step import TrainingStep

SMALL = TrialConfig(
    epochs=2, batch_size=8, width=0.125, optimizer="adamw", learning_rate=3e-3, dropout=0.2, class_loss_weight=0.1,
    precision="float32", device="cpu", checkpoint_seconds=0,
)  # fmt: skip

LARGER = dataclasses.replace(SMALL, batch_size=32, learning_rate=3e-5)
"""For 64 px, so that no batch norm divides by the spread of eight values; and with a small learning rate, because plain
training itself moves by more than 1e-4 when its input changes by one part in a million."""


@pytest.fixture
def data(orchard: Images) -> TrialData:
    return trial_data(orchard, DataConfig(image_size=32), replicate=0, with_test=True)


def train(config: TrialConfig, data: TrialData, checkpoint: Path | None = None) -> list[Record]:
    return [repeatable(record) for record in run_epochs(config, data, checkpoint)]


def plain_epoch(config: TrialConfig, data: TrialData) -> dict[str, float]:
    """One epoch the way a tutorial writes it: photo by photo, scikit-image, float32, NCHW, torch's batch norm."""
    image_size = data.images.pixels_NHW3.shape[1]
    network = JointNetwork(config, num_classes=len(data.images.class_names), image_size=image_size)
    initialize(network, data.seed_for("weights"))
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.__class__ = torch.nn.BatchNorm2d
    optimizer = OPTIMIZERS[config.optimizer].build(network.parameters(), config.optimizer_settings)
    torch.manual_seed(data.seed_for("dropout", 1))
    generator = torch.Generator().manual_seed(data.seed_for("batches", 1))
    order = data.cut.train[torch.randperm(len(data.cut.train), generator=generator).numpy()]
    order = order[: len(order) // config.batch_size * config.batch_size]
    theta = draw_transforms(len(order), config, generator)
    assert theta is not None
    losses: dict[str, list[float]] = {"color": [], "class": []}
    for start in range(0, len(order), config.batch_size):
        lightness, ab = [], []
        for position in range(start, start + config.batch_size):
            rgb = torch.from_numpy(data.images.pixels_NHW3[order[position]] / 255).permute(2, 0, 1)[None].float()
            grid = functional.affine_grid(theta[position : position + 1], list(rgb.shape), align_corners=False)
            seen = functional.grid_sample(rgb, grid, padding_mode="reflection", align_corners=False)[0]
            lab = rgb2lab(seen.permute(1, 2, 0).numpy().astype(np.float64))
            lightness.append(lab[..., 0] / 100)
            ab.append(lab[..., 1:].transpose(2, 0, 1) / 200 + 0.5)
        labels = torch.from_numpy(data.images.labels_N[order[start : start + config.batch_size]])
        prediction = network(torch.from_numpy(np.stack(lightness))[:, None].float())
        color_loss = ((prediction.ab_B2HW - torch.from_numpy(np.stack(ab)).float()) ** 2).mean()
        class_loss = functional.cross_entropy(prediction.logits_BC, labels)
        optimizer.zero_grad()
        (config.color_loss_weight * color_loss + config.class_loss_weight * class_loss).backward()
        optimizer.step()
        losses["color"].append(color_loss.item())
        losses["class"].append(class_loss.item())
    return {f"train/{task}_loss": float(np.mean(values)) for task, values in losses.items()}


def test_fast_training_agrees_with_plain_training(larger_orchard: Images) -> None:
    data = trial_data(larger_orchard, DataConfig(image_size=64), replicate=0, with_test=False)
    expected = plain_epoch(LARGER, data)
    record = next(run_epochs(LARGER, data))
    for name, value in expected.items():
        assert float(record[name]) == pytest.approx(value, abs=1e-4), name


def test_streamed_training_gives_the_bits_of_resident_training(data: TrialData, tmp_path: Path) -> None:
    streamed = dataclasses.replace(SMALL, photos_memory_share=0.0)
    resident = train(SMALL, data)
    assert train(streamed, data) == resident
    # A checkpoint of one is continued by the other.
    list(itertools.islice(run_epochs(streamed, data, tmp_path / "checkpoint.pt"), 1))
    assert train(SMALL, data, tmp_path / "checkpoint.pt")[1:] == resident[1:]


def test_no_share_of_memory_streams_the_photos(data: TrialData, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def watched(source: StreamedPixels, order: Tensor, batch_size: int) -> Any:
        asked.append(len(order))
        return original(source, order, batch_size)

    original = StreamedPixels.batches
    monkeypatch.setattr(StreamedPixels, "batches", watched)
    train(dataclasses.replace(SMALL, epochs=1, photos_memory_share=0.0), data)
    # Test photos are painted again with other photos' features.
    assert asked[1] == len(data.cut.val) and set(asked[2:]) == {len(data.cut.test)}


class Waits(TorchDispatchMode):
    """Counts the operations that make a GPU's host wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.name().split(".")[0] in {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::unique"}:
            self.seen[func.name()] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("task_weighting", TASK_WEIGHTINGS)
def test_a_step_never_waits_for_the_device(data: TrialData, task_weighting: str) -> None:
    config = dataclasses.replace(SMALL, optimizer="sgd", learning_rate=0.1, task_weighting=task_weighting)
    network = JointNetwork(config, num_classes=4, image_size=32)
    optimizer = OPTIMIZERS["sgd"].build(network.parameters(), config.optimizer_settings)
    weighting = TASK_WEIGHTINGS[task_weighting](config)
    step = TrainingStep(network, optimizer, config, torch.float32, weighting)
    pixels = torch.from_numpy(np.array(data.images.pixels_NHW3[:8]))
    theta = draw_transforms(8, config, torch.Generator().manual_seed(0))
    with Waits() as waits:
        step(pixels, theta, torch.zeros(8, dtype=torch.int64), torch.arange(8) > 2)
    assert not waits.seen
    with Waits() as waits:
        torch.ones(1).item()
    assert waits.seen


@pytest.mark.full
def test_the_bfloat16_of_a_whole_training_lies_within_the_spread_of_replicates(orchard: Images) -> None:
    config = dataclasses.replace(SMALL, epochs=12, learning_rate=1e-3, dropout=0.0, schedule="one_cycle")
    finals = []
    for replicate in range(1, 6):
        data = trial_data(orchard, DataConfig(image_size=32), replicate=replicate, with_test=False)
        finals.append(train(config, data)[-1])
    data = trial_data(orchard, DataConfig(image_size=32), replicate=1, with_test=False)
    rough = train(dataclasses.replace(config, precision="bfloat16"), data)[-1]
    assert rough != finals[0]
    for metric in ("val/color_mse", "val/delta_e", "val/class_loss"):
        values = [float(one[metric]) for one in finals]
        spread = max(values) - min(values)
        assert abs(float(rough[metric]) - values[0]) < spread, metric


def test_between_two_trials_of_a_process_all_tensors_are_gone(data: TrialData) -> None:
    import gc

    def living() -> int:
        gc.collect()
        return sum(1 for one in gc.get_objects() if type(one) in (torch.Tensor, torch.nn.Parameter))

    train(SMALL, data)
    before = living()
    train(SMALL, data)
    generator = run_epochs(SMALL, data)
    next(generator)
    assert living() > before
    generator.close()
    del generator
    assert living() == before
