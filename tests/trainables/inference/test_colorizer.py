"""colorizer.py, recolor.py, inference_network.py and portable.py: any photo, its own lightness, no code."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import deltaE_cie76, lab2rgb, rgb2lab
from torch.nn import functional

from tests.trainables.datasets.test_photo import colorful, encoded
from tests.trainables.network.test_joint_network import DEPARTURES
from trainables.color.color_space import lightness_to_network, network_to_ab, rgb_to_lab
from trainables.color.recolor import recolor
from trainables.config import DataConfig, TrialConfig
from trainables.datasets.photo import UnreadablePhotoError, read_photo
from trainables.inference.colorizer import Colorizer, colorize_file, paint, to_png
from trainables.inference.inference_network import InferenceNetwork
from trainables.inference.portable import load_portable, load_trial, write_portable
from trainables.network.joint_network import JointNetwork, initialize
from trainables.training.checkpoint import save_checkpoint

CLASSES = ("apple", "banana", "cherry")


def trained(image_size: int = 32, **settings: object) -> JointNetwork:
    """A network with weights and statistics as if it had been trained."""
    network = JointNetwork(TrialConfig(width=0.125, **settings), num_classes=3, image_size=image_size)  # type: ignore[arg-type]
    initialize(network, 5)
    generator = torch.Generator().manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            for values, low, high in ((layer.running_mean, -1, 1), (layer.running_var, 0.2, 2), (layer.weight, 0.5, 2)):
                values.data.uniform_(low, high, generator=generator)
    # Strong colours, so that differences are seen.
    network.color[-1].weight.data.mul_(20)
    return network.eval()


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer(trained(), CLASSES, image_size=32)


@pytest.mark.parametrize("settings", DEPARTURES)
def test_folded_network_computes_what_the_trained_one_does(settings: dict[str, object]) -> None:
    network = trained(64, **settings)
    lightness_B1HW = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = network(lightness_B1HW)
        size = network.global_size
        view = functional.interpolate(lightness_B1HW, (size, size), mode="bilinear", antialias=True)
        half_B2hw, probabilities_BC = InferenceNetwork(network)(lightness_B1HW, lightness_B1HW if size == 64 else view)
    twice = functional.interpolate(half_B2hw, scale_factor=2, mode="nearest")
    torch.testing.assert_close(twice, expected.ab_B2HW, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(probabilities_BC, expected.logits_BC.softmax(dim=1), atol=1e-5, rtol=1e-4)


def test_folding_leaves_the_trained_network_as_it_is() -> None:
    network = trained()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    InferenceNetwork(network)
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())


def test_recoloring_agrees_with_scikit_image_where_a_screen_shows_the_colour() -> None:
    pixels_HW3 = colorful(40, 30)
    lab_HW3 = rgb2lab(pixels_HW3)
    lab_HW3[..., 1:] = np.random.default_rng(0).uniform(-8, 8, (30, 40, 2))
    rgb_HW3 = lab2rgb(lab_HW3)
    shown_HW = deltaE_cie76(rgb2lab(rgb_HW3), lab_HW3) < 0.05
    assert shown_HW.mean() > 0.5
    ours_HW3 = recolor(torch.tensor(pixels_HW3), torch.tensor(lab_HW3[..., 1:]).permute(2, 0, 1).float()).numpy()
    assert np.abs(ours_HW3[shown_HW] - rgb_HW3[shown_HW] * 255).max() <= 0.6


def test_a_colour_no_screen_shows_loses_chroma_and_neither_lightness_nor_hue() -> None:
    grey_HW3 = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    ab_2HW = torch.tensor([10.0, 90.0])[:, None, None].expand(2, 256, 1)
    lab_HW3 = rgb2lab(recolor(torch.tensor(grey_HW3), ab_2HW).numpy())[:, 0]
    assert np.abs(lab_HW3[:, 0] - rgb2lab(grey_HW3)[:, 0, 0]).max() < 0.5
    middle = lab_HW3[40:240]
    hue = np.degrees(np.arctan2(middle[:, 2], middle[:, 1]))
    assert np.abs(hue - np.degrees(np.arctan2(90, 10))).max() < 4 and (np.hypot(*middle[:, 1:].T) < 90).all()
    assert (recolor(torch.tensor(grey_HW3[[0, -1]]), ab_2HW[:, [0, -1]]).numpy() == grey_HW3[[0, -1]]).all()


def test_colours_are_put_on_strip_by_strip_as_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels_HW3, ab_2hw = colorful(50, 41), torch.rand(2, 8, 10, generator=torch.Generator().manual_seed(0)) * 60 - 30
    ab_2HW = functional.interpolate(ab_2hw[None], (41, 50), mode="bilinear")[0]
    whole_HW3 = recolor(torch.tensor(pixels_HW3), ab_2HW).numpy()
    monkeypatch.setattr("trainables.inference.colorizer.PIXELS_PER_STRIP", 150)
    assert np.abs(paint(pixels_HW3, ab_2hw).astype(int) - whole_HW3).max() <= 1


@pytest.mark.parametrize("size", [(32, 32), (400, 300), (300, 400), (47, 131), (8, 900)])
def test_a_photo_of_any_size_keeps_its_size_and_its_lightness(colorizer: Colorizer, size: tuple[int, int]) -> None:
    picture = colorful(*size)
    colored = colorize_file(colorizer, encoded(picture))
    assert colored.pixels_HW3.shape == picture.shape and (colored.pixels_HW3 != picture).any()
    difference_HW = np.abs(rgb2lab(colored.pixels_HW3)[..., 0] - rgb2lab(picture)[..., 0])
    assert difference_HW.max() < 0.6, "half an 8-bit level near black, less elsewhere"


@pytest.mark.parametrize("global_size", [None, 64])
def test_class_and_colours_are_the_networks_own_on_a_photo_as_in_training(global_size: int | None) -> None:
    network = trained(global_size=global_size)
    content = encoded(colorful(32, 32))
    colored = colorize_file(Colorizer(network, CLASSES, image_size=32), content)
    pixels = torch.tensor(read_photo(content, 32).pixels_HW3).permute(2, 0, 1)[None] / 255
    lab_13HW = rgb_to_lab(pixels)
    with torch.no_grad():
        prediction = network(lightness_to_network(lab_13HW[:, :1]))
    probability, label = prediction.logits_BC[0].softmax(dim=0).max(dim=0)
    assert colored.class_name == CLASSES[int(label)]
    assert colored.probability == pytest.approx(float(probability), abs=1e-5)
    half = network_to_ab(prediction.ab_B2HW[:, :, ::2, ::2])
    expected_HW3 = paint(np.asarray(Image.open(io.BytesIO(content))), half[0])
    assert np.abs(colored.pixels_HW3.astype(int) - expected_HW3).max() <= 1


def test_what_a_photo_is_stored_as_does_not_matter(colorizer: Colorizer) -> None:
    picture = colorful(64, 48)
    grey = np.asarray(Image.fromarray(picture).convert("L"))
    expected = colorize_file(colorizer, encoded(np.repeat(grey[..., None], 3, axis=2))).pixels_HW3
    turned = Image.fromarray(grey).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    opaque = Image.merge("LA", (Image.fromarray(grey), Image.new("L", (64, 48), 255)))
    sixteen = Image.fromarray(grey.astype(np.uint16) * 257)
    stored = [
        encoded(Image.fromarray(grey)),
        encoded(turned, "PNG", exif=exif),
        encoded(opaque),
        encoded(sixteen),
        encoded(Image.fromarray(grey), "TIFF"),
    ]
    for content in stored:
        assert np.array_equal(colorize_file(colorizer, content).pixels_HW3, expected)


def test_a_batch_gives_what_its_photos_give_alone(colorizer: Colorizer) -> None:
    views = [colorizer.view(encoded(colorful(*size, seed=n))) for n, size in enumerate([(40, 40), (90, 45), (64, 64)])]
    for view, together in zip(views, colorizer.colorize(views), strict=True):
        (alone,) = colorizer.colorize([view])
        assert np.abs(alone.pixels_HW3.astype(int) - together.pixels_HW3).max() <= 1
        assert alone.probability == pytest.approx(together.probability, abs=1e-5)


def test_a_network_that_was_not_trained_to_name_names_nothing() -> None:
    colored = colorize_file(Colorizer(trained(), CLASSES, image_size=32, names=False), encoded(colorful()))
    assert colored.class_name is None and colored.probability is None


@pytest.mark.parametrize("content", [b"", b"no photo", encoded(colorful())[:200], encoded(colorful(60, 7))])
def test_what_is_no_photo_is_refused_with_a_reason(colorizer: Colorizer, content: bytes) -> None:
    with pytest.raises(UnreadablePhotoError):
        colorizer.view(content)


def test_a_png_holds_the_pixels_to_the_bit() -> None:
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(to_png(colorful())))), colorful())


def checkpoint_of(network: JointNetwork, folder: Path) -> Path:
    optimizer = torch.optim.Adadelta(network.parameters())
    state = {"epoch": 1, "record": {}, "identity": {}, "network": network.state_dict()}
    save_checkpoint(folder / "checkpoint.pt", {**state, "optimizer": optimizer.state_dict()})
    return folder / "checkpoint.pt"


def trial_of(**settings: object) -> dict[str, object]:
    config = vars(TrialConfig(width=0.125, **settings))  # type: ignore[arg-type]
    return {"config": config, "data": vars(DataConfig(dataset="orchard", image_size=32))}


def test_a_trial_and_its_portable_copy_colour_as_the_network_itself(tmp_path: Path, colorizer: Colorizer) -> None:
    checkpoint, content = checkpoint_of(trained(), tmp_path), encoded(colorful(50, 40))
    expected = colorize_file(colorizer, content)
    write_portable(tmp_path / "portable", trial_of(), checkpoint, CLASSES, {"study": "s"})
    for loaded in (load_trial(trial_of(), checkpoint, CLASSES), load_portable(tmp_path / "portable")):
        colored = colorize_file(loaded, content)
        assert np.array_equal(colored.pixels_HW3, expected.pixels_HW3)
        assert (colored.class_name, colored.probability) == (expected.class_name, expected.probability)


def test_only_a_network_trained_on_true_labels_names(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(trained(), tmp_path)
    for settings in ({"class_loss_weight": 0.0}, {"shuffle_labels": True}):
        assert not load_trial(trial_of(**settings), checkpoint, CLASSES).names


class Harmful:
    """What a pickle may do to whoever loads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("plain_pickle", [True, False])
def test_weights_that_hold_code_are_refused_and_run_nothing(tmp_path: Path, plain_pickle: bool) -> None:
    trap, file = tmp_path / "was here", tmp_path / "checkpoint.pt"
    harmful = {"format": 1, "network": Harmful(trap)}
    if plain_pickle:
        file.write_bytes(pickle.dumps(harmful))
    else:
        torch.save(harmful, file)
    with pytest.raises(ValueError, match="does not hold weights alone"):
        load_trial(trial_of(), file, CLASSES)
    assert not trap.exists()


def test_missing_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no weights at"):
        load_trial(trial_of(), tmp_path / "checkpoint.pt", CLASSES)
    checkpoint = checkpoint_of(trained(), tmp_path)
    with pytest.raises(ValueError, match="do not fit"):
        load_trial(trial_of(), checkpoint, (*CLASSES, "date"))
    with pytest.raises(ValueError, match="holds no model"):
        load_portable(tmp_path)
