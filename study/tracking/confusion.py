"""The confusion matrix of a confirmed network as a picture: what photos show, and what the network said."""

import io
from collections import Counter
from collections.abc import Sequence

from study.storage.files import read_table
from study.storage.path import StoragePath

MAX_COUNTED = 40
"""Classes up to which the cells hold numbers."""


def confusion_counts(photos: StoragePath, class_names: Sequence[str]) -> list[list[int]]:
    """How many photos of each class (row) were taken for which (column), from a trial's photos.parquet."""
    table = read_table(photos)
    pairs = Counter(zip(table["category"].to_pylist(), table["predicted"].to_pylist(), strict=True))
    return [[pairs[true, said] for said in class_names] for true in class_names]


def draw_confusion(counts: Sequence[Sequence[int]], class_names: Sequence[str]) -> bytes:
    """A PNG: one cell per pair of classes."""
    # Loaded by the one process that draws; a Figure of its own leaves pyplot, and so a person's backend, alone.
    import numpy as np
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    counts_CC = np.array(counts)
    shares_CC = counts_CC / np.maximum(1, counts_CC.sum(axis=1, keepdims=True))
    side = 2 + len(class_names) * (0.3 if len(class_names) <= MAX_COUNTED else 0.12)
    figure = Figure(figsize=(side, side), layout="constrained")
    ...
