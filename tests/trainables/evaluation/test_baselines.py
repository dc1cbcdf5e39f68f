"""baselines.py: rules whose answers are worked out by hand, on photos of one colour."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from trainables.data.images import Images
from trainables.data.splits import Cut
from trainables.evaluation.baselines import BASELINES, JUDGED, baselines

RED, BLUE, GREEN, WHITE = (150, 90, 90), (90, 100, 150), (100, 130, 100), (255, 255, 255)
Rows = dict[tuple[str, int], dict[str, float]]
"""Metrics by rule and photo."""
TRAIN, VAL, TEST = [0, 2, 3, 5], [1], [4, 6, 7]
COLORS = [RED, RED, BLUE, RED, RED, BLUE, BLUE, GREEN]
LABELS = [0, 0, 1, 0, 0, 1, 1, 2]
"""Apples are red, plums blue; a pear, green, is seen in the test alone."""


def images_of(photos: list[NDArray[np.uint8]], labels: list[int]) -> Images:
    return Images(
        pixels_NHW3=np.stack(photos),
        labels_N=np.array(labels),
        groups_N=np.arange(len(labels)),
        photo_names=tuple(f"photo {index}" for index in range(len(labels))),
        class_names=("Apple", "Plum", "Pear"),
        digest="",
    )


def plain(color: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.full((8, 8, 3), color, np.uint8)


def found(photos: list[NDArray[np.uint8]], labels: list[int], **parts: list[int]) -> Rows:
    """What each rule gets on each test photo."""
    cut = Cut(**{name: np.array(indices, np.int64) for name, indices in parts.items()})
    columns = baselines(images_of(photos, labels), cut)
    assert list(columns) == ["photo", "rule", *JUDGED]
    assert {len(column) for column in columns.values()} == {len(BASELINES) * len(parts["test"])}
    return {
        (str(rule), int(str(photo).removeprefix("photo "))): {name: float(columns[name][row]) for name in JUDGED}
        for row, (photo, rule) in enumerate(zip(columns["photo"], columns["rule"], strict=True))
    }


@pytest.fixture(scope="module")
def by_rule() -> Rows:
    return found([plain(color) for color in COLORS], LABELS, train=TRAIN, val=VAL, test=TEST)


def lab_of(color: tuple[int, int, int]) -> NDArray[np.float64]:
    lab: NDArray[np.float64] = rgb2lab(np.array([[color]], np.uint8))[0, 0]
    return lab


def painted(color: tuple[int, int, int], a: float, b: float) -> float:
    """CIEDE2000 of these a and b on a photo of this colour."""
    lab = lab_of(color)
    return float(deltaE_ciede2000(lab, np.array([lab[0], a, b])))


ONE_LEVEL = 0.35
"""CIEDE2000 that rounding to 8 bits may cost."""


def test_there_is_a_row_for_each_rule_and_test_photo(by_rule: Rows) -> None:
    assert list(by_rule) == [(rule, photo) for rule in BASELINES for photo in TEST]
    assert list(BASELINES) == ["grey", "one colour", "category's colour", "class frequencies"]


def test_errors_of_painting_are_those_worked_out_by_hand(by_rule: Rows) -> None:
    mean = (3 * lab_of(RED) + 2 * lab_of(BLUE)) / 5
    for photo in TEST:
        color = COLORS[photo]
        assert by_rule["grey", photo]["delta_e"] == pytest.approx(painted(color, 0, 0), abs=ONE_LEVEL)
        assert by_rule["one colour", photo]["delta_e"] == pytest.approx(painted(color, *mean[1:]), abs=ONE_LEVEL)
    for photo in (4, 6):
        assert by_rule["category's colour", photo]["delta_e"] == pytest.approx(0, abs=ONE_LEVEL)
    assert math.isnan(by_rule["category's colour", 7]["delta_e"]), "no pear has been trained"


def test_grey_has_no_colour_and_rules_of_colour_name_nothing(
    by_rule: Rows,
) -> None:
    assert by_rule["grey", 4]["colorfulness"] == pytest.approx(0, abs=0.01)
    assert by_rule["one colour", 4]["colorfulness"] > 3
    for rule in ("grey", "one colour", "category's colour"):
        assert all(math.isnan(by_rule[rule, 4][name]) for name in ("p_true", "top1", "class_loss"))
    assert all(math.isnan(by_rule["class frequencies", 4][name]) for name in JUDGED if "delta_e" in name)


def test_frequencies_name_the_class_seen_most_and_a_class_never_seen_costs_something_finite(
    by_rule: Rows,
) -> None:
    # Three apples, two plums and no pear, and one more of each.
    for photo, share in ((4, 4 / 8), (6, 3 / 8), (7, 1 / 8)):
        row = by_rule["class frequencies", photo]
        assert row["p_true"] == pytest.approx(share) and row["class_loss"] == pytest.approx(-math.log(share))
        assert row["top1"] == (photo == 4)


def test_white_stays_white_as_shown_and_the_object_bears_the_error_of_one_colour() -> None:
    photo = plain(WHITE)
    photo[2:6, 2:6] = (150, 90, 90)
    blue = plain(WHITE)
    blue[2:6, 2:6] = BLUE
    rows = found([photo, blue, photo], [0, 1, 0], train=[1], val=[], test=[0, 2])
    for index in (0, 2):
        row = rows["one colour", index]
        assert row["delta_e_outside"] == pytest.approx(0, abs=0.1)
        a, b = lab_of(BLUE)[1:] / 4
        assert row["delta_e_inside"] == pytest.approx(painted(RED, a, b), abs=ONE_LEVEL)
        assert row["delta_e"] == pytest.approx(row["delta_e_inside"] / 4 + 0.75 * row["delta_e_outside"], abs=1e-3)
