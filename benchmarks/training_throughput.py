"""Training: images per second of a plain loader, of our trial, and of the computation alone.

    python benchmarks/training_throughput.py [--data FOLDER] [--image-size 128] [--width 0.25] [--batch-size 64]
                                             [--loader-workers 2] [--rounds 3] [--compile] [--precision auto]

One process on cuda, mps or cpu, whichever there is. Three contenders take turns, and the median round of each counts:

    plain    what a tutorial writes: a DataLoader whose workers decode with PIL, augment with torchvision, convert with
             scikit-image's rgb2lab; float32, NCHW, the device waited for at every step to print the loss. On a GPU
             torch computes its convolutions in TF32 by default, so it does here; with --precision float32 both
             contenders compute in IEEE float32
    trial    our trial on the same photos, the training part of its epochs
    compute  forward, backward and update on one constant batch in our precision and memory format: the limit

Without --data, photos are drawn: smooth noise of 500 x 375 px, JPEG. Prints a table and, last, one JSON line.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from skimage.color import rgb2lab
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from trainables.config import DataConfig, TrialConfig
from trainables.data.images import load_images
from trainables.data.trial_data import trial_data
from trainables.devices import choose_device, choose_precision, describe, exact
from trainables.network.joint_network import JointNetwork
from trainables.optimizers import OPTIMIZERS
from trainables.preparation.prepare import prepare
from trainables.training.compute_speed import matrix_ceiling, training_flops_per_photo
from trainables.training.epochs import run_epochs
from trainables.training.task_weighting import TASK_WEIGHTINGS
from trainables.training.training_step import TrainingStep

LEARNING_RATE = 1e-3


class PlainPhotos(Dataset[tuple[Tensor, Tensor, int]]):
    """Photos the way a tutorial loads them."""

    def __init__(self, root: Path, image_size: int) -> None:
        classes = sorted(folder for folder in root.iterdir() if folder.is_dir())
        self.photos = [(file, label) for label, folder in enumerate(classes) for file in sorted(folder.glob("*.jpg"))]
        self.augment = torchvision.transforms.Compose(
            [
                torchvision.transforms.RandomResizedCrop(image_size, scale=(0.6, 1.0)),
                torchvision.transforms.RandomHorizontalFlip(),
                torchvision.transforms.RandomRotation(10),
            ]
        )

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        file, label = self.photos[index]
        photo = self.augment(Image.open(file).convert("RGB"))
        lab = torch.from_numpy(rgb2lab(np.asarray(photo))).permute(2, 0, 1).float()
        return lab[:1] / 100, lab[1:] / 200 + 0.5, label


class Plain:
    """(a): the plain loader feeding a plain training loop; each call trains on `num_batches` and gives images/s."""

    def __init__(self, arguments: argparse.Namespace, root: Path, num_classes: int, device: torch.device) -> None:
        self.num_batches, self.device = arguments.batches, device
        self.in_float32 = arguments.precision == "float32"
        network = JointNetwork(config_of(arguments), num_classes=num_classes, image_size=arguments.image_size)
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.__class__ = nn.BatchNorm2d
        self.network = network.to(device).train()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=LEARNING_RATE)
        loader = DataLoader(
            PlainPhotos(root, arguments.image_size), batch_size=arguments.batch_size, shuffle=True, drop_last=True,
            num_workers=arguments.loader_workers, persistent_workers=arguments.loader_workers > 0,
        )  # fmt: skip
        self.batches = self._forever(loader)
        self.batch_size = arguments.batch_size
        next(self.batches)

    def _forever(self, loader: DataLoader[Any]) -> Iterator[Any]:
        while True:
            yield from loader

    def __call__(self) -> float:
        # As torch comes, unless both sides are asked for float32.
        with exact(self.device) if self.in_float32 else nullcontext():
            return self._train()

    def _train(self) -> float:
        started = time.perf_counter()
        for _ in range(self.num_batches):
            lightness, ab, labels = next(self.batches)
            lightness, ab, labels = lightness.to(self.device), ab.to(self.device), labels.to(self.device)
            prediction = self.network(lightness)
            loss = nn.functional.mse_loss(prediction.ab_B2HW, ab)
            loss = loss + nn.functional.cross_entropy(prediction.logits_BC, labels) / 300
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            loss.item()
        return self.num_batches * self.batch_size / (time.perf_counter() - started)


class ComputeAlone:
    """(c): the network, its losses and the optimizer on a batch that is already there."""

    def __init__(self, arguments: argparse.Namespace, num_classes: int, device: torch.device) -> None:
        config = config_of(arguments)
        network = JointNetwork(config, num_classes=num_classes, image_size=arguments.image_size)
        network = network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        optimizer = OPTIMIZERS[config.optimizer].build(network.parameters(), config.optimizer_settings)
        weighting = TASK_WEIGHTINGS[config.task_weighting](config).to(device)
        self.step = TrainingStep(network, optimizer, config, choose_precision(config.precision, device), weighting)
        generator = torch.Generator().manual_seed(0)
        size, self.batch_size = arguments.image_size, arguments.batch_size
        lab = torch.rand(self.batch_size, 3, size, size, generator=generator).to(device) * 100
        labels = torch.randint(num_classes, (self.batch_size,), generator=generator).to(device)
        self.batch, self.device = (lab.to(memory_format=torch.channels_last), labels), device
        self.num_steps = arguments.batches
        for _ in range(3):
            self.step.learn(*self.batch)

    def __call__(self) -> float:
        wait(self.device)
        started = time.perf_counter()
        with exact(self.device):
            for _ in range(self.num_steps):
                self.step.learn(*self.batch)
            wait(self.device)
        return self.num_steps * self.batch_size / (time.perf_counter() - started)


def our_trial(arguments: argparse.Namespace, root: Path, cache: Path) -> tuple[Callable[[], float], int]:
    """(b): each call trains an epoch and gives its record's images per second; and the number of classes."""
    data = DataConfig(dataset="folder", root=str(root), image_size=arguments.image_size)
    images = load_images(prepare(data, cache))
    config = config_of(arguments)
    records = run_epochs(config, trial_data(images, data, replicate=0, with_test=False))
    next(records)
    return lambda: float(next(records)["images_per_second"]), len(images.class_names)


def config_of(arguments: argparse.Namespace) -> TrialConfig:
    return TrialConfig(
        epochs=10_000, batch_size=arguments.batch_size, width=arguments.width, optimizer="adamw",
        learning_rate=LEARNING_RATE, precision=arguments.precision, compile=arguments.compile,
        num_threads=torch.get_num_threads(),
    )  # fmt: skip


def plain_kind(arguments: argparse.Namespace, device: torch.device) -> str:
    """What the plain side's convolutions compute in."""
    with exact(device) if arguments.precision == "float32" else nullcontext():
        return "TF32" if device.type == "cuda" and torch.backends.cudnn.allow_tf32 else "float32"


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def draw_photos(root: Path, num_classes: int = 4, per_class: int = 128) -> None:
    generator = np.random.default_rng(0)
    for label in range(num_classes):
        folder = root / f"class {label}"
        folder.mkdir(parents=True)
        for number in range(per_class):
            noise = generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            Image.fromarray(noise).resize((500, 375), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of class folders of .jpg photos")
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--loader-workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=6, help="steps of a round of plain and compute")
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    device = choose_device("auto")
    dtype = choose_precision(arguments.precision, device)
    with tempfile.TemporaryDirectory() as scratch:
        root = arguments.data
        if root is None:
            root = Path(scratch, "photos")
            draw_photos(root)
        trial, num_classes = our_trial(arguments, root, Path(scratch, "cache"))
        contenders: dict[str, Callable[[], float]] = {
            "plain": Plain(arguments, root, num_classes, device),
            "trial": trial,
            "compute": ComputeAlone(arguments, num_classes, device),
        }
        rounds: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(arguments.rounds):
            for name, measure in contenders.items():
                rounds[name].append(measure())
            print(f"round {number + 1}:", *(f"{name} {values[-1]:.1f}" for name, values in rounds.items()), flush=True)
    speed = {name: median(values) for name, values in rounds.items()}
    flops = training_flops_per_photo(config_of(arguments), num_classes=num_classes, image_size=arguments.image_size)
    ceiling = matrix_ceiling(device, dtype) if device.type == "cuda" else None

    kind = str(dtype).removeprefix("torch.")
    sides = f"{kind}, the plain loader in {plain_kind(arguments, device)}"
    print(f"\n{describe(device)}, {sides}, {arguments.image_size} px, width {arguments.width:g}")
    print(f"{'':10}{'images/s':>10}{'trial is':>12}{'ms a step':>12}{'GFLOP/s':>10}")
    for name, value in speed.items():
        step = 1000 * arguments.batch_size / value
        print(f"{name:10}{value:10.1f}{speed['trial'] / value:10.2f} x{step:12.2f}{value * flops / 1e9:10.1f}")
    if ceiling is not None:
        print(f"The trial reaches {speed['trial'] * flops / ceiling:.0%} of the measured matrix ceiling.")
    result = {
        "benchmark": "training_throughput",
        "plain_images_per_second": round(speed["plain"], 2),
        "trial_images_per_second": round(speed["trial"], 2),
        "compute_images_per_second": round(speed["compute"], 2),
        "trial_over_plain": round(speed["trial"] / speed["plain"], 3),
        "trial_over_compute": round(speed["trial"] / speed["compute"], 3),
        "matrix_ceiling_share": None if ceiling is None else round(speed["trial"] * flops / ceiling, 3),
        "device": describe(device),
        "photos": "drawn" if arguments.data is None else arguments.data.name,
        "image_size": arguments.image_size,
        "width": arguments.width,
        "batch_size": arguments.batch_size,
        "dtype": kind,
        "plain_dtype": plain_kind(arguments, device),
        "compile": arguments.compile,
        "num_threads": torch.get_num_threads(),
        "loader_workers": arguments.loader_workers,
        "torch": torch.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
