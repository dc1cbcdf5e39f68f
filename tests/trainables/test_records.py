"""records.py: means over the photos that can be judged."""

import math

import numpy as np
import pytest

from trainables.records import PhotoMeasures


def means(**metrics: list[float]) -> dict[str, float]:
    values = {name: np.array(values) for name, values in metrics.items()}
    nothing_N = np.zeros(0, np.int64)
    return PhotoMeasures(indices_N=nothing_N, metrics=values, predicted_N=nothing_N).means("val")


def test_photos_that_cannot_be_told_are_left_out_of_a_mean() -> None:
    assert means(delta_e=[1, 2, 6], delta_e_inside=[4, math.nan, 8]) == {"val/delta_e": 3, "val/delta_e_inside": 6}


def test_no_photo_that_can_be_told_makes_no_number_and_no_warning() -> None:
    assert math.isnan(means(delta_e_inside=[math.nan] * 3)["val/delta_e_inside"])


@pytest.mark.parametrize("name", ["color_mse", "class_loss", "delta_e"])
def test_a_broken_photo_breaks_the_mean_of_what_every_photo_has(name: str) -> None:
    assert math.isnan(means(**{name: [1, math.nan]})[f"val/{name}"])
