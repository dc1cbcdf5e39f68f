"""One trial as a generator: it trains, and yields one record at the end of each epoch.

It never learns who is listening. Everything random is drawn from seeds of (replicate, purpose, epoch), so that a
trial continued from any epoch's end is the same trial, bit for bit on the same CPU with the same number of threads.
Letters of shapes: N photos, B photos of a batch, S steps of an epoch, H and W side in pixels.
"""

import dataclasses
import gc
import math
import time
import weakref
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.config import TrialConfig
from trainables.data.augmentation import draw_transforms
from trainables.data.batches import pixel_source
from trainables.data.trial_data import TrialData
from trainables.devices import choose_device, choose_precision, clean_slate, describe, exact, peak_memory_bytes
from trainables.evaluation.feature_swaps import choose_donors, swap_errors
from trainables.evaluation.measure import measure_photos, photo_colorfulness
from trainables.evaluation.regions import Objects
from trainables.evaluation.variants import (
    Variant,
    epochs_with_variants,
    paint_as_it_stands,
    paint_with_lent_features,
)
from trainables.network.joint_network import JointNetwork, initialize
from trainables.optimizers import OPTIMIZERS, learning_rate_factor
from trainables.records import NotFiniteError, PhotoMeasures, Record
from trainables.seeds import derive_seed
from trainables.training.checkpoint import load_checkpoint, save_checkpoint
from trainables.training.compilation import num_compiled
from trainables.training.compute_speed import matrix_ceiling, training_flops_per_photo
from trainables.training.gradient_diagnostics import diagnose, fixed_batch
from trainables.training.task_weighting import TASK_WEIGHTINGS
from trainables.training.training_step import TrainingStep

PLACEMENT = (
    "device",
    "compile",
    "num_threads",
    "photos_memory_share",
    "device_memory_share",
    "checkpoint_seconds",
)
"""The settings that a continued trial may change; the first three may change its last bits."""


@dataclass(frozen=True, kw_only=True)
class TrialEnd:
    """What a trial leaves beside its records; the generator's return value."""

    network: JointNetwork
    test: PhotoMeasures | None
    """Errors photo by photo on the test pool; None in search."""
    variants: list[tuple[int, str, bytes]]
    """A few photos of the pool painted after some epochs and with others' features: photo, variant, JPEG. Only in the
    first replicate of an arm that colours."""


def run_epochs(
    config: TrialConfig, data: TrialData, checkpoint: Path | None = None
) -> Generator[Record, None, TrialEnd]:
    """Trains one network and yields a record after each epoch.

    Args:
        config: all settings of the trial.
        data: photos and cut; where it has test photos they are measured once, in the last epoch's record.
        checkpoint: file to continue from and to write to; None keeps nothing. A continued trial first yields the
            checkpoint's own record again.

    Returns:
        The trained network and its errors on the test pool.

    Raises:
        NotFiniteError: naming metric, epoch and step.
        ValueError: the checkpoint belongs to another trial.
    """
    torch.set_num_threads(config.num_threads)
    device = choose_device(config.device)
    state = load_checkpoint(checkpoint) if checkpoint else None
    with exact(device):
        trial = _Trial(config, data, device)
        if state is not None:
            trial.restore(state)
    saved_at, first_epoch = time.monotonic(), 1
    if state is not None:
        first_epoch = int(state["epoch"]) + 1
        # Whoever was killed between the checkpoint and the record's arrival has not seen it.
        yield state["record"]
    for epoch in range(first_epoch, config.epochs + 1):
        # Between two epochs the process belongs to whoever listens.
        with exact(device):
            record = trial.epoch(epoch)
        due = time.monotonic() - saved_at >= config.checkpoint_seconds or epoch == config.epochs
        if checkpoint and due:
            save_checkpoint(checkpoint, trial.state(record))
            saved_at = time.monotonic()
        yield record
    with exact(device):
        variants = [(one.photo, one.name, one.jpeg) for one in (*trial.painted, *trial.swapped_variants())]
        return TrialEnd(network=trial.network, test=trial.measured_pool(), variants=variants)


_networks: weakref.WeakSet[JointNetwork] = weakref.WeakSet()
"""Of the trials of this process that are still in memory."""


class _Trial:
    """The state between epochs: network, optimizer, and the photos on the device."""

    def __init__(self, config: TrialConfig, data: TrialData, device: torch.device) -> None:
        self.config, self.data, self.device = config, data, device
        self.dtype = choose_precision(config.precision, self.device)
        self.ceiling = matrix_ceiling(self.device, self.dtype) if self.device.type == "cuda" else None
        if _networks:
            # Compiled code, or the frames of an error, hold the last trial in a circle of references. A collection
            # takes as long as an epoch of a small trial, and most trials go without.
            gc.collect()
        clean_slate(self.device, config.device_memory_share)
        images = data.images
        num_classes, image_size = len(images.class_names), images.pixels_NHW3.shape[1]
        network = JointNetwork(config, num_classes=num_classes, image_size=image_size)
        _networks.add(network)
        initialize(network, data.seed_for("weights"))
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        settings = config.optimizer_settings
        self.optimizer = OPTIMIZERS[config.optimizer].build(self.network.parameters(), settings)
        self.weighting = TASK_WEIGHTINGS[config.task_weighting](config).to(self.device)
        learned = list(self.weighting.parameters())
        if learned:
            rate = config.weighting_learning_rate or settings["learning_rate"]
            self.optimizer.add_param_group({"params": learned, "lr": rate, "weight_decay": 0.0})
        self.peak_learning_rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        self.step = TrainingStep(self.network, self.optimizer, config, self.dtype, self.weighting)
        memory_share = config.photos_memory_share * config.device_memory_share
        self.pixels = pixel_source(images.pixels_NHW3, self.device, memory_share)
        self.precision = str(self.dtype).removeprefix("torch.")
        if self.device.type == "cpu" and self.dtype != torch.float32 and network.sees_single_pixels(image_size):
            self.precision += ", float32 on maps of one pixel"
        self.labels_N = torch.from_numpy(np.array(images.labels_N, dtype=np.int64)).to(self.device)
        train_labels_N = data.train_labels(shuffled=config.shuffle_labels)
        self.train_labels_N = torch.from_numpy(train_labels_N).to(self.device)
        colorful_N = data.colorful_N
        self.colorful_N = None if colorful_N is None else torch.from_numpy(colorful_N).to(self.device)
        num_train = len(data.cut.train)
        self.batch_size = min(config.batch_size, num_train)
        self.steps_per_epoch = num_train // self.batch_size
        self.flops_per_photo = training_flops_per_photo(config, num_classes=num_classes, image_size=image_size)
        self.compile_seconds, self.num_steps_compiling = 0.0, 0
        """Of the last epoch: spent on steps that compiled, and how many those were."""
        self.val_objects: Objects | None = None
        """Where the photos of val show their objects, once colours were measured on them."""
        self.painted: list[Variant] = []
        """After some epochs, for people to see."""
        self.swapped: list[Variant] | None = None
        """With the features of others, once they were painted."""
        self.pool: PhotoMeasures | None = None
        """Errors on the test pool, once they were measured."""

    @property
    def num_trained_per_epoch(self) -> int:
        return self.steps_per_epoch * self.batch_size

    def state(self, record: Record) -> dict[str, Any]:
        return {
            "epoch": record["epoch"],
            "record": record,
            "identity": self._identity(),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "task_weighting": self.weighting.state_dict(),
            # Loading admits tensors and plain values alone.
            "painted": [
                {"photo": one.photo, "name": one.name, "jpeg": torch.frombuffer(bytearray(one.jpeg), dtype=torch.uint8)}
                for one in self.painted
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over a checkpoint of this very trial; another one's is a ValueError."""
        mine = self._identity()
        # Checkpoints of older versions do not say which precision they were trained in.
        theirs = {"precision": mine["precision"], **state["identity"]}
        differing = sorted(name for name in mine if mine[name] != theirs.get(name))
        if differing:
            name = differing[0]
            raise ValueError(
                f"The checkpoint belongs to another trial: its {name} is {theirs.get(name)!r}, not {mine[name]!r}. "
                "Give each trial a checkpoint of its own."
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.weighting.load_state_dict(state["task_weighting"])
        # Checkpoints of older versions have none.
        self.painted = [
            Variant(photo=one["photo"], name=one["name"], jpeg=one["jpeg"].numpy().tobytes())
            for one in state.get("painted", [])
        ]

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a trial to be continued; where and how fast it computes may change."""
        settings = {name: value for name, value in dataclasses.asdict(self.config).items() if name not in PLACEMENT}
        data = self.data
        num_colorful = len(data.images.labels_N) if data.colorful_N is None else int(data.colorful_N.sum())
        whole = {"seed": data.seed, "replicate": data.replicate, "digest": data.images.digest}
        whole["precision"] = str(self.dtype).removeprefix("torch.")
        return {**settings, **whole, "num_colorful": num_colorful}

    def epoch(self, epoch: int) -> Record:
        """Trains an epoch, measures the network, and gives the whole record."""
        config = self.config
        started = time.monotonic()
        record = self.train(epoch)
        speed = self.speed(time.monotonic() - started)
        if config.diagnoses(epoch):
            record |= self.diagnose()
        record |= self.measure_val(epoch).means("val")
        _check_finite(record, config, epoch)
        if self.paints_variants and epoch in epochs_with_variants(config.epochs):
            self.painted += paint_as_it_stands(self.network, self.data.images, self.data.cut.test, f"epoch {epoch}")
        if epoch == config.epochs:
            if (pool := self.measured_pool()) is not None:
                record |= pool.means("test")
            self.swapped_variants()
        record |= speed
        record["epoch_seconds"] = time.monotonic() - started
        record["memory"] = peak_memory_bytes(self.device)
        return {"epoch": epoch, "time": datetime.now(UTC).isoformat(), **record}

    def train(self, epoch: int) -> Record:
        """One pass over the training photos. The device is waited for once, at the end (and where it compiles)."""
        config, data = self.config, self.data
        self.network.train()
        # Dropout draws from torch's own generator; everything else from one of our own.
        torch.manual_seed(data.seed_for("dropout", epoch))
        generator = torch.Generator().manual_seed(data.seed_for("batches", epoch))
        order_N = torch.from_numpy(data.cut.train)[torch.randperm(len(data.cut.train), generator=generator)]
        order_N = order_N[: self.num_trained_per_epoch]
        theta_N23 = draw_transforms(len(order_N), config, generator)
        theta_N23 = None if theta_N23 is None else theta_N23.to(self.device)
        placed_N = order_N.to(self.device)
        labels_N = self.train_labels_N[placed_N]
        colorful_N = None if self.colorful_N is None else self.colorful_N[placed_N]
        losses_S2 = torch.empty(self.steps_per_epoch, 2, device=self.device)
        learning_rate = self.compile_seconds = 0.0
        self.num_steps_compiling = 0
        for step, pixels_BHW3 in enumerate(self.pixels.batches(order_N, self.batch_size)):
            batch = slice(step * self.batch_size, (step + 1) * self.batch_size)
            learning_rate = self._set_learning_rate((epoch - 1) * self.steps_per_epoch + step)
            theta_B23 = None if theta_N23 is None else theta_N23[batch]
            started, num_before = time.monotonic(), num_compiled() if config.compile else 0
            colorful_B = None if colorful_N is None else colorful_N[batch]
            losses_S2[step] = self.step(pixels_BHW3, theta_B23, labels_N[batch], colorful_B)
            if config.compile and num_compiled() != num_before:
                losses_S2[step].cpu()
                self.compile_seconds += time.monotonic() - started
                self.num_steps_compiling += 1
        return self._training_record(epoch, losses_S2.cpu().double().numpy(), learning_rate)

    def _set_learning_rate(self, step: int) -> float:
        config = self.config
        num_steps = config.epochs * self.steps_per_epoch
        factor = learning_rate_factor(config.schedule, config.warmup_share, step, num_steps)
        for group, peak in zip(self.optimizer.param_groups, self.peak_learning_rates, strict=True):
            group["lr"] = peak * factor
        return self.peak_learning_rates[0] * factor

    def _training_record(self, epoch: int, losses_S2: NDArray[np.float64], learning_rate: float) -> Record:
        """Means over the steps; learned weights, and the total by them, as they stand after the last step."""
        weights = dict(zip(("color", "class"), self.weighting.weights(), strict=True))
        means: dict[str, float] = {}
        for column, (task, weight) in enumerate(weights.items()):
            broken = np.flatnonzero(~np.isfinite(losses_S2[:, column]))
            # A task that is not trained cannot end the trial.
            if len(broken) and weight:
                raise NotFiniteError(
                    f"train/{task}_loss is {losses_S2[broken[0], column]} in epoch {epoch}, step {broken[0] + 1}."
                )
            means[task] = float(losses_S2[:, column].mean())
        total = math.fsum(weight * means[task] for task, weight in weights.items() if weight)
        record: Record = {
            "train/color_loss": means["color"],
            "train/class_loss": means["class"],
            "train/total_loss": total,
            "learning_rate": learning_rate,
        }
        for task, weight in weights.items() if self.config.task_weighting == "uncertainty" else ():
            if not math.isfinite(weight):
                raise NotFiniteError(f"train/{task}_weight is {weight} in epoch {epoch}, after its last step.")
            record[f"train/{task}_weight"] = weight
        return record

    def diagnose(self) -> Record:
        """What the tasks would do to each other next; leaves everything as it is."""
        batch = fixed_batch(self.data, self.pixels, self.train_labels_N, self.colorful_N, self.batch_size)
        return diagnose(self.network, self.optimizer, self.weighting, self.dtype, batch)

    def speed(self, seconds: float) -> Record:
        """How fast the training part of an epoch went, and on what; the step that compiled says nothing about it."""
        num_photos = self.num_trained_per_epoch
        num_others = num_photos - self.num_steps_compiling * self.batch_size
        if num_others:
            num_photos, seconds = num_others, seconds - self.compile_seconds
        flops_per_second = num_photos / seconds * self.flops_per_photo
        record: Record = {
            "images_per_second": num_photos / seconds,
            "flops_per_second": flops_per_second,
            "compile_seconds": self.compile_seconds,
            "device": describe(self.device),
            "precision": self.precision,
        }
        if self.ceiling is not None:
            record["matrix_ceiling_share"] = flops_per_second / self.ceiling
        return record

    def measure_val(self, epoch: int) -> PhotoMeasures:
        """Errors of the network as it stands, photo by photo, against the true labels."""
        with_color = self.config.measures_color(epoch)
        if with_color and self.val_objects is None:
            self.val_objects = Objects(self.data.images, self.data.cut.val, self.device)
        return self._measure(self.data.cut.val, self.val_objects, with_color=with_color)

    def _measure(
        self, indices_N: NDArray[np.int64], objects: Objects | None, *, with_color: bool = True
    ) -> PhotoMeasures:
        how: dict[str, Any] = {"batch_size": self.config.batch_size, "dtype": self.dtype, "with_color": with_color}
        return measure_photos(self.network, self.pixels, self.labels_N, indices_N, objects=objects, **how)

    def measured_pool(self) -> PhotoMeasures | None:
        """Errors on the test pool, measured once; None where there is none, in search."""
        if self.pool is None and len(self.data.cut.test):
            self.pool = self._measure_pool()
        return self.pool

    @property
    def paints_variants(self) -> bool:
        """One replicate of those that are measured is enough for pictures."""
        return self.data.replicate == 1 and len(self.data.cut.test) > 0 and self.config.color_loss_weight > 0

    def swapped_variants(self) -> list[Variant]:
        """A few photos of the pool painted with the features of others, once."""
        if self.swapped is None:
            self.swapped = []
            if self.paints_variants and self.config.fusion:
                how: dict[str, Any] = {"batch_size": self.config.batch_size, "dtype": self.dtype}
                photos = (self.data.images, self.pixels, self.data.cut.test)
                self.swapped = paint_with_lent_features(self.network, *photos, **how)
        return self.swapped

    def _measure_pool(self) -> PhotoMeasures:
        """Where colouring is trained also what it uses: the features of others."""
        data, config = self.data, self.config
        test = self._measure(data.cut.test, Objects(data.images, data.cut.test, self.device))
        how: dict[str, Any] = {"batch_size": config.batch_size}
        concepts = {"true_colorfulness": photo_colorfulness(self.pixels, data.cut.test, **how)}
        class_use_P = np.full(len(data.cut.test), np.nan)
        if config.color_loss_weight and config.fusion:
            pool_labels_P = np.asarray(data.images.labels_N)[data.cut.test]
            # Without the replicate, so that all replicates have the same donors.
            donors = choose_donors(pool_labels_P, derive_seed(data.seed, "feature donors"))
            swapped = swap_errors(self.network, self.pixels, data.cut.test, donors, dtype=self.dtype, **how)
            class_use_P = swapped["delta_e_other_class_features"] - swapped["delta_e_same_class_features"]
            concepts |= swapped
        return dataclasses.replace(test, metrics={**test.metrics, "class_use": class_use_P}, concepts=concepts)


def _check_finite(record: Record, config: TrialConfig, epoch: int) -> None:
    """Losses may be finite while running statistics overflowed; a task that is not trained cannot end the trial."""
    for name, trained in (("color_mse", config.color_loss_weight > 0), ("class_loss", config.class_loss_weight > 0)):
        if trained and not math.isfinite(value := float(record[f"val/{name}"])):
            raise NotFiniteError(f"val/{name} is {value} in epoch {epoch}, after its last step.")
