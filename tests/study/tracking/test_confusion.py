"""confusion.py, model_card.py and the names of runs: numbers worked out by hand."""

import io
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy import stats

from study.results.model_card import interval
from study.search.selection import make_entry
from study.tracking.confusion import DARK, confusion_counts, draw_confusion
from study.tracking.view import run_name
from tests.study.analytic import analytic_study


def test_confusion_counts_what_photos_show_by_row_and_what_was_said_by_column(tmp_path: Path) -> None:
    rows = {"category": ["a", "a", "a", "b"], "predicted": ["a", "b", "b", "b"], "delta_e": [1.0, 2.0, 3.0, 4.0]}
    pq.write_table(pa.table(rows), tmp_path / "photos.parquet")
    assert confusion_counts(tmp_path / "photos.parquet", ["a", "b", "c"]) == [[1, 2, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("num_classes", [2, 20, 120])
def test_the_picture_of_a_perfect_network_is_dark_on_the_diagonal_alone(num_classes: int) -> None:
    names = [f"class {number}" for number in range(num_classes)]
    diagonal = draw_confusion(np.eye(num_classes, dtype=int).tolist(), names)
    nothing = draw_confusion(np.zeros((num_classes, num_classes), dtype=int).tolist(), names)
    pixels_HW3, empty_HW3 = (np.asarray(Image.open(io.BytesIO(content))) for content in (diagonal, nothing))
    dark_HW = (pixels_HW3 == DARK).all(axis=2)
    assert not (empty_HW3 == DARK).all(axis=2).any()
    rows, columns = np.nonzero(dark_HW)
    cell = 30 if num_classes <= 40 else 12
    top, left = rows.min() // 1, columns.min()
    assert ((rows - top) // cell == (columns - left) // cell).all()
    assert len(set((rows - top) // cell)) == num_classes


def test_shares_get_wilsons_interval_and_numbers_a_normal_one() -> None:
    shares = [1.0] * 7 + [0.0] * 3
    expected = stats.binomtest(7, 10).proportion_ci(method="wilson")
    assert interval(shares, is_share=True) == pytest.approx((0.7, expected.low, expected.high))
    mean, low, high = interval([1.0, 2.0, 3.0, 4.0], is_share=False)
    half = 1.959964 * math.sqrt(5 / 3 / 4)
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - half, 2.5 + half), abs=1e-6)


def test_run_names_sort_as_numbers_do() -> None:
    study = analytic_study()
    names = [
        run_name(make_entry(study, "color_only", {"learning_rate": 0.01}, phase="search", number=n, replicate=0))
        for n in (2, 10, 900, 2000)
    ]
    assert names == sorted(names)
