"""recolor.py: what a screen shows, against halving in double precision and scikit-image."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab
from torch import Tensor

from trainables.color import recolor as module
from trainables.color.color_space import RGB_FROM_XYZ, photos_to_rgb, rgb_to_lab
from trainables.color.recolor import recolor, shown

NUM_SCANNED, NUM_HALVINGS = 200, 30


def every_fifth_colour() -> NDArray[np.uint8]:
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, 52 * 52, 52, 3)


def random_colours(num: int) -> tuple[NDArray[np.uint8], Tensor]:
    """8-bit pixels of one photo, light and dark ones among them, and any a and b for each."""
    generator = np.random.default_rng(0)
    pixels_N3 = generator.integers(0, 256, (num, 3))
    pixels_N3[: num // 4] = 255 - pixels_N3[: num // 4] // 16
    pixels_N3[num // 4 : num // 3] //= 16
    ab_N2 = generator.uniform(-100, 100, (num, 2))
    ab_N2[::2] *= 0.25
    return pixels_N3.astype(np.uint8)[None], torch.from_numpy(ab_N2.T[:, None].astype(np.float32))


def linear_of(lightness_N: NDArray[np.float64], ab_N2: NDArray[np.float64]) -> NDArray[np.float64]:
    f_N3 = ((lightness_N + 16) / 116)[:, None] + np.stack([ab_N2[:, 0] / 500, 0 * lightness_N, -ab_N2[:, 1] / 200], 1)
    xyz_N3 = np.where(f_N3 > 0.2068966, f_N3 * f_N3 * f_N3, (f_N3 - 16 / 116) / 7.787) * (0.95047, 1, 1.08883)
    linear_N3: NDArray[np.float64] = xyz_N3 @ np.array(RGB_FROM_XYZ).T
    return linear_N3


def slowly_shown(lightness_N: NDArray[np.float64], ab_N2: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels, not rounded: each colour goes out from grey until sRGB ends, first in small steps, then by halving."""

    def is_beyond(share_N: NDArray[np.float64]) -> NDArray[np.bool_]:
        linear_N3 = linear_of(lightness_N, ab_N2 * share_N[:, None])
        return np.asarray((linear_N3.min(1) < -1e-5) | (linear_N3.max(1) > 1 + 1e-5))

    low_N, high_N = np.zeros((2, len(lightness_N)))
    is_out_N = np.zeros(len(lightness_N), bool)
    for share in np.arange(1, NUM_SCANNED + 1) / NUM_SCANNED:
        high_N[~is_out_N] = share
        is_out_N |= is_beyond(high_N)
        low_N[~is_out_N] = share
    for _ in range(NUM_HALVINGS):
        middle_N = (low_N + high_N) / 2
        is_middle_beyond_N = is_beyond(middle_N)
        low_N, high_N = np.where(is_middle_beyond_N, low_N, middle_N), np.where(is_middle_beyond_N, middle_N, high_N)
    linear_N3 = linear_of(lightness_N, ab_N2 * low_N[:, None]).clip(0, 1)
    return np.where(linear_N3 > 0.0031308, 1.055 * linear_N3 ** (1 / 2.4) - 0.055, 12.92 * linear_N3) * 255


def levels_of(rgb_13HW: Tensor) -> NDArray[np.float64]:
    levels_N3: NDArray[np.float64] = rgb_13HW[0].flatten(1).T.double().numpy() * 255
    return levels_N3


def test_the_most_colourful_that_can_be_shown_agrees_with_halving_in_double_precision() -> None:
    pixels_1N3, ab_21N = random_colours(20_000)
    lightness_N = rgb2lab(pixels_1N3)[0, :, 0]
    expected_N3 = slowly_shown(lightness_N, ab_21N[:, 0].T.double().numpy())
    lab_131N = torch.cat([torch.from_numpy(lightness_N).float()[None, None], ab_21N])[None]
    ours = {"shown": levels_of(shown(lab_131N)), "recolor": recolor(torch.from_numpy(pixels_1N3), ab_21N)[0].numpy()}
    for name, levels_N3 in ours.items():
        difference_N = np.abs(levels_N3 - expected_N3).max(axis=1)
        # Half a level is rounding. Where a colour brushes the border, a trace decides where it meets it.
        assert (difference_N < 0.7).mean() > 0.998 and (difference_N > 1).mean() < 5e-4, name


def test_metrics_and_coloured_photos_see_the_same_colours() -> None:
    pixels_1N3, ab_21N = random_colours(200_000)
    lightness_11N = rgb_to_lab(photos_to_rgb(torch.from_numpy(pixels_1N3)[None]))[:, :1]
    ours_N3 = levels_of(shown(torch.cat([lightness_11N, ab_21N[None]], dim=1)))
    other_N3 = recolor(torch.from_numpy(pixels_1N3), ab_21N)[0].numpy()
    assert np.abs(ours_N3 - np.rint(ours_N3)).max() < 1e-4
    difference_N = np.abs(ours_N3.round() - other_N3).max(axis=1)
    assert (difference_N > 1).mean() < 1e-4 and (difference_N == 0).mean() > 0.98


def test_a_photos_own_colours_are_shown_to_the_bit() -> None:
    rgb_B3HW = photos_to_rgb(torch.from_numpy(every_fifth_colour()))
    assert torch.equal(shown(rgb_to_lab(rgb_B3HW)), rgb_B3HW)


def test_by_mask_colours_are_shown_as_by_index() -> None:
    pixels_1N3, ab_21N = random_colours(20_000)
    fy_N = (torch.from_numpy(rgb2lab(pixels_1N3)[0, :, 0]).float() + 16) / 116
    own = (module._curve_inverse(fy_N.clone()), fy_N, *ab_21N[:, 0])
    for ours, other in zip(module._showable_by_mask(*own), module._showable_by_index(*own), strict=True):
        torch.testing.assert_close(ours, other, rtol=0, atol=1e-5)


def test_white_and_black_stay_and_what_is_no_number_is_black() -> None:
    lab_13HW = torch.tensor([[100.0, 60, -60], [0, 60, -60], [50, torch.nan, 0]]).T[None, :, None]
    assert levels_of(shown(lab_13HW)).tolist()[:2] == [[255] * 3, [0] * 3]
    assert levels_of(shown(lab_13HW))[2, 0] == 0


def test_photos_are_shown_in_parts_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels_1N3, ab_21N = random_colours(640)
    lab_13N = torch.cat([torch.from_numpy(rgb2lab(pixels_1N3)[0, :, 0]).float()[None, None], ab_21N])[:, 0]
    lab_B3HW = lab_13N.reshape(3, 10, 8, 8).transpose(0, 1)
    whole = shown(lab_B3HW)
    monkeypatch.setattr(module, "PIXELS_AT_ONCE", 3 * 64)
    assert torch.equal(shown(lab_B3HW), whole)


def test_grey_is_shown_as_grey_from_black_to_white() -> None:
    lightness = torch.tensor([0.0, 1e-3, 50.0, 99.99, 100.0, 100.002])
    lab_1311 = torch.stack([lightness, torch.zeros(6), torch.zeros(6)])[None, :, :, None]
    rgb_36 = shown(lab_1311)[0, :, :, 0]
    assert (rgb_36 == rgb_36[0]).all()
    assert (rgb_36[0] * 255).round().int().tolist() == [0, 0, 119, 255, 255, 255]
    white_HW3 = torch.full((2, 2, 3), 255, dtype=torch.uint8)
    assert (recolor(white_HW3, torch.zeros(2, 2, 2)) == 255).all()
