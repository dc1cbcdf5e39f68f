"""confusion.py: counts worked out by hand, and cells found again in the picture."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy import ndimage

from study.tracking.confusion import confusion_counts, draw_confusion

DARK = (8, 48, 107)
"""Of a cell that holds its whole row."""


def test_confusion_counts_what_photos_show_by_row_and_what_was_said_by_column(tmp_path: Path) -> None:
    rows = {"category": ["a", "a", "a", "b"], "predicted": ["a", "b", "b", "b"], "delta_e": [1.0, 2.0, 3.0, 4.0]}
    pq.write_table(pa.table(rows), tmp_path / "photos.parquet")
    assert confusion_counts(tmp_path / "photos.parquet", ["a", "b", "c"]) == [[1, 2, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("num_classes", [2, 20, 120])
def test_the_picture_of_a_perfect_network_is_dark_on_the_diagonal_alone(num_classes: int) -> None:
    names = [f"class {number}" for number in range(num_classes)]
    diagonal = draw_confusion((7 * np.eye(num_classes, dtype=int)).tolist(), names)
    nothing = draw_confusion(np.zeros((num_classes, num_classes), dtype=int).tolist(), names)
    pixels_HW3, empty_HW3 = (
        np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for content in (diagonal, nothing)
    )
    assert not (empty_HW3 == DARK).all(axis=2).any()
    cells_HW, num_cells = ndimage.label((pixels_HW3 == DARK).all(axis=2))
    corners_N2 = np.array([[one.start for one in place] for place in ndimage.find_objects(cells_HW)])
    cell = 30 if num_classes <= 40 else 12
    assert num_cells == num_classes
    np.testing.assert_allclose(corners_N2 - corners_N2[0], cell * np.arange(num_classes)[:, None].repeat(2, 1), atol=2)


def test_rows_are_what_photos_show_and_names_are_no_formulas() -> None:
    content = draw_confusion([[0, 5, 0], [0, 0, 0], [0, 0, 0]], ["$\\frac", "$1$", "x^2_$"])
    dark_HW = (np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) == DARK).all(axis=2)
    blue_HW = (np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) == (247, 251, 255)).all(axis=2)
    (top, left), (cells_top, cells_left) = (
        [np.nonzero(one_HW.any(axis=axis))[0].min() for axis in (1, 0)] for one_HW in (dark_HW, blue_HW)
    )
    assert abs(top - cells_top) <= 2 and abs(left - cells_left - 30) <= 2


def test_drawing_chooses_no_backend_for_anyone() -> None:
    code = (
        "import matplotlib; from study.tracking.confusion import draw_confusion; draw_confusion([[1]], ['a']);"
        "assert matplotlib.rcParams._get_backend_or_none() is None; from matplotlib import pyplot;"
        "assert pyplot.get_fignums() == []"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
