"""data_colors.py: dominant colours and painting by rule, against answers worked out by hand and scikit-image."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from trainables.color.color_space import rgb_to_lab
from trainables.color.recolor import shown
from trainables.data.images import Images
from trainables.evaluation.data_colors import (
    GRID,
    MAX_PIXELS,
    NAMED,
    PREDICTORS,
    _sampled_lab,
    data_colors,
    group_means,
    hex_of,
    k_means,
    name_of,
)

RED, BLUE, GREEN, WHITE, CREAM = (200, 40, 40), (40, 60, 200), (40, 160, 60), (255, 255, 255), (255, 250, 200)


def images_of(photos: list[NDArray[np.uint8]], labels: list[int]) -> Images:
    return Images(
        pixels_NHW3=np.stack(photos),
        labels_N=np.array(labels),
        groups_N=np.arange(len(labels)),
        photo_names=tuple(map(str, range(len(labels)))),
        class_names=("Apple", "Pear", "Plum"),
        digest="",
    )


def as_shown(lab_NHW3: NDArray[np.float64]) -> NDArray[np.float64]:
    shown_N3HW = shown(torch.from_numpy(lab_NHW3).movedim(-1, 1).float())
    lab: NDArray[np.float64] = rgb2lab(shown_N3HW.movedim(1, -1).double().numpy())
    return lab


def photo(*stripes: tuple[tuple[int, int, int], int], side: int = 32) -> NDArray[np.uint8]:
    """Rows of one colour each: (colour, number of rows)."""
    rows = [np.full((count, side, 3), color, np.uint8) for color, count in stripes]
    return np.concatenate(rows)


def test_colours_shares_and_near_white_of_photos_made_by_hand() -> None:
    first = photo((WHITE, 16), (RED, 12), (BLUE, 4))
    found = data_colors(images_of([first, photo((CREAM, 8), (GREEN, 24))], [0, 1]))
    apple, pear = found.categories
    assert (apple.category, apple.num_photos, apple.near_white) == ("Apple", 1, 0.5)
    assert [(one.hex, one.share) for one in apple.dominant] == [("#c82828", 0.75), ("#283cc8", 0.25)]
    assert pear.near_white == 0, "cream has a colour"
    assert {(one.hex, one.share) for one in pear.dominant} == {("#28a03c", 0.75), ("#fffac8", 0.25)}
    assert found.whole.num_photos == 2 and found.whole.near_white == 0.25
    assert sum(one.share for one in found.whole.dominant) == pytest.approx(1)


def test_errors_of_painting_by_rule_against_scikit_image() -> None:
    photos = [photo((WHITE, 16), (RED, 16)), photo((WHITE, 8), (GREEN, 24)), photo((BLUE, 32))]
    found = data_colors(images_of(photos, [0, 0, 1]))
    lab_PHW3 = rgb2lab(np.stack(photos))

    def error(ab: object) -> float:
        painted = lab_PHW3.copy()
        painted[..., 1:] = ab
        return float(deltaE_ciede2000(lab_PHW3, as_shown(painted)).mean())

    ab_PHW2 = lab_PHW3[..., 1:]
    category = [ab_PHW2[:2].mean(axis=(0, 1, 2))] * 2 + [ab_PHW2[2].mean(axis=(0, 1))]
    expected = {
        "no colour": error(0),
        "one colour": error(ab_PHW2.mean(axis=(0, 1, 2))),
        "one colour a category": error(np.stack(category)[:, None, None]),
        "one colour a lightness": 0.0,
        "one colour a category and lightness": 0.0,
    }
    assert set(expected) == set(PREDICTORS)
    for name, value in expected.items():
        assert found.whole.delta_e[name] == pytest.approx(value, abs=0.02), name
    assert found.categories[1].delta_e["one colour a category"] == pytest.approx(0, abs=0.02)


def test_the_mean_colour_is_that_of_all_pixels_at_the_lightness_of_what_is_not_white() -> None:
    found = data_colors(images_of([photo((WHITE, 16), (RED, 16))], [0])).whole.mean
    lightness, a, b = rgb2lab(np.array([[RED]]) / 255)[0, 0]
    assert (found.lightness, found.a, found.b) == pytest.approx((lightness, a / 2, b / 2), abs=0.02)


def test_photos_that_are_white_all_over_have_no_dominant_colour() -> None:
    found = data_colors(images_of([photo((WHITE, 32))], [0])).whole
    assert found.dominant == () and found.near_white == 1 and found.mean.name == "white"


def test_the_start_that_fits_best_wins_and_the_seed_decides() -> None:
    # Two pairs of clusters: a start with two centres in one cluster ends in a worse place.
    corners_43 = np.array([[0.0, 0, 0], [8, 0, 0], [100, 0, 0], [108, 0, 0]])
    points_N3 = np.tile(corners_43, (500, 1)) + np.random.default_rng(1).normal(size=(2000, 3))
    for seed in range(20):
        centers_C3 = k_means(points_N3, 4, np.random.default_rng(seed))
        np.testing.assert_allclose(sorted(centers_C3[:, 0].tolist()), [0, 8, 100, 108], atol=0.5)
    twice = [k_means(points_N3, 4, np.random.default_rng(3)) for _ in range(2)]
    np.testing.assert_array_equal(*twice)
    assert len(k_means(np.tile(corners_43[:2], (9, 1)), 4, np.random.default_rng(0))) == 2


def test_group_means_worked_out_by_hand() -> None:
    values_P2 = torch.tensor([[1.0, 2], [3, 4], [10, 20]])
    assert group_means(values_P2, torch.tensor([0, 0, 2])).tolist() == [[2, 3], [0, 0], [10, 20]]


def test_many_photos_give_fewer_pixels_each() -> None:
    pixels_NHW3 = np.broadcast_to(np.uint8(7), (20_000, 64, 64, 3))
    many = Images(
        pixels_NHW3=pixels_NHW3, labels_N=np.zeros(20_000, np.int64), groups_N=np.arange(20_000),
        photo_names=("",) * 20_000, class_names=("Apple",), digest="",
    )  # fmt: skip
    assert _sampled_lab(many)[..., 0].numel() <= MAX_PIXELS
    one = images_of([photo((RED, 100), side=100)], [0])
    assert _sampled_lab(one).shape == (1, 25**2, 3) and GRID == 32


def test_every_named_colour_is_called_by_its_name() -> None:
    for name, code in NAMED.items():
        rgb_1311 = torch.tensor([int(code[at : at + 2], 16) for at in (1, 3, 5)]).reshape(1, 3, 1, 1) / 255
        lab_3 = rgb_to_lab(rgb_1311).flatten()
        assert (name_of(lab_3), hex_of(lab_3)) == (name, code)
