"""photos.py: a study's photos can be measured as the study asks."""

import dataclasses

import numpy as np
import pytest

from study.data.photos import check_objects
from study.definition.load import parse_study
from tests.study.analytic import TEXT, analytic_study
from trainables.data.images import Images

ORCHARD = "{dataset: orchard, image_size: 32, num_classes: 2, photos_per_class: 10, coupling: 1}"


def photos(edge: int) -> Images:
    """Two photos with a dark square on a plain background."""
    pixels_NHW3 = np.full((2, 32, 32, 3), edge, dtype=np.uint8)
    pixels_NHW3[:, 8:24, 8:24] = 40
    return Images(
        pixels_NHW3=pixels_NHW3,
        labels_N=np.array([0, 1]),
        groups_N=np.array([0, 1]),
        photo_names=("a/0.png", "b/1.png"),
        class_names=("a", "b"),
        digest="",
    )


def test_objects_that_nothing_tells_apart_are_not_measured_inside() -> None:
    inside = parse_study(TEXT.replace("delta_e", "delta_e_inside").replace("{dataset: analytic}", ORCHARD))
    check_objects(inside, photos(255))
    with pytest.raises(ValueError, match=r"val/delta_e_inside needs photos .* but of these 0% can: use val/delta_e"):
        check_objects(inside, photos(120))
    half = dataclasses.replace(
        photos(120), pixels_NHW3=np.concatenate([photos(255).pixels_NHW3[:1], photos(120).pixels_NHW3[1:]])
    )
    check_objects(inside, half)


def test_a_study_of_whole_photos_asks_nothing_of_them() -> None:
    check_objects(parse_study(TEXT.replace("{dataset: analytic}", ORCHARD)), photos(120))
    check_objects(analytic_study(), photos(120))
