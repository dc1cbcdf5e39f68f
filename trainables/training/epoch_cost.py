"""How long an epoch of a trial will take: a few photos' worth of the real one, measured here and scaled up."""

import dataclasses

import numpy as np

from trainables.config import DataConfig, TrialConfig
from trainables.data.images import Images
from trainables.data.splits import Cut
from trainables.data.trial_data import TrialData
from trainables.devices import choose_device
from trainables.training.epochs import run_epochs

MAX_PHOTOS_ON_CPU = 16
"""Of a step that is timed on a CPU, where a photo takes the same time in a batch of any size."""


def measure_epoch_seconds(config: TrialConfig, data: DataConfig, *, num_train: int, num_val: int) -> float:
    """Seconds of one epoch on this machine, all to itself.

    Trains a real step on noise of the study's image size and measures as many photos, then scales both to the numbers
    of photos given. A step before it prepares the device.
    """
    on_cpu = choose_device(config.device).type == "cpu"
    batch_size = min(config.batch_size, num_train, MAX_PHOTOS_ON_CPU if on_cpu else config.batch_size)
    short = dataclasses.replace(config, epochs=2, batch_size=batch_size, compile=False)
    noise = _noise(batch_size, data.image_size)
    cut = Cut(train=np.arange(batch_size), val=np.arange(batch_size), test=np.empty(0, dtype=np.int64))
    *_, record = run_epochs(short, TrialData(images=noise, cut=cut, seed=0, replicate=0))
    training_seconds = batch_size / float(record["images_per_second"])
    measuring_seconds = float(record["epoch_seconds"]) - training_seconds
    num_trained = num_train // min(config.batch_size, num_train) * min(config.batch_size, num_train)
    return (training_seconds * num_trained + measuring_seconds * num_val) / batch_size


def _noise(num_photos: int, image_size: int) -> Images:
    pixels_NHW3 = np.random.default_rng(0).integers(0, 256, (num_photos, image_size, image_size, 3), dtype=np.uint8)
    return Images(
        pixels_NHW3=pixels_NHW3,
        labels_N=np.arange(num_photos) % 2,
        groups_N=np.arange(num_photos),
        photo_names=tuple(map(str, range(num_photos))),
        class_names=("noise0", "noise1"),
        digest="noise",
    )
