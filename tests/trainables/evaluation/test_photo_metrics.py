"""Metrics per photo against scikit-image, and cases worked out by hand."""

import math

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from tests.trainables.ncd import ncd_photos
from trainables.color.color_space import ab_to_network, rgb_to_lab
from trainables.color.recolor import recolor
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


def test_colorfulness_of_cases_worked_out_by_hand() -> None:
    # Half red, half green: R-G is 255 and -255, the other axis 127.5 throughout. Then one colour: no spread at all.
    two = torch.zeros(1, 3, 2, 2)
    two[0, 0, 0], two[0, 1, 1] = 1, 1
    one = torch.tensor([0.4, 0.2, 0.0])[None, :, None, None].expand(1, 3, 4, 4)
    grey = torch.full((1, 3, 4, 4), 0.3)
    expected = [255 + 0.3 * 127.5, 0.3 * math.hypot(51, 76.5), 0]
    assert [photo_metrics.colorfulness(rgb).item() for rgb in (two, one, grey)] == pytest.approx(expected, abs=1e-3)


def test_colorfulness_agrees_with_the_formula_of_its_paper(pairs: tuple[Tensor, Tensor]) -> None:
    for photo, ours in zip(each(pairs[0]), photo_metrics.colorfulness(pairs[0]), strict=True):
        red, green, blue = (255 * photo).transpose(2, 0, 1)
        rg, yb = red - green, 0.5 * (red + green) - blue
        expected = math.hypot(rg.std(), yb.std()) + 0.3 * math.hypot(rg.mean(), yb.mean())
        assert ours.item() == pytest.approx(expected, rel=1e-4)


def test_chroma_ratio_tells_hedging_and_says_nothing_of_grey_photos() -> None:
    true = torch.zeros(3, 3, 2, 2)
    true[0, 1], true[0, 2] = 30, 40
    true[1, 1] = 0.9
    true[2, 1, 0] = 2.0
    predicted = true * 0.5
    ratios = photo_metrics.chroma_ratio(true, predicted).tolist()
    assert ratios == pytest.approx([0.5, math.nan, 0.5], nan_ok=True)


def test_regions_are_means_over_their_pixels_and_untold_without_an_object() -> None:
    true, predicted = torch.zeros(2, 3, 2, 2), torch.zeros(2, 3, 2, 2)
    true[:, 0], predicted[:, 0] = 50, 50
    predicted[:, 1, 0] = 10  # the upper row is wrong
    inside = torch.zeros(2, 2, 2, dtype=torch.bool)
    inside[0, 0, 0] = inside[0, 1, 0] = True
    wrong = deltaE_ciede2000(np.array([50.0, 0, 0]), np.array([50.0, 10, 0])).item()
    inside[0, 0, 1] = True
    found = photo_metrics.delta_e_of_regions(true, predicted, inside)
    expected = {
        "delta_e": [wrong / 2] * 2, "delta_e_inside": [wrong * 2 / 3, math.nan], "delta_e_outside": [0, math.nan]
    }  # fmt: skip
    for name, values in expected.items():
        assert found[name].tolist() == pytest.approx(values, abs=1e-3, nan_ok=True), name
    untold = photo_metrics.delta_e_of_regions(true, predicted, None)
    assert untold["delta_e_inside"].isnan().all() and untold["delta_e_outside"].isnan().all()


def measured(
    rgb: Tensor, predicted_ab: Tensor, logits: Tensor, labels: Tensor, inside: Tensor | None = None
) -> dict[str, Tensor]:
    return photo_metrics.measure(rgb, rgb_to_lab(rgb), predicted_ab, inside, logits, labels)


def test_measure_agrees_with_a_slow_loop_over_what_recolor_shows(pairs: tuple[Tensor, Tensor]) -> None:
    rgb, other = (one.mul(255).round() / 255 for one in pairs)
    predicted_ab = ab_to_network(0.5 * rgb_to_lab(rgb)[:, 1:] + 0.5 * rgb_to_lab(other)[:, 1:])
    num_photos = len(rgb)
    logits = torch.randn(num_photos, 6, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(num_photos) % 6
    inside = random_photos(num_photos, *rgb.shape[-2:]) < 0.3
    inside[0] = False
    ours = measured(rgb, predicted_ab, logits, labels, inside)
    assert list(ours) == [name for name, metric in METRICS.items() if "val" in metric.parts]
    for name, values in ours.items():
        assert values.shape == (num_photos,) and values.dtype == torch.float32, name
    for photo in range(num_photos):
        true_rgb, mask = each(rgb)[photo], inside[photo].numpy()
        true_lab = rgb2lab(true_rgb)
        pixels_HW3 = torch.from_numpy(true_rgb).mul(255).round().byte()
        shown_rgb = recolor(pixels_HW3, (predicted_ab[photo] - 0.5) * 200).double().numpy() / 255
        shown_lab = rgb2lab(shown_rgb)
        error = deltaE_ciede2000(true_lab, shown_lab)
        true_ab, shown_ab = ((lab[..., 1:] ** 2).sum(axis=2) ** 0.5 for lab in (true_lab, shown_lab))
        raw_ab = (predicted_ab[photo].movedim(0, -1).double().numpy() - 0.5) * 200
        probability = torch.softmax(logits[photo].double(), dim=0)[labels[photo]].item()
        expected = {
            "color_mse": (((raw_ab - true_lab[..., 1:]) / 200) ** 2).mean(),
            "delta_e": error.mean(),
            "delta_e_inside": error[mask].mean() if mask.any() else math.nan,
            "delta_e_outside": error[~mask].mean() if mask.any() else math.nan,
            "psnr": peak_signal_noise_ratio(true_rgb, shown_rgb, data_range=1.0),
            "ssim": structural_similarity(true_rgb, shown_rgb, channel_axis=-1, data_range=1.0),
            "colorfulness": photo_metrics.colorfulness(torch.from_numpy(shown_rgb).movedim(-1, 0)[None]).item(),
            "chroma_ratio": shown_ab.mean() / true_ab.mean(),
            "top1": float(logits[photo].argmax() == labels[photo]),
            "top5": float(labels[photo] in logits[photo].topk(5).indices),
            "p_true": probability,
            "class_loss": -math.log(probability),
        }
        for name, value in expected.items():
            # A rounding at the edge of two levels moves a pixel by one.
            near = 2e-3 if METRICS[name].task == "color" else 1e-4
            assert ours[name][photo].item() == pytest.approx(value, rel=near, abs=near, nan_ok=True), name


def test_what_no_screen_shows_costs_nothing_where_white_is_shown_as_white() -> None:
    white = torch.ones(1, 3, 8, 8)
    tinted_ab = ab_to_network(torch.tensor([-6.0, 22.0])[None, :, None, None].expand(1, 2, 8, 8))
    ours = measured(white, tinted_ab, torch.zeros(1, 2), torch.zeros(1, dtype=torch.long))
    assert ours["delta_e"].item() < 0.1 and ours["colorfulness"].item() < 0.1 and ours["psnr"].item() == 100
    assert ours["color_mse"].item() > 1e-3, "the loss sees what the network said"


def test_a_prediction_that_is_no_number_has_no_value_though_it_is_shown_as_black() -> None:
    rgb, predicted_ab = random_photos(2, 3, 8, 8), random_photos(2, 2, 8, 8)
    predicted_ab[1, 0, 3, 3] = torch.nan
    ours = measured(rgb, predicted_ab, torch.zeros(2, 2), torch.zeros(2, dtype=torch.long))
    for name in ("color_mse", "delta_e", "psnr", "ssim", "colorfulness"):
        assert ours[name].isfinite().tolist() == [True, False], name


def test_measure_is_independent_of_the_other_photos_in_the_batch() -> None:
    rgb, predicted_ab = random_photos(5, 3, 16, 16), random_photos(5, 2, 16, 16, seed=1)
    logits, labels, inside = random_photos(5, 7, seed=2), torch.arange(5), random_photos(5, 16, 16, seed=3) < 0.5
    batch = measured(rgb, predicted_ab, logits, labels, inside)
    alone = [
        measured(*(values[photo : photo + 1] for values in (rgb, predicted_ab, logits, labels, inside)))
        for photo in range(5)
    ]
    for name, values in batch.items():
        torch.testing.assert_close(values, torch.cat([one[name] for one in alone]), rtol=1e-6, atol=1e-6)


def test_measure_keeps_float32_for_predictions_in_bfloat16() -> None:
    rgb, predicted_ab = random_photos(2, 3, 16, 16), random_photos(2, 2, 16, 16, seed=1).bfloat16()
    logits, labels = random_photos(2, 7, seed=2).bfloat16(), torch.tensor([0, 6])
    inside = random_photos(2, 16, 16) < 0.5
    expected = measured(rgb, predicted_ab.float(), logits.float(), labels, inside)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = measured(rgb, predicted_ab, logits, labels, inside)
    for name, values in ours.items():
        assert torch.equal(values, expected[name]), name
