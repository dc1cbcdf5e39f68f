"""augmentation.py: transforms worked out by hand, and the same numbers from the same seed."""

import math

import pytest
import torch

from trainables.color.color_space import photos_to_rgb
from trainables.config import TrialConfig
from trainables.data.augmentation import draw_transforms, transform


def drawn(num_photos: int = 500, seed: int = 0, **fields: object) -> torch.Tensor:
    config = TrialConfig.from_dict({"crop_min_area": 1.0, "flip": False, "max_rotation_degrees": 0.0, **fields})
    theta = draw_transforms(num_photos, config, torch.Generator().manual_seed(seed))
    assert theta is not None
    return theta


def test_no_augmentation_resamples_nothing() -> None:
    config = TrialConfig(crop_min_area=1, flip=False, max_rotation_degrees=0)
    assert draw_transforms(4, config, torch.Generator()) is None


def test_the_same_seed_draws_the_same_transforms() -> None:
    assert torch.equal(drawn(flip=True, seed=3), drawn(flip=True, seed=3))
    assert not torch.equal(drawn(flip=True, seed=3), drawn(flip=True, seed=4))


def test_crops_keep_at_least_their_share_and_stay_inside() -> None:
    theta = drawn(crop_min_area=0.5)
    area = theta[:, 0, 0] * theta[:, 1, 1]
    assert 0.5 <= float(area.min()) < 0.52 and 0.98 < float(area.max()) <= 1.0
    assert float((theta[:, :, 2].abs() + theta[:, 0, :1]).max()) <= 1 + 1e-6


def test_about_half_of_the_photos_are_mirrored() -> None:
    mirrored = (drawn(flip=True)[:, 0, 0] < 0).float().mean()
    assert 0.4 < float(mirrored) < 0.6


def test_rotations_keep_to_their_angle() -> None:
    theta = drawn(max_rotation_degrees=10.0)
    angles = torch.rad2deg(torch.atan2(theta[:, 1, 0], theta[:, 0, 0]))
    assert 9 < float(angles.abs().max()) <= 10.0001
    assert math.isclose(float((theta[:, 0, 0] ** 2 + theta[:, 1, 0] ** 2).max()), 1.0, rel_tol=1e-5)


def test_a_mirror_mirrors_and_the_identity_changes_nothing() -> None:
    photos = torch.rand(2, 3, 8, 8)
    identity = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).expand(2, 2, 3)
    mirror = torch.tensor([[-1.0, 0, 0], [0, 1, 0]]).expand(2, 2, 3)
    torch.testing.assert_close(transform(photos, identity), photos, rtol=0, atol=1e-5)
    torch.testing.assert_close(transform(photos, mirror), photos.flip(3), rtol=0, atol=1e-5)


def test_a_quarter_crop_enlarges_its_corner() -> None:
    photo = torch.zeros(1, 1, 8, 8)
    photo[..., :4, :4] = 1.0
    corner = torch.tensor([[[0.5, 0, -0.5], [0, 0.5, -0.5]]])
    inner = transform(photo, corner)[..., :7, :7]
    torch.testing.assert_close(inner, torch.ones_like(inner))


@pytest.mark.parametrize(("pixel", "value"), [(0, 0.0), (51, 0.2), (255, 1.0)])
def test_pixels_become_rgb_between_0_and_1(pixel: int, value: float) -> None:
    rgb = photos_to_rgb(torch.full((1, 2, 2, 3), pixel, dtype=torch.uint8))
    assert rgb.shape == (1, 3, 2, 2)
    assert float(rgb[0, 0, 0, 0]) == pytest.approx(value)
