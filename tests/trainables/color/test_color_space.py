"""Colour conversions against scikit-image in float64, on every grey, random colours and real photos."""

import io
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, lab2rgb, rgb2lab
from torch import Tensor

from tests.trainables.ncd import ncd_photos
from trainables.color import color_space
from trainables.color.color_space import delta_e_2000, lab_to_rgb, rgb_to_lab

TOLERANCE = 1e-3

# Sharma, Wu, Dalal (2005), table 1: L a b of both colours and their CIEDE2000 difference, two pairs a line. Pairs 9 to
# 15 lie on either side of opposite hues.
SHARMA_PAIRS = np.loadtxt(
    io.StringIO("""
    50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425   50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
    50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412   50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
    50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000  50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
    50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669      50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
    50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792     50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
    50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195     50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
    50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045     50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
    50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461     50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
    50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492   50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
    50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030   50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
    50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000       50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
    50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000       50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
    60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644 63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
    61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731     35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
    22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373 36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
    90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441     90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
    6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377     2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
    """),
).reshape(34, 7)


def to_pixels(colors_N3: np.ndarray) -> Tensor:
    """Colours as one photo of one row, 1 x 3 x 1 x N float32."""
    return torch.from_numpy(colors_N3.astype(np.float32).T.copy())[None, :, None]


def to_colors(pixels_B3HW: Tensor) -> np.ndarray:
    """Pixels as float64 colours, N x 3, the form that scikit-image takes."""
    return pixels_B3HW.movedim(1, -1).reshape(-1, 3).double().numpy()


def largest_difference(result: Tensor, reference: np.ndarray) -> float:
    return float(np.abs(to_colors(result) - reference).max())


GENERATOR = np.random.default_rng(0)
COLORS = {
    "every grey": np.repeat(np.arange(256)[:, None] / 255, 3, axis=1),
    "a million random colors": GENERATOR.random((1_000_000, 3)),
    "dark colors": GENERATOR.random((100_000, 3)) * 0.1,
    "8-bit colors": GENERATOR.integers(0, 256, (100_000, 3)) / 255,
    "corners": np.stack(np.meshgrid([0, 0.04045, 1], [0, 0.04045, 1], [0, 0.04045, 1]), axis=-1).reshape(-1, 3),
}


@pytest.fixture(params=COLORS)
def rgb_113N(request: pytest.FixtureRequest) -> Tensor:
    return to_pixels(COLORS[request.param])


@pytest.fixture(scope="module")
def photos_B3HW() -> Tensor:
    return ncd_photos()


def test_rgb_to_lab_agrees_with_scikit_image(rgb_113N: Tensor) -> None:
    assert largest_difference(rgb_to_lab(rgb_113N), rgb2lab(to_colors(rgb_113N))) < TOLERANCE


def test_lab_to_rgb_returns_the_rgb_it_came_from(rgb_113N: Tensor) -> None:
    lab = rgb_to_lab(rgb_113N)
    back = lab_to_rgb(lab)
    assert largest_difference(back, to_colors(rgb_113N)) < TOLERANCE
    assert largest_difference(rgb_to_lab(back), to_colors(lab)) < TOLERANCE


def test_lab_to_rgb_clips_as_scikit_image_does_outside_of_srgb() -> None:
    lab = to_pixels(np.random.default_rng(1).random((100_000, 3)) * [100, 240, 240] - [0, 120, 120])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Conversion from CIE-LAB")  # negative Z, set to zero by both
        reference = lab2rgb(to_colors(lab))
    rgb = lab_to_rgb(lab)
    assert largest_difference(rgb, reference) < TOLERANCE
    assert rgb.min() == 0 and rgb.max() == 1


def test_conversions_agree_with_scikit_image_on_photos(photos_B3HW: Tensor) -> None:
    lab = rgb_to_lab(photos_B3HW)
    assert largest_difference(lab, rgb2lab(to_colors(photos_B3HW))) < TOLERANCE
    assert largest_difference(lab_to_rgb(lab), to_colors(photos_B3HW)) < TOLERANCE


def test_ratio_of_polynomials_follows_the_srgb_curve() -> None:
    x = torch.linspace(0.04045, 1, 100_001, dtype=torch.float64)
    numerator, denominator = (
        sum(c * x**power for power, c in enumerate(coefficients))
        for coefficients in (color_space.DECODE_NUMERATOR, color_space.DECODE_DENOMINATOR)
    )
    linear = ((x + 0.055) / 1.055) ** 2.4
    rise_of_a = 500 * torch.where(linear > 0.008856, linear ** (-2 / 3) / 3, 7.787)
    assert ((numerator / denominator - linear).abs() * rise_of_a).max() < 1e-4


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
def test_gradient_is_finite_and_exact(convert: Callable[[Tensor], Tensor]) -> None:
    black = torch.zeros(1, 3, 2, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(convert(black).sum(), black)
    assert gradient.isfinite().all()
    pixels = torch.rand(1, 3, 2, 2, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    pixels = (pixels if convert is rgb_to_lab else rgb_to_lab(pixels)).requires_grad_()
    (gradient,) = torch.autograd.grad(convert(pixels).sum(), pixels)
    step = 1e-2 if convert is rgb_to_lab else 1.0
    for place in range(12):
        offset = torch.zeros(12)
        offset[place] = step
        offset = offset.view_as(pixels)
        with torch.no_grad():
            rise = convert(pixels + offset).double().sum() - convert(pixels - offset).double().sum()
        assert gradient.flatten()[place].item() == pytest.approx(rise.item() / (2 * step), rel=0.02, abs=2e-4)


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
@pytest.mark.parametrize("values_per_part", [1, 2 * 3 * 5 * 4, 2**19])
def test_parts_and_memory_format_do_not_change_the_colors(
    convert: Callable[[Tensor], Tensor], values_per_part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = torch.rand(5, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    whole = convert(pixels)
    assert torch.equal(convert(pixels), whole)
    monkeypatch.setattr(color_space, "VALUES_PER_PART", values_per_part)
    for same in (pixels, pixels.to(memory_format=torch.channels_last), pixels.expand(2, 5, 3, 5, 4)[1]):
        torch.testing.assert_close(convert(same), whole, rtol=0, atol=1e-4)
    assert torch.equal(pixels, torch.rand(5, 3, 5, 4, generator=torch.Generator().manual_seed(0))), "input was changed"


@pytest.mark.parametrize("convert", [rgb_to_lab, lab_to_rgb])
def test_autocast_does_not_lower_the_precision(convert: Callable[[Tensor], Tensor]) -> None:
    pixels = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = convert(pixels)
        half = convert(pixels.bfloat16())
    assert result.dtype == half.dtype == torch.float32
    assert torch.equal(result, convert(pixels))
    assert torch.equal(half, convert(pixels.bfloat16().float()))


def test_conversions_trace_without_a_graph_break() -> None:
    pixels = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    for convert in (rgb_to_lab, lab_to_rgb):
        traced = torch.compile(convert, fullgraph=True, backend="eager")
        torch.testing.assert_close(traced(pixels), convert(pixels), rtol=0, atol=1e-4)
    difference = torch.compile(delta_e_2000, fullgraph=True, backend="eager")
    torch.testing.assert_close(difference(pixels, pixels * 2), delta_e_2000(pixels, pixels * 2), rtol=0, atol=1e-4)


def test_empty_batch_stays_empty() -> None:
    assert rgb_to_lab(torch.zeros(0, 3, 4, 4)).shape == (0, 3, 4, 4)


@pytest.mark.parametrize("pixels", [torch.zeros(1, 3, 2, 2, dtype=torch.uint8), torch.zeros(1, 2, 2, 3)])
def test_bytes_and_wrong_channels_are_refused(pixels: Tensor) -> None:
    with pytest.raises(AssertionError):
        rgb_to_lab(pixels)


def test_network_scale_is_the_papers() -> None:
    lightness = torch.tensor([0.0, 25.0, 100.0]).view(1, 1, 1, 3)
    ab = torch.tensor([-100.0, 0.0, 50.0]).view(1, 1, 1, 3).expand(1, 2, 1, 3)
    assert color_space.lightness_to_network(lightness).flatten().tolist() == pytest.approx([0, 0.25, 1])
    assert color_space.ab_to_network(ab)[0, 0].flatten().tolist() == pytest.approx([0, 0.5, 0.75])
    torch.testing.assert_close(color_space.network_to_ab(color_space.ab_to_network(ab)), ab)


def test_delta_e_2000_agrees_with_sharmas_pairs_in_both_orders() -> None:
    first, second = to_pixels(SHARMA_PAIRS[:, :3]), to_pixels(SHARMA_PAIRS[:, 3:6])
    for difference in (delta_e_2000(first, second), delta_e_2000(second, first)):
        np.testing.assert_allclose(difference.flatten(), SHARMA_PAIRS[:, 6], atol=1e-4, rtol=0)


@pytest.mark.parametrize("spread", [0.01, 1, 50])
def test_delta_e_2000_agrees_with_scikit_image(rgb_113N: Tensor, spread: float) -> None:
    lab = rgb_to_lab(rgb_113N[..., :50_000])
    other = lab + torch.randn(lab.shape, generator=torch.Generator().manual_seed(0)) * spread
    reference = deltaE_ciede2000(to_colors(lab), to_colors(other))
    np.testing.assert_allclose(delta_e_2000(lab, other).flatten(), reference, atol=TOLERANCE, rtol=0)


def test_delta_e_2000_agrees_with_scikit_image_on_photos(photos_B3HW: Tensor) -> None:
    lab = rgb_to_lab(photos_B3HW)
    for other in (lab.roll(1, dims=0), lab * torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)):
        reference = deltaE_ciede2000(to_colors(lab), to_colors(other))
        result = delta_e_2000(lab, other)
        assert result.shape == (len(lab), 128, 128)
        np.testing.assert_allclose(result.flatten(), reference, atol=TOLERANCE, rtol=0)


def test_equal_colors_have_no_difference() -> None:
    lab = rgb_to_lab(to_pixels(COLORS["every grey"]))
    assert delta_e_2000(lab, lab).max() == 0
