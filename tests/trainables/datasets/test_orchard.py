import numpy as np
import pytest
from skimage.color import rgb2lab

from trainables.datasets.orchard import HUES_RGB, ORCHARD_DEFAULTS, SHAPES, Orchard, draw_orchard, hue_to_rgb


def draw(**changes: float) -> Orchard:
    settings = {"num_classes": 4, "photos_per_class": 30, "coupling": 0.9, "image_size": 32, "seed": 0, **changes}
    return draw_orchard(**settings)  # type: ignore[arg-type]


def hue_gap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Distance on the circle, in turns, at most 0.5."""
    return np.abs((first - second + 0.5) % 1 - 0.5)


def test_same_arguments_give_the_same_bits_and_another_seed_others() -> None:
    first, again, other = draw(), draw(), draw(seed=1)
    assert np.array_equal(first.pixels_NHW3, again.pixels_NHW3)
    assert not np.array_equal(first.pixels_NHW3, other.pixels_NHW3)
    assert first.photo_names == again.photo_names == other.photo_names


def test_classes_are_in_order_and_photo_names_unique() -> None:
    orchard = draw()
    assert orchard.labels_N.tolist() == np.repeat(np.arange(4), 30).tolist()
    assert len(set(orchard.photo_names)) == 120
    assert orchard.photo_names[30] == "square/square1"
    assert orchard.pixels_NHW3.shape == (120, 32, 32, 3)
    assert orchard.pixels_NHW3.dtype == np.uint8


def test_all_hues_of_the_circle_have_the_same_lightness_and_chroma() -> None:
    lab = rgb2lab(hue_to_rgb(np.linspace(0, 1, 1000))[None])[0]
    assert np.ptp(lab[:, 0]) < 0.4
    assert np.hypot(lab[:, 1], lab[:, 2]).min() > 36.5
    assert np.hypot(lab[:, 1], lab[:, 2]).max() < 39.5


def test_hues_go_evenly_around_the_circle() -> None:
    lab = rgb2lab(HUES_RGB[None] / 255)[0]
    turns = np.unwrap(np.arctan2(lab[:, 2], lab[:, 1])) / (2 * np.pi)
    assert np.diff(turns) == pytest.approx(1 / len(HUES_RGB), abs=0.006)


def test_lightness_does_not_tell_the_hue_not_even_at_edges() -> None:
    # The same geometry, brightness and grain, once with every class in its own hue and once with random hues.
    coupled, free = draw(coupling=1.0, image_size=64), draw(coupling=0.0, image_size=64)
    lab_coupled, lab_free = (rgb2lab(orchard.pixels_NHW3 / 255.0) for orchard in (coupled, free))
    assert np.abs(lab_coupled[..., 1:] - lab_free[..., 1:]).max() > 60
    difference = lab_coupled[..., 0] - lab_free[..., 0]
    assert np.abs(difference).max() < 1.2
    assert np.abs(difference.mean(axis=(1, 2))).max() < 0.15


def test_lightness_shows_the_shape() -> None:
    lightness = rgb2lab(draw().pixels_NHW3 / 255.0)[..., 0]
    assert (lightness.max(axis=(1, 2)) > 99.9).all()
    assert (lightness.min(axis=(1, 2)) < 72).all()


def test_drawn_hue_is_the_hue_in_the_picture() -> None:
    orchard = draw(coupling=0.0, image_size=64)
    lab = rgb2lab(orchard.pixels_NHW3 / 255.0)
    mean_ab = lab[..., 1:].mean(axis=(1, 2))
    turns = np.arctan2(mean_ab[:, 1], mean_ab[:, 0]) / (2 * np.pi)
    assert hue_gap(turns, orchard.hues_N).max() < 0.02


def test_full_coupling_gives_every_photo_its_class_hue() -> None:
    orchard = draw(coupling=1.0)
    assert hue_gap(orchard.hues_N, orchard.labels_N / 4).max() < 0.06


def test_no_coupling_makes_hue_independent_of_class() -> None:
    orchard = draw(coupling=0.0, photos_per_class=400, image_size=16)
    directions = np.exp(2j * np.pi * orchard.hues_N)
    for label in range(4):  # the mean of 400 even directions has a length of about 1/20
        assert abs(directions[orchard.labels_N == label].mean()) < 0.13


def test_coupling_is_the_share_of_photos_in_their_class_hue() -> None:
    orchard = draw(coupling=0.7, photos_per_class=500, image_size=16)
    own = hue_gap(orchard.hues_N, orchard.labels_N / 4) < 0.05
    assert own.mean() == pytest.approx(0.7 + 0.3 * 0.1, abs=0.03)


@pytest.mark.parametrize("name", SHAPES)
def test_shape_lies_inside_its_circle_and_covers_a_good_part_of_it(name: str) -> None:
    y, x = np.mgrid[-1.5:1.5:301j, -1.5:1.5:301j]
    inside = SHAPES[name](x, y) < 0
    assert not inside[np.hypot(x, y) > 1.001].any()
    assert 0.2 < inside.sum() / (np.hypot(x, y) < 1).sum() < 0.8


@pytest.mark.parametrize("name", SHAPES)
def test_distance_is_measured_from_the_edge(name: str) -> None:
    """A slow reference: the distance to the nearest sampled point on the other side."""
    y, x = np.mgrid[-1.2:1.2:121j, -1.2:1.2:121j]
    distance = SHAPES[name](x, y)
    inside = distance < 0
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    for picked in range(0, len(points), 997):
        others = points[inside.ravel() != inside.ravel()[picked]]
        nearest = np.hypot(*(others - points[picked]).T).min()
        # The sharp tips of the crescent are the only place where the distance is a lower bound.
        assert abs(distance.ravel()[picked]) <= nearest + 1e-9
        if name != "crescent":
            assert abs(distance.ravel()[picked]) >= nearest - 0.03


def test_shapes_are_all_different() -> None:
    y, x = np.mgrid[-1:1:101j, -1:1:101j]
    masks = [SHAPES[name](x, y) < 0 for name in SHAPES]
    for first in range(len(masks)):
        for second in range(first):
            assert (masks[first] ^ masks[second]).mean() > 0.05


def test_edges_are_antialiased() -> None:
    covered = 255 - draw(coupling=1.0, num_classes=2).pixels_NHW3.min(axis=3).astype(int)
    partly = (covered > 5) & (covered < 60)
    assert (partly.sum(axis=(1, 2)) > 10).all()


def test_more_classes_than_shapes_is_refused() -> None:
    with pytest.raises(ValueError, match=rf"num_classes must lie in \[2, {len(SHAPES)}\].*but got {len(SHAPES) + 1}"):
        draw(num_classes=len(SHAPES) + 1)


def test_coupling_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"coupling must lie in \[0, 1\], but got 1.5"):
        draw(coupling=1.5)


def test_defaults_can_be_drawn() -> None:
    assert ORCHARD_DEFAULTS["num_classes"] <= len(SHAPES)
    assert 0 <= ORCHARD_DEFAULTS["coupling"] <= 1
