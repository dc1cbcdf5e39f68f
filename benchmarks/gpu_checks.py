"""What must hold where training runs on a GPU: each check trains small networks and says what it saw.

`on_a_gpu.py` prints them as a table; the tests marked `gpu` call them one by one. On a machine without a GPU most of
them hold for the CPU as well; what only a GPU can answer raises NotHereError.
"""

import contextlib
import dataclasses
import gc
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402

from trainables.config import DataConfig, TrialConfig  # noqa: E402
from trainables.data.images import Images, load_images  # noqa: E402
from trainables.data.trial_data import TrialData, trial_data  # noqa: E402
from trainables.devices import choose_device, exact  # noqa: E402
from trainables.preparation.prepare import prepare  # noqa: E402
from trainables.records import Record, failure_kind, repeatable  # noqa: E402
from trainables.training import epochs  # noqa: E402
from trainables.training.compilation import RECORDING_BYTES, find_compiler, num_compiled  # noqa: E402
from trainables.training.epochs import run_epochs  # noqa: E402

SMALL = TrialConfig(
    epochs=2, batch_size=16, width=0.25, optimizer="adamw", learning_rate=3e-3, dropout=0.2, diagnostics_every=1,
    checkpoint_seconds=0,
)  # fmt: skip
"""What most checks train."""
QUARTER = 0.25


class Here:
    """The machine that is looked at, and the photos that checks train on."""

    def __init__(self, device: torch.device, cache: Path) -> None:
        self.device, self.cache = device, cache
        self.scratch = cache / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    def config(self, **changes: Any) -> TrialConfig:
        # A rehearsal asks nothing of the CPU's own bfloat16.
        precision = "auto" if self.on_gpu else "float32"
        return dataclasses.replace(SMALL, **{"device": str(self.device), "precision": precision, **changes})

    def data(self, image_size: int = 64, *, with_test: bool = False) -> TrialData:
        settings, images = orchard(self.cache, image_size)
        return trial_data(images, settings, replicate=1, with_test=with_test)

    def start(self, image_size: int, settings: dict[str, Any], *, noise: bool = False) -> "subprocess.Popen[str]":
        """A trial in a process of its own, whose last line says how it ended."""
        asked = {
            "device": str(self.device), "cache": str(self.cache), "image_size": image_size, "noise": noise,
            "settings": settings,
        }  # fmt: skip
        return subprocess.Popen([sys.executable, __file__, json.dumps(asked)], stdout=subprocess.PIPE, text=True)

    def train(self, config: TrialConfig, data: TrialData | None = None, checkpoint: Path | None = None) -> list[Record]:
        return list(run_epochs(config, data or self.data(), checkpoint))


@cache
def orchard(folder: Path, image_size: int) -> tuple[DataConfig, Images]:
    settings = DataConfig(dataset="orchard", image_size=image_size, num_classes=6, photos_per_class=40, coupling=0.9)
    return settings, load_images(prepare(settings, folder))


def noise_photos(image_size: int, num_photos: int = 320) -> TrialData:
    """Many large photos, of which nothing can be learned."""
    pixels = np.random.default_rng(0).integers(0, 256, (num_photos, image_size, image_size, 3), dtype=np.uint8)
    images = Images(
        pixels_NHW3=pixels, labels_N=np.arange(num_photos) % 2, groups_N=np.arange(num_photos),
        photo_names=tuple(map(str, range(num_photos))), class_names=("first", "second"), digest="noise",
    )  # fmt: skip
    return trial_data(images, DataConfig(dataset="orchard", image_size=image_size), replicate=0, with_test=False)


class CheckFailedError(Exception):
    """What was seen instead."""


class NotHereError(Exception):
    """Why this machine cannot answer."""


def same(first: list[Record], second: list[Record], what: str) -> str:
    """All records the same to the last bit."""
    ours, theirs = [repeatable(one) for one in first], [repeatable(one) for one in second]
    for one, other in zip(ours, theirs, strict=True):
        # As text, for what no photo can tell is NaN, which does not equal itself.
        differing = [name for name in one if repr(one[name]) != repr(other.get(name))]
        if differing:
            name = differing[0]
            raise CheckFailedError(
                f"{what}: {len(differing)} numbers of epoch {one['epoch']} differ, {name} {one[name]!r} and "
                f"{other.get(name)!r}"
            )
    return f"{sum(map(len, ours))} numbers the same"


def one_trial_runs(here: Here) -> str:
    records = here.train(here.config(device="auto" if here.on_gpu else "cpu"), here.data(with_test=True))
    last = records[-1]
    if here.on_gpu and last["device"] != torch.cuda.get_device_name():
        raise CheckFailedError(f"it ran on {last['device']}")
    return f"{last['device']}, {last['precision']}, {last['images_per_second']:.0f} images/s"


def apart(first: list[Record], second: list[Record]) -> float:
    """The largest relative difference between the losses of two trainings."""
    return max(
        abs(float(one[name]) / float(other[name]) - 1)
        for one, other in zip(first, second, strict=True)
        for name in ("train/color_loss", "train/class_loss")
    )


def float32_is_float32(here: Here) -> str:
    """Losses of ten steps against the CPU, where there is nothing but IEEE float32.

    Rounding grows from step to step: at this learning rate two CPU trainings that sum in another order are 1e-5 apart
    after ten steps, at ten times the rate 2e-3.
    """
    if not here.on_gpu:
        raise NotHereError("there is no second device to compare with")
    # One step an epoch, so that each has a record.
    data = here.data()
    config = here.config(
        epochs=10, batch_size=len(data.cut.train), optimizer="sgd", learning_rate=1e-3, dropout=0.0,
        precision="float32", diagnostics_every=0, max_rotation_degrees=0.0, crop_min_area=1.0,
    )  # fmt: skip
    on_cpu = here.train(dataclasses.replace(config, device="cpu", num_threads=os.cpu_count() or 1), data)
    difference = apart(here.train(config, data), on_cpu)
    with mock.patch.object(epochs, "exact", lambda device: contextlib.nullcontext()):
        with_tf32 = apart(here.train(config, data), on_cpu)
    saw = f"at most {difference:.1e} apart; with TF32 it would be {with_tf32:.1e}"
    if difference > 1e-4:
        raise CheckFailedError(saw)
    return saw


def repeats(here: Here) -> str:
    data = here.data(with_test=True)
    return same(here.train(here.config(), data), here.train(here.config(), data), "the same trial twice")


def repeats_in_float32(here: Here) -> str:
    config = here.config(precision="float32", optimizer="adadelta", learning_rate=None, pooling="average")
    return same(here.train(config), here.train(config), "the same trial twice")


def continues(here: Here) -> str:
    config, data = here.config(epochs=4), here.data()
    checkpoint = here.scratch / "continued.pt"
    whole = here.train(config, data)
    begun = list(itertools.islice(run_epochs(config, data, checkpoint), 2))
    rest = here.train(config, data, checkpoint)
    return same(whole, [*begun, *rest[1:]], "stopped after epoch 2 and continued")


def compiled_agrees(here: Here) -> str:
    if find_compiler() is None:
        raise NotHereError("there is no C++ compiler")
    config = here.config(optimizer="sgd", learning_rate=1e-4, precision="float32", diagnostics_every=0)
    compiled = here.train(dataclasses.replace(config, compile=True))
    difference, seconds = apart(compiled, here.train(config)), float(compiled[0]["compile_seconds"])
    saw = f"at most {difference:.1e} apart; compiled in {seconds:.0f} s"
    # CPUs differ in how far rounding grows.
    if difference > (1e-4 if here.on_gpu else 1e-3):
        raise CheckFailedError(saw)
    return saw


def compiled_once(here: Here) -> str:
    """Four trials of one shape with four loss weights; the check before has compiled this shape."""
    if find_compiler() is None:
        raise NotHereError("there is no C++ compiler")
    numbers, held = [], []
    for weight in (1e-3, 1e-2, 1e-1, 1.0):
        here.train(here.config(compile=True, class_loss_weight=weight, precision="float32", diagnostics_every=0))
        numbers.append(num_compiled())
        held.append(reserved(here) if here.on_gpu else 0)
    if len(set(numbers)) > 1:
        raise CheckFailedError(f"{numbers[-1] - numbers[0]} more pieces compiled after the first trial")
    grown = (held[-1] - held[0]) / 3
    if grown > RECORDING_BYTES:
        raise CheckFailedError(f"each trial holds {grown / 2**20:.1f} MiB more than the one before")
    return f"nothing compiled after the first; each trial holds {grown / 2**20:.1f} MiB more, as long as code is kept"


def streamed_is_resident(here: Here) -> str:
    resident, streamed = here.config(), here.config(photos_memory_share=0.0)
    return same(here.train(resident), here.train(streamed), "streamed and resident photos")


def reserved(here: Here) -> int:
    """Bytes that this process holds of the GPU once its trial has gone."""
    gc.collect()
    torch.cuda.empty_cache()
    return torch.cuda.memory_reserved(here.device)


def memory_does_not_grow(here: Here) -> str:
    """Trials of one shape, then of another, then one that runs out of memory."""
    if not here.on_gpu:
        raise NotHereError("main memory is not a GPU's")
    held = []
    for _ in range(4):
        here.train(here.config(epochs=1))
        held.append(reserved(here))
    if max(held[1:]) > held[0]:
        raise CheckFailedError(f"MiB held after trials of one shape: {[one >> 20 for one in held]}")
    here.train(here.config(epochs=1, width=0.5))
    after_larger = reserved(here)
    here.train(here.config(epochs=1))
    if reserved(here) > held[0]:
        raise CheckFailedError(f"{reserved(here) >> 20} MiB held after a larger shape, {held[0] >> 20} MiB before")
    total = torch.cuda.get_device_properties(here.device).total_memory
    try:
        here.train(here.config(epochs=1, width=2.0, batch_size=96, device_memory_share=2e9 / total), here.data(128))
    except torch.OutOfMemoryError:
        pass
    else:
        raise CheckFailedError("a trial held to 1 GB did not run out of memory")
    torch.cuda.set_per_process_memory_fraction(1.0, here.device)
    left = reserved(here)
    if left > held[0]:
        raise CheckFailedError(
            f"{left >> 20} MiB held after a trial that ran out of memory, {held[0] >> 20} MiB before"
        )
    after = {"each of four": held[0], "a larger one": after_larger, "one too large": left}
    return "MiB held: " + ", ".join(f"{number >> 20} after {what}" for what, number in after.items())


def flags_are_given_back(here: Here) -> str:
    """Between two epochs the process has torch's own settings again, by the old getters and the new ones."""

    def seen() -> tuple[Any, ...]:
        cudnn = torch.backends.cudnn
        return cudnn.allow_tf32, cudnn.deterministic, cudnn.conv.fp32_precision, torch.backends.cuda.matmul.allow_tf32  # type: ignore[attr-defined]

    before = seen()
    records = run_epochs(here.config(), here.data())
    next(records)
    between = seen()
    records.close()
    if not before == between == seen():
        raise CheckFailedError(f"{before} before, {between} between two epochs, {seen()} after")
    with exact(here.device):
        inside = seen()
    if here.on_gpu and (inside[0] or not inside[1]):
        raise CheckFailedError(f"while training: {inside}")
    return f"TF32 in convolutions {before[0]}, while training {inside[0]}"


def a_share_is_a_share(here: Here) -> str:
    """A process held to a quarter of the memory that asks for more fails alone: its neighbour trains on."""
    if not here.on_gpu:
        raise NotHereError("main memory has no shares")
    records = run_epochs(here.config(epochs=1_000_000, device_memory_share=QUARTER), here.data())
    greedy = {"epochs": 1, "batch_size": 256, "width": 2.0, "pooling": "average", "extra_convolutions": 8}
    process = here.start(512, {**greedy, "diagnostics_every": 0, "device_memory_share": QUARTER}, noise=True)
    num_before = sum(1 for _ in itertools.takewhile(lambda record: process.poll() is None, records))
    told = process.communicate()[0].splitlines()[-1:]
    if told != ["out_of_memory"]:
        raise CheckFailedError(f"the process that asked for more than its share ended with {told}")
    last = [next(records) for _ in range(3)][-1]
    records.close()
    return f"out_of_memory; its neighbour trained {num_before} epochs beside it and on to epoch {last['epoch']}"


CHECKS: dict[str, Callable[[Here], str]] = {
    "a trial runs with device auto": one_trial_runs,
    "float32 agrees with the CPU": float32_is_float32,
    "the same trial twice": repeats,
    "the same trial twice, in float32": repeats_in_float32,
    "stopped and continued": continues,
    "compiled agrees with eager": compiled_agrees,
    "four loss weights compile once": compiled_once,
    "streamed photos are resident photos": streamed_is_resident,
    "torch's settings are given back": flags_are_given_back,
    "memory does not grow": memory_does_not_grow,
    "a share of the memory is a share": a_share_is_a_share,
}


def main() -> None:
    """A trial in a process of its own; says how it ended."""
    asked = json.loads(sys.argv[1])
    here = Here(choose_device(asked["device"]), Path(asked["cache"]))
    try:
        data = noise_photos(asked["image_size"]) if asked["noise"] else here.data(asked["image_size"])
        records = here.train(here.config(**asked["settings"]), data)
    except Exception as error:
        print(failure_kind(error))
    else:
        print("done", sum(float(record["epoch_seconds"]) for record in records))


if __name__ == "__main__":
    main()
