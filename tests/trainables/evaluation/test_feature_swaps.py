"""feature_swaps.py: against a network whose answer is known by hand, and against a slow loop."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor, nn

from tests.trainables.conftest import ORCHARD
from trainables.color.color_space import ab_to_network
from trainables.color.recolor import recolor
from trainables.config import TrialConfig
from trainables.data.batches import ResidentPixels
from trainables.data.images import Images
from trainables.data.trial_data import trial_data
from trainables.evaluation.feature_swaps import NUM_DONORS, Donors, choose_donors, swap_errors
from trainables.metrics import METRICS
from trainables.network.joint_network import JointNetwork, View, initialize
from trainables.training.epochs import TrialEnd, run_epochs

CPU = torch.device("cpu")
HOW: dict[str, Any] = {"batch_size": 3, "dtype": torch.float32}


def test_donors_are_strangers_of_the_right_class() -> None:
    labels_P = np.repeat([0, 1, 2], 6)
    donors = choose_donors(labels_P, seed=3)
    for photo, label in enumerate(labels_P):
        same, other = donors.same_class_PD[photo], donors.other_class_PD[photo]
        assert photo not in same and len(set(same)) == len(set(other)) == NUM_DONORS
        assert (labels_P[same] == label).all() and (labels_P[other] != label).all()


def test_donors_follow_from_pool_and_seed_alone() -> None:
    labels_P = np.repeat([0, 1, 2], 6)
    first, again, another = (choose_donors(labels_P, seed) for seed in (3, 3, 4))
    assert (first.same_class_PD == again.same_class_PD).all() and (first.other_class_PD == again.other_class_PD).all()
    assert (first.other_class_PD != another.other_class_PD).any()


def test_a_small_class_has_few_donors_and_a_lone_photo_none() -> None:
    donors = choose_donors(np.array([0, 0, 0, 1]), seed=0)
    assert sorted(donors.same_class_PD[0]) == [-1, -1, 1, 2]
    assert (donors.same_class_PD[3] == -1).all()
    assert sorted(donors.other_class_PD[3]) == [-1, 0, 1, 2]


class PaintsTheVector(nn.Module):
    """A network made by hand: its global vector is a colour that the photo's lightness tells, and it paints just that.

    Lightness 40 means class 0 with colour (20, 0), lightness 60 class 1 with colour (-20, 30).
    """

    fuses = True
    colors_C2 = torch.tensor([[20.0, 0.0], [-20.0, 30.0]])

    def __init__(self, *, listens: bool) -> None:
        super().__init__()
        self.listens = listens
        self.scale = nn.Parameter(torch.ones(1))

    def look(self, lightness_B1HW: Tensor) -> View:
        is_light_B = (lightness_B1HW.mean(dim=(1, 2, 3)) > 0.5).long()
        return View(lightness_B1HW, self.colors_C2[is_light_B], torch.zeros(len(is_light_B), 2))

    def paint(self, mid_BCHW: Tensor, vector_BK: Tensor) -> Tensor:
        painted_B2 = vector_BK if self.listens else torch.zeros_like(vector_BK)
        return ab_to_network(painted_B2)[:, :, None, None].expand(-1, -1, *mid_BCHW.shape[-2:])


def grey_photos(lightness_P: list[float]) -> ResidentPixels:
    """Grey squares of these lightnesses, as nearly as 8 bits allow."""
    grey_P = [np.interp(value, rgb2lab(np.repeat(np.arange(256), 3).reshape(-1, 3) / 255)[:, 0], np.arange(256)) for
              value in lightness_P]  # fmt: skip
    pixels_PHW3 = np.broadcast_to(np.rint(grey_P)[:, None, None, None], (len(grey_P), 8, 8, 3)).astype(np.uint8)
    return ResidentPixels(np.ascontiguousarray(pixels_PHW3), CPU)


ONE_LEVEL = 0.2
"""CIEDE2000: what rounding a colour to 8 bits may change."""


def from_grey(a: float, b: float) -> float:
    """CIEDE2000 of a colour from grey of the same lightness, which does not depend on the lightness."""
    return float(deltaE_ciede2000(np.array([50.0, 0, 0]), np.array([50.0, a, b])))


def test_the_errors_of_a_network_that_paints_the_vector_are_known_by_hand() -> None:
    labels_P = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    pixels = grey_photos([40.0] * 4 + [60.0] * 4)
    network: Any = PaintsTheVector(listens=True)
    errors = swap_errors(network, pixels, np.arange(8), choose_donors(labels_P, 0), **HOW)
    red, green, mean = from_grey(20, 0), from_grey(-20, 30), from_grey(0, 15)
    assert errors["delta_e_same_class_features"] == pytest.approx([red] * 4 + [green] * 4, abs=ONE_LEVEL)
    assert errors["delta_e_other_class_features"] == pytest.approx([green] * 4 + [red] * 4, abs=ONE_LEVEL)
    assert errors["delta_e_mean_features"] == pytest.approx([mean] * 8, abs=ONE_LEVEL)


def test_a_network_that_ignores_the_vector_does_the_same_with_all() -> None:
    pixels = grey_photos([40.0] * 4 + [60.0] * 4)
    network: Any = PaintsTheVector(listens=False)
    errors = swap_errors(network, pixels, np.arange(8), choose_donors(np.repeat([0, 1], 4), 0), **HOW)
    first, *others = errors.values()
    assert all((one == first).all() for one in others)


def test_missing_donors_are_not_counted() -> None:
    pixels = grey_photos([40.0, 40.0, 60.0])
    donors = Donors(
        same_class_PD=np.array([[1, -1], [0, -1], [-1, -1]]), other_class_PD=np.array([[2, -1], [2, -1], [0, 1]])
    )
    network: Any = PaintsTheVector(listens=True)
    errors = swap_errors(network, pixels, np.arange(3), donors, **HOW)
    red, green = from_grey(20, 0), from_grey(-20, 30)
    assert errors["delta_e_same_class_features"] == pytest.approx([red, red, np.nan], abs=ONE_LEVEL, nan_ok=True)
    assert errors["delta_e_other_class_features"] == pytest.approx([green, green, red], abs=ONE_LEVEL)


def slow_error(network: JointNetwork, photo_HW3: np.ndarray, vector_1K: Tensor | None) -> float:
    """One photo through the whole network, its global vector replaced on the way; colours as shown, by scikit-image."""
    lab_HW3 = rgb2lab(photo_HW3)
    hook = network.global_vector.register_forward_hook(lambda *_: vector_1K)
    with torch.no_grad():
        ab_12HW = network(torch.from_numpy(lab_HW3[None, None, ..., 0] / 100).float()).ab_B2HW
    hook.remove()
    painted_HW3 = recolor(torch.from_numpy(photo_HW3), (ab_12HW[0] - 0.5) * 200).numpy()
    return float(deltaE_ciede2000(lab_HW3, rgb2lab(painted_HW3)).mean())


def vector_of(network: JointNetwork, photo_HW3: np.ndarray) -> Tensor:
    seen: list[Tensor] = []
    hook = network.global_vector.register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.no_grad():
        network(torch.from_numpy(rgb2lab(photo_HW3)[None, None, ..., 0] / 100).float())
    hook.remove()
    return seen[0]


def lively_network(images: Images, global_size: int | None) -> JointNetwork:
    """Untrained, but with the photos' own statistics in its norms and strong colours, so that vectors matter."""
    network = JointNetwork(TrialConfig(width=0.125, global_size=global_size), num_classes=4, image_size=32)
    initialize(network, 5)
    lightness_N1HW = torch.from_numpy(rgb2lab(np.asarray(images.pixels_NHW3))[:, None, ..., 0] / 100).float()
    with torch.no_grad():
        network.color[-1].weight *= 10
        for _ in range(30):
            network(lightness_N1HW)
    return network.eval()


@pytest.mark.parametrize("global_size", [None, 16])
def test_swapped_errors_agree_with_a_loop_over_single_photos(orchard: Images, global_size: int | None) -> None:
    network = lively_network(orchard, global_size)
    indices_P = np.arange(0, 64, 6)
    donors = choose_donors(np.asarray(orchard.labels_N)[indices_P], seed=1)
    fast = swap_errors(network, ResidentPixels(orchard.pixels_NHW3, CPU), indices_P, donors, **HOW)
    photos = [np.asarray(orchard.pixels_NHW3[index]) for index in indices_P]
    vectors_P = [vector_of(network, photo) for photo in photos]
    mean_1K = torch.stack(vectors_P).mean(dim=0)
    for place, photo in enumerate(photos):
        expected = {"mean": [slow_error(network, photo, mean_1K)]}
        for kind, donors_PD in (("same_class", donors.same_class_PD), ("other_class", donors.other_class_PD)):
            chosen = [donor for donor in donors_PD[place] if donor >= 0]
            expected[kind] = [slow_error(network, photo, vectors_P[donor]) for donor in chosen]
        for kind, errors in expected.items():
            assert fast[f"delta_e_{kind}_features"][place] == pytest.approx(np.mean(errors), abs=5e-3), kind
    own_P = [slow_error(network, photo, vector) for photo, vector in zip(photos, vectors_P, strict=True)]
    assert np.abs(fast["delta_e_other_class_features"] - own_P).max() > 0.1


def trained(orchard: Images, checkpoint: Path | None = None, **fields: Any) -> TrialEnd:
    config = TrialConfig.from_dict({"epochs": 1, "width": 0.125, "batch_size": 16, "optimizer": "adamw", **fields})
    data = trial_data(orchard, ORCHARD, replicate=1, with_test=True)
    generator = run_epochs(config, data, checkpoint)
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            end: TrialEnd = stop.value
            return end


ITSELF = {"true_colorfulness"}
FEATURES = {f"delta_e_{kind}_features" for kind in ("mean", "same_class", "other_class")}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ITSELF | FEATURES),
        ({"class_loss_weight": 0.0}, ITSELF | FEATURES),
        ({"fusion": False}, ITSELF),
        ({"color_loss_weight": 0.0}, ITSELF),
    ],
    ids=["joint", "color_only", "no_fusion", "class_only"],
)
def test_an_arm_has_the_measures_that_mean_something(orchard: Images, fields: Any, expected: set[str]) -> None:
    test = trained(orchard, **fields).test
    assert test is not None and set(test.concepts) == expected
    assert all(len(values) == len(test.indices_N) and np.isfinite(values).all() for values in test.concepts.values())
    assert list(test.metrics) == list(METRICS)
    class_use_P = test.metrics["class_use"]
    if expected >= FEATURES:
        other_P, same_P = (test.concepts[f"delta_e_{kind}_class_features"] for kind in ("other", "same"))
        assert (class_use_P == other_P - same_P).all()
    else:
        assert np.isnan(class_use_P).all()


def test_a_trial_continued_at_its_end_measures_the_same(orchard: Images, tmp_path: Path) -> None:
    first, again = (trained(orchard, tmp_path / "checkpoint.pt").test for _ in range(2))
    assert first is not None and again is not None and first.concepts
    assert all((values == again.concepts[name]).all() for name, values in first.concepts.items())


@pytest.mark.full
@pytest.mark.parametrize("coupling", [0.0, 1.0])
def test_colouring_uses_the_class_where_colour_follows_it_and_only_there(coupling: float, tmp_path: Path) -> None:
    """A small training of the two controls in the catalogue: one replicate, so the photos alone speak."""
    from trainables.data.images import load_images
    from trainables.preparation.prepare import prepare

    data = dataclasses.replace(ORCHARD, image_size=48, photos_per_class=80, coupling=coupling)
    config = TrialConfig(
        epochs=16,
        width=0.125,
        batch_size=16,
        optimizer="adamw",
        schedule="one_cycle",
        learning_rate=0.01,
        crop_min_area=0.8,
        class_loss_weight=0.05,
        device="cpu",
        precision="float32",
    )
    generator = run_epochs(config, trial_data(load_images(prepare(data, tmp_path)), data, replicate=1, with_test=True))
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            test = stop.value.test
            break
    difference_P = test.concepts["delta_e_other_class_features"] - test.concepts["delta_e_same_class_features"]
    error = difference_P.std(ddof=1) / np.sqrt(len(difference_P))
    assert test.metrics["top1"].mean() > 0.9
    if coupling:
        assert difference_P.mean() > 4 * error and difference_P.mean() > 0.5
    else:
        assert abs(difference_P.mean()) < 0.5
