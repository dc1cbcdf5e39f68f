"""The confusion matrix of a confirmed network as a picture: what photos show, and what the network said."""

import io
from collections import Counter
from collections.abc import Sequence

import numpy as np

from study.storage.files import read_table
from study.storage.path import StoragePath


def confusion_counts(photos: StoragePath, class_names: Sequence[str]) -> list[list[int]]:
    """How many photos of each class (row) were taken for which (column), from a trial's photos.parquet."""
    table = read_table(photos)
    pairs = Counter(zip(table["category"].to_pylist(), table["predicted"].to_pylist(), strict=True))
    return [[pairs[true, said] for said in class_names] for true in class_names]


def draw_confusion(counts: Sequence[Sequence[int]], class_names: Sequence[str]) -> bytes:
    """A PNG: one cell per pair of classes, with numbers up to 40 classes."""
    # Loaded by the one process that draws. A figure of its own leaves pyplot's state and backend alone.
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    has_numbers = len(class_names) <= 40
    counts_CC = np.array(counts)
    shares_CC = counts_CC / np.maximum(1, counts_CC.sum(axis=1, keepdims=True))
    side_inches, font_points = len(class_names) * (0.3 if has_numbers else 0.12), 8 if has_numbers else 6
    axes = Figure(figsize=(side_inches, side_inches)).add_axes((0, 0, 1, 1))
    shown = ConfusionMatrixDisplay(shares_CC, display_labels=class_names).plot(
        ax=axes, cmap="Blues", colorbar=False, include_values=has_numbers, xticks_rotation="vertical",
        im_kw={"vmin": 0, "vmax": 1}, text_kw={"fontsize": font_points},
    )  # fmt: skip
    if has_numbers:
        for text, count in zip(shown.text_.flat, counts_CC.flat, strict=True):
            text.set_text(str(count or ""))
    axes.set_xlabel("what the network said", fontsize=font_points)
    axes.set_ylabel("what the photos show", fontsize=font_points)
    legend = f"shade: share of the row{'; numbers: test photos' if has_numbers else ''}"
    axes.set_title(legend, loc="left", fontsize=font_points)
    axes.tick_params(labelsize=font_points)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)  # a class may be called $1
    buffer = io.BytesIO()
    shown.figure_.savefig(buffer, format="png", dpi=100, bbox_inches="tight")
    return buffer.getvalue()
