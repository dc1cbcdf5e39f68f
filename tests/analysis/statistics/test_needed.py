"""What another study would need: the first design that decides in four of five cases, and none where none would."""

import numpy as np

from analysis.statistics.needed import NOTHING, needed
from analysis.statistics.power import no_difference
from analysis.statistics.roles import Design

SPREAD = {"replicates": 0.38, "photos": 1.74, "rest": 3.0, "search": 0.29}
EIGHT = Design(8, (2, 3), (0.2, 0.8))
SEEN_RP = np.zeros((3, 720))


def chance(num_folds: int, num_photos: int) -> float:
    return no_difference(
        SPREAD, num_folds=num_folds, looks=(2, 3), shares=(0.2, 0.8), photos_per_fold=num_photos // num_folds,
        margin=0.5, family_size=2,
    )  # fmt: skip


def test_folds_needed_are_the_first_that_decide_on_as_many_photos() -> None:
    found = needed(SEEN_RP, SPREAD, EIGHT, 0.5, 2)
    assert found["folds_needed"] > 8 and found["replicates_needed"] is None
    assert chance(found["folds_needed"] - 1, 720) < 0.8 <= chance(found["folds_needed"], 720)


def test_photos_are_named_only_where_photos_would_do() -> None:
    assert needed(SEEN_RP, SPREAD, EIGHT, 0.5, 2)["photos_needed"] is None  # the searches differ by too much
    photos = needed(SEEN_RP, SPREAD | {"search": 0.0}, EIGHT, 0.5, 6)["photos_needed"]
    assert 720 < photos < 2_000


def test_without_a_margin_nothing_is_asked_for() -> None:
    assert needed(SEEN_RP, SPREAD, EIGHT, None, 2) == NOTHING


def test_one_fold_asks_for_replicates_or_photos() -> None:
    d_RP = np.random.default_rng(1).normal(size=(6, 400)) + np.linspace(-1, 1, 6)[:, None]
    found = needed(d_RP, {}, Design(1, (6,), (1.0,)), 0.6, 2)
    assert found["replicates_needed"] > 6 and found["folds_needed"] is None
