"""variants.py and its way through a trial: pictures of the same photos, which change nothing of the training."""

import dataclasses
import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2lab

from tests.trainables.conftest import ORCHARD
from tests.trainables.evaluation.test_feature_swaps import PaintsTheVector, grey_photos
from trainables.config import TrialConfig
from trainables.data.images import Images
from trainables.data.trial_data import trial_data
from trainables.evaluation.measure import colorize
from trainables.evaluation.variants import (
    epochs_with_variants,
    paint_with_lent_features,
    photos_with_variants,
)
from trainables.records import Record, repeatable
from trainables.training.epochs import TrialEnd, _Trial, run_epochs

SMALL = TrialConfig(
    epochs=3, width=0.125, batch_size=16, optimizer="adamw", dropout=0.2, device="cpu", precision="float32",
    checkpoint_seconds=0,
)  # fmt: skip


def decoded(jpeg: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(jpeg)))


def test_epochs_stand_in_a_geometric_row_that_ends_with_the_last() -> None:
    assert epochs_with_variants(60) == [1, 2, 5, 12, 26, 60]
    assert epochs_with_variants(3) == [1, 2, 3] and epochs_with_variants(1) == [1]


def test_photos_are_six_of_those_that_have_pictures() -> None:
    chosen = photos_with_variants(np.arange(8580))
    assert len(chosen) == 6 and (chosen[0], chosen[-1]) == (0, 8579)
    assert photos_with_variants(np.array([7, 3])).tolist() == [3, 7]


def test_lent_features_are_the_mean_of_their_class_and_of_the_pool() -> None:
    """A network that paints just its vector: light photos lend (-20, 30), dark ones (20, 0)."""
    pixels = grey_photos([40.0, 40.0, 60.0, 60.0, 60.0, 60.0])
    images = Images(
        pixels_NHW3=pixels.pixels_NHW3.numpy(), labels_N=np.array([0, 0, 1, 1, 2, 2]), groups_N=np.arange(6),
        photo_names=tuple("abcdef"), class_names=("Dark", "Light", "Pale"), digest="",
    )  # fmt: skip
    network: Any = PaintsTheVector(listens=True)
    found = paint_with_lent_features(network, images, pixels, np.arange(6), batch_size=4, dtype=torch.float32)
    colors = {(one.photo, one.name): rgb2lab(decoded(one.jpeg))[4, 4, 1:] for one in found}
    dark, light, mean = (20, 0), (-20, 30), (-20 / 3, 20)
    expected = {
        (0, "features of Light"): light, (0, "features of Pale"): light, (0, "mean features"): mean,
        (2, "features of Pale"): light, (2, "features of Dark"): dark, (2, "mean features"): mean,
        (4, "features of Dark"): dark, (4, "features of Light"): light, (4, "mean features"): mean,
    }  # fmt: skip
    assert len(colors) == len(found) == 18
    for key, color in expected.items():
        assert colors[key] == pytest.approx(color, abs=1.5), key


def train(
    orchard: Images, config: TrialConfig = SMALL, checkpoint: Path | None = None, *, replicate: int = 1, **more: Any
) -> tuple[list[Record], TrialEnd]:
    data = trial_data(orchard, ORCHARD, replicate=replicate, with_test=more.get("with_test", True))
    generator = run_epochs(config, data, checkpoint)
    records = []
    while True:
        try:
            records.append(repeatable(next(generator)))
        except StopIteration as stop:
            return records, stop.value


def test_pictures_change_nothing_of_the_training(orchard: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    with_pictures, end = train(orchard)
    assert end.variants
    monkeypatch.setattr(_Trial, "paints_variants", False)
    without, end = train(orchard)
    assert not end.variants and with_pictures == without


def test_the_last_epochs_picture_is_the_confirmed_painting(orchard: Images) -> None:
    _, end = train(orchard)
    assert {name for _, name, _ in end.variants} >= {"epoch 1", "epoch 2", "epoch 3", "mean features"}
    assert len({photo for photo, _, _ in end.variants}) == 6
    assert all(sum(photo == one for one, _, _ in end.variants) == 3 + 3 + 1 for photo, _, _ in end.variants)
    for photo, name, jpeg in end.variants:
        painted_HW3 = colorize(end.network, np.array(orchard.pixels_NHW3[[photo]]))[0]
        if name == "epoch 3":
            assert np.abs(decoded(jpeg).astype(int) - painted_HW3).mean() < 4
    first, last = (next(jpeg for _, name, jpeg in end.variants if name == f"epoch {n}") for n in (1, 3))
    assert first != last


def test_pictures_are_painted_for_one_measured_replicate_of_arms_that_colour(orchard: Images) -> None:
    one = dataclasses.replace(SMALL, epochs=1)
    assert not train(orchard, one, replicate=2)[1].variants
    assert not train(orchard, one, with_test=False)[1].variants
    assert not train(orchard, dataclasses.replace(one, color_loss_weight=0.0, class_loss_weight=1.0))[1].variants
    apart = train(orchard, dataclasses.replace(one, fusion=False))[1].variants
    assert {name for _, name, _ in apart} == {"epoch 1"}


def test_a_continued_trial_has_the_pictures_of_all_its_epochs(orchard: Images, tmp_path: Path) -> None:
    _, whole = train(orchard)
    data = trial_data(orchard, ORCHARD, replicate=1, with_test=True)
    list(itertools.islice(run_epochs(SMALL, data, tmp_path / "checkpoint.pt"), 2))
    for _ in ("in the middle", "at its end"):
        _, continued = train(orchard, SMALL, tmp_path / "checkpoint.pt")
        assert continued.variants == whole.variants
