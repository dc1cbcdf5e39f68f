"""A trial without a network: the same records from a formula, in microseconds and without torch.

Schedulers, searches and the ledger are tested on it. The truth is known: colouring gains from a class weight near 0.01
unless the labels are shuffled or fusion is off, naming gains a little from colouring, every optimizer has its best
learning rate, and errors fall exponentially with epochs.
"""

import dataclasses
import json
import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from trainables.config import DataConfig, TrialConfig
from trainables.data.images import Images
from trainables.data.trial_data import TrialData
from trainables.files import replaced
from trainables.metrics import metric_of
from trainables.optimizers import OPTIMIZERS, learning_rate_factor
from trainables.records import DIAGNOSTICS, PhotoMeasures, Record

NUM_CLASSES, PHOTOS_PER_CLASS = 6, 20
BEST_LEARNING_RATE = {"adadelta": 0.5, "adam": 2e-3, "adamw": 3e-3, "sgd": 0.05, "rmsprop": 1e-3}


@dataclass(frozen=True, kw_only=True)
class AnalyticEnd:
    """What an analytic trial leaves: errors photo by photo in confirm, never a network."""

    test: PhotoMeasures | None


def analytic_images(data: DataConfig) -> Images:
    """Labels and names of photos that have no pixels."""
    labels_N = np.repeat(np.arange(NUM_CLASSES), PHOTOS_PER_CLASS)
    return Images(
        pixels_NHW3=np.zeros((len(labels_N), 1, 1, 3), dtype=np.uint8),
        labels_N=labels_N,
        groups_N=np.arange(len(labels_N)),
        photo_names=tuple(f"class{label}/photo{index}" for index, label in enumerate(labels_N)),
        class_names=tuple(f"class{label}" for label in range(NUM_CLASSES)),
        digest=f"analytic-{data.seed}",
    )


def run_epochs(
    config: TrialConfig,
    data: TrialData,
    checkpoint: Path | None = None,
    *,
    epoch_seconds: float = 0.0,
    extra_metrics: int = 0,
) -> Generator[Record, None, AnalyticEnd]:
    """As `trainables.training.epochs.run_epochs`, with the same fields in each record.

    Args:
        epoch_seconds: how long each epoch sleeps.
        extra_metrics: how many numbers without a meaning each record has besides.
    """
    first_epoch = 1
    record: Record
    if checkpoint and checkpoint.exists():
        record = json.loads(checkpoint.read_text())
        first_epoch = int(record["epoch"]) + 1
        yield record
    test: PhotoMeasures | None = None
    for epoch in range(first_epoch, config.epochs + 1):
        time.sleep(epoch_seconds)
        val = _measure(config, data, data.cut.val, epoch).means("val")
        if not config.measures_color(epoch):
            val = {name: mean for name, mean in val.items() if metric_of(name).task != "color"}
        record = {
            "train/color_loss": 0.02 * math.exp(-epoch / 10),
            "train/class_loss": math.log(NUM_CLASSES) * math.exp(-epoch / 10),
        }
        record["train/total_loss"] = config.color_loss_weight * float(
            record["train/color_loss"]
        ) + config.class_loss_weight * float(record["train/class_loss"])
        factor = learning_rate_factor(config.schedule, config.warmup_share, epoch - 1, config.epochs)
        record["learning_rate"] = config.optimizer_settings["learning_rate"] * factor
        if config.task_weighting == "uncertainty":
            record |= {"train/color_weight": config.color_loss_weight, "train/class_weight": config.class_loss_weight}
        if config.diagnoses(epoch):
            # Conflicts grow, and a step helps its own task more than the other one.
            fading = math.exp(-epoch / 10)
            record |= dict(
                zip(DIAGNOSTICS, (fading - 0.2, 0.5, *(fading * x for x in (0.3, 0.1, 0.1, 0.3))), strict=True)
            )
        record |= val
        if epoch == config.epochs and len(data.cut.test):
            test = _measure_pool(config, data)
            record |= test.means("test")
        record |= {f"extra/{number}": math.sin(number * epoch) for number in range(1, extra_metrics + 1)}
        seconds = epoch_seconds + 1e-6 * len(data.cut.train)
        record |= {"images_per_second": len(data.cut.train) / seconds, "flops_per_second": 0.0, "compile_seconds": 0.0}
        record |= {"device": "formula", "precision": "float64", "epoch_seconds": seconds, "memory": 0}
        record = {"epoch": epoch, "time": datetime.now(UTC).isoformat(), **record}
        if checkpoint:
            _save(checkpoint, record)
        yield record
    if test is None and len(data.cut.test):
        test = _measure_pool(config, data)
    return AnalyticEnd(test=test)


def _measure(config: TrialConfig, data: TrialData, indices_N: np.ndarray, epoch: int) -> PhotoMeasures:
    labels_N = np.asarray(data.images.labels_N)[indices_N]
    photo_noise_N = np.random.default_rng(data.seed).normal(size=len(data.images.labels_N))[indices_N]
    generator = np.random.default_rng(data.seed_for("analytic", epoch))
    noise_N = 0.7 * photo_noise_N + 0.3 * generator.normal(size=len(indices_N)) + 0.1 * generator.normal()
    color, naming = _skills(config, epoch)
    delta_e_N = np.maximum(0.1, 16 - 9 * color + noise_N)
    chance = 1 / NUM_CLASSES
    hit_N = generator.random(len(indices_N)) < chance + (1 - chance) * 0.9 * naming
    wrong_N = (labels_N + 1 + generator.integers(NUM_CLASSES - 1, size=len(labels_N))) % NUM_CLASSES
    # What is hard to colour is hard to name.
    class_loss_N = math.log(NUM_CLASSES) * (1 - 0.8 * naming) * np.exp(0.2 * noise_N)
    metrics = {
        "color_mse": (delta_e_N / 100) ** 2,
        "delta_e": delta_e_N,
        "delta_e_inside": 1.5 * delta_e_N,
        "delta_e_outside": 0.5 * delta_e_N,
        "psnr": 40 - delta_e_N,
        "ssim": 1 - delta_e_N / 50,
        "colorfulness": np.full(len(indices_N), 40 * color),
        "chroma_ratio": np.full(len(indices_N), color),
        "top1": hit_N.astype(np.float64),
        "top5": np.maximum(hit_N, generator.random(len(indices_N)) < 5 / NUM_CLASSES).astype(np.float64),
        "p_true": np.exp(-class_loss_N),
        "class_loss": class_loss_N,
    }
    return PhotoMeasures(indices_N=indices_N, metrics=metrics, predicted_N=np.where(hit_N, labels_N, wrong_N))


def _measure_pool(config: TrialConfig, data: TrialData) -> PhotoMeasures:
    """After the last epoch; where it colours and fuses, colouring uses as much of the class as naming knows."""
    test = _measure(config, data, data.cut.test, config.epochs)
    class_use_N = np.full(len(data.cut.test), math.nan)
    if config.color_loss_weight and config.fusion:
        _, naming = _skills(config, config.epochs)
        noise_N = np.random.default_rng(data.seed_for("class use")).normal(size=len(class_use_N))
        class_use_N = naming + 0.1 * noise_N
    return dataclasses.replace(test, metrics={**test.metrics, "class_use": class_use_N})


def _skills(config: TrialConfig, epoch: int) -> tuple[float, float]:
    """How well each task is done after an epoch, in [0, 1]."""
    rate = config.optimizer_settings["learning_rate"]
    assert set(BEST_LEARNING_RATE) == set(OPTIMIZERS)
    tuned = math.exp(-(math.log10(rate / BEST_LEARNING_RATE[config.optimizer]) ** 2)) * (1 - 0.3 * config.dropout)
    learned = 1 - math.exp(-epoch / (8 / max(tuned, 0.05)))
    weight = config.class_loss_weight
    helps = weight > 0 and config.fusion and not config.shuffle_labels
    gain = 0.12 * math.exp(-((math.log10(weight) + 2) ** 2)) if helps else 0.0
    color = learned * tuned * (0.8 + gain) if config.color_loss_weight else 0.0
    pull = weight / (weight + 0.003 * config.color_loss_weight) if weight else 0.0
    naming = 0.0 if config.shuffle_labels else learned * tuned * pull * (0.9 if config.color_loss_weight else 0.85)
    return min(1.0, color), min(1.0, naming)


def _save(checkpoint: Path, record: Record) -> None:
    with replaced(checkpoint) as file:
        file.write(json.dumps(record).encode())
