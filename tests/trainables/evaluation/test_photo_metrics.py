"""Metrics per photo against scikit-image, and cases worked out by hand."""

import math
import warnings

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, lab2rgb, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from tests.trainables.ncd import ncd_photos
from trainables.color.color_space import ab_to_network, rgb_to_lab
from trainables.evaluation import photo_metrics
from trainables.metrics import METRICS


def random_photos(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=["random", "noisy", "small", "photos"])
def pairs(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    """True and predicted RGB, both B3HW in [0, 1]."""
    if request.param == "random":
        return random_photos(3, 3, 40, 31), random_photos(3, 3, 40, 31, seed=1)
    if request.param == "noisy":
        photos = random_photos(3, 3, 32, 32) * 0.1 + 0.9
        return photos, (photos + 0.02 * random_photos(3, 3, 32, 32, seed=1)).clamp(0, 1)
    if request.param == "small":
        return random_photos(2, 3, 7, 8), random_photos(2, 3, 7, 8, seed=1)
    photos = ncd_photos()
    grey = photos.mean(dim=1, keepdim=True).expand_as(photos)
    return torch.cat((photos, photos)), torch.cat((0.7 * photos + 0.3 * grey, photos.roll(1, dims=0)))


def each(photos_B3HW: Tensor) -> list[np.ndarray]:
    return list(photos_B3HW.movedim(1, -1).double().numpy())


def test_psnr_agrees_with_scikit_image(pairs: tuple[Tensor, Tensor]) -> None:
    reference = [peak_signal_noise_ratio(x, y, data_range=1.0) for x, y in zip(*map(each, pairs), strict=True)]
    np.testing.assert_allclose(photo_metrics.psnr(*pairs), reference, atol=1e-4, rtol=0)


def test_ssim_agrees_with_scikit_image(pairs: tuple[Tensor, Tensor]) -> None:
    reference = [
        structural_similarity(x, y, channel_axis=-1, data_range=1.0) for x, y in zip(*map(each, pairs), strict=True)
    ]
    np.testing.assert_allclose(photo_metrics.ssim(*pairs), reference, atol=1e-4, rtol=0)


def test_identical_photos_have_100_decibels_and_similarity_1() -> None:
    photos = random_photos(2, 3, 9, 9)
    assert photo_metrics.psnr(photos, photos).tolist() == [100, 100]
    assert photo_metrics.ssim(photos, photos).tolist() == pytest.approx([1, 1], abs=1e-6)


def test_smallest_8_bit_difference_lies_below_the_cap() -> None:
    photo = torch.zeros(1, 3, 128, 128)
    other = photo.clone()
    other[0, 0, 0, 0] = 1 / 255
    assert photo_metrics.psnr(photo, other).item() == pytest.approx(10 * math.log10(3 * 128 * 128 * 255**2), abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 3, 6, 20), (1, 3, 20, 6)])
def test_ssim_refuses_photos_smaller_than_its_window(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"at least 7 px, but got {shape[2]} x {shape[3]}"):
        photo_metrics.ssim(torch.zeros(shape), torch.zeros(shape))


def test_color_mse_is_the_mean_over_channels_and_pixels_of_each_photo() -> None:
    true, predicted = torch.full((2, 2, 2, 2), 0.5), torch.full((2, 2, 2, 2), 0.5)
    predicted[0, 0] = 0.7  # a is wrong by 0.2, b right: 0.04 / 2
    predicted[1, 1, 0, 0] = 0.1  # one b of eight values is wrong by 0.4: 0.16 / 8
    assert photo_metrics.color_mse(predicted, true).tolist() == pytest.approx([0.02, 0.02])
    predicted[1, 1, 0, 0] = 0.9
    predicted[0, 0] = 0.6
    assert photo_metrics.color_mse(predicted, true).tolist() == pytest.approx([0.005, 0.02])


LOGITS = torch.tensor(
    [
        [5.0, 4.0, 3.0, 2.0, 1.0, 0.0],
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        [0.0, 9.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ]
)


@pytest.mark.parametrize(
    ("labels", "top1", "top2", "top5"),
    [
        ([0, 5, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]),
        ([1, 4, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]),
        ([5, 0, 5, 5], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]),
        ([4, 1, 4, 4], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]),
    ],
)
def test_top_k_agrees_with_hand_worked_cases(
    labels: list[int], top1: list[int], top2: list[int], top5: list[int]
) -> None:
    for k, expected in ((1, top1), (2, top2), (5, top5)):
        hits = photo_metrics.top_k(LOGITS, torch.tensor(labels), k)
        assert hits.dtype == torch.float32
        assert hits.tolist() == expected


def test_top_k_agrees_with_torch_topk_where_nothing_ties() -> None:
    logits = torch.randn(200, 9, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(9, (200,), generator=torch.Generator().manual_seed(1))
    for k in range(1, 10):
        expected = (logits.topk(k).indices == labels[:, None]).any(dim=1).float()
        assert torch.equal(photo_metrics.top_k(logits, labels, k), expected)


def test_top_1_agrees_with_argmax_where_bfloat16_ties() -> None:
    logits = torch.randn(500, 20, generator=torch.Generator().manual_seed(0)).mul(0.1).round(decimals=1).bfloat16()
    labels = torch.randint(20, (500,), generator=torch.Generator().manual_seed(1))
    assert torch.equal(photo_metrics.top_k(logits, labels, 1), (logits.argmax(dim=1) == labels).float())


def test_top_5_of_four_classes_is_always_a_hit() -> None:
    assert photo_metrics.top_k(LOGITS[:, :4], torch.tensor([3, 0, 2, 1]), 5).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("k", [1, 2, 5])
def test_nan_is_never_a_hit(k: int) -> None:
    logits = torch.full((2, 3), math.nan)
    assert photo_metrics.top_k(logits, torch.tensor([0, 2]), k).tolist() == [0, 0]


def test_top_k_refuses_k_below_1() -> None:
    with pytest.raises(ValueError, match="at least 1, but got 0"):
        photo_metrics.top_k(LOGITS, torch.tensor([0, 0, 0, 0]), 0)


def test_class_loss_of_equal_logits_is_the_logarithm_of_the_number_of_classes() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [math.log(3), 0.0, 0.0, 0.0]])
    loss = photo_metrics.class_loss(logits.bfloat16().double(), torch.tensor([2, 0]))
    assert loss.dtype == torch.float32
    assert loss.tolist() == pytest.approx([math.log(4), math.log(2)], abs=2e-3)


def test_measure_agrees_with_a_slow_loop_over_scikit_image(pairs: tuple[Tensor, Tensor]) -> None:
    rgb, other = pairs
    predicted_ab = ab_to_network(0.5 * rgb_to_lab(rgb)[:, 1:] + 0.5 * rgb_to_lab(other)[:, 1:])
    num_photos = len(rgb)
    logits = torch.randn(num_photos, 6, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(num_photos) % 6
    measured = photo_metrics.measure(rgb, predicted_ab, logits, labels)
    assert list(measured) == list(METRICS)
    for name, values in measured.items():
        assert values.shape == (num_photos,) and values.dtype == torch.float32, name
    for photo in range(num_photos):
        true_rgb = each(rgb)[photo]
        true_lab = rgb2lab(true_rgb)
        predicted_lab = true_lab.copy()
        predicted_lab[..., 1:] = (predicted_ab[photo].movedim(0, -1).double().numpy() - 0.5) * 200
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Conversion from CIE-LAB")  # negative Z, set to zero by both
            predicted_rgb = lab2rgb(predicted_lab)
        probabilities = torch.softmax(logits[photo].double(), dim=0)
        expected = {
            "color_mse": (((predicted_lab - true_lab)[..., 1:] / 200) ** 2).mean(),
            "delta_e": deltaE_ciede2000(true_lab, predicted_lab).mean(),
            "psnr": peak_signal_noise_ratio(true_rgb, predicted_rgb, data_range=1.0),
            "ssim": structural_similarity(true_rgb, predicted_rgb, channel_axis=-1, data_range=1.0),
            "top1": float(logits[photo].argmax() == labels[photo]),
            "top5": float(labels[photo] in logits[photo].topk(5).indices),
            "class_loss": -math.log(probabilities[labels[photo]]),
        }
        for name, value in expected.items():
            assert measured[name][photo].item() == pytest.approx(value, rel=1e-4, abs=1e-4), name


def test_measure_is_independent_of_the_other_photos_in_the_batch() -> None:
    rgb, predicted_ab = random_photos(5, 3, 16, 16), random_photos(5, 2, 16, 16, seed=1)
    logits, labels = random_photos(5, 7, seed=2), torch.arange(5)
    batch = photo_metrics.measure(rgb, predicted_ab, logits, labels)
    alone = [
        photo_metrics.measure(*(values[photo : photo + 1] for values in (rgb, predicted_ab, logits, labels)))
        for photo in range(5)
    ]
    for name, values in batch.items():
        torch.testing.assert_close(values, torch.cat([one[name] for one in alone]), rtol=1e-6, atol=1e-6)


def test_measure_keeps_float32_for_predictions_in_bfloat16() -> None:
    rgb, predicted_ab = random_photos(2, 3, 16, 16), random_photos(2, 2, 16, 16, seed=1).bfloat16()
    logits, labels = random_photos(2, 7, seed=2).bfloat16(), torch.tensor([0, 6])
    expected = photo_metrics.measure(rgb, predicted_ab.float(), logits.float(), labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        measured = photo_metrics.measure(rgb, predicted_ab, logits, labels)
    for name, values in measured.items():
        assert torch.equal(values, expected[name]), name
