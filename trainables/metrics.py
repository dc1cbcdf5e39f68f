"""What is measured on a photo: name, unit and better direction of every metric, without importing torch.

`evaluation/photo_metrics.py` computes them. A full name adds the part of the data: "val/delta_e", "test/top1".
"""

from dataclasses import dataclass
from typing import Literal

MEASURED_PARTS = ("val", "test")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number per photo, and how to read it."""

    name: str
    """Key in `METRICS`, without the part of the data."""
    label: str
    """What a figure or a table calls it."""
    unit: str
    """Unit of one value; empty where the value has none."""
    better: Literal["min", "max", "none"]
    """Direction in which the metric improves; "none" describes, and is no objective."""
    task: Literal["color", "class", "none"]
    """Task whose prediction is measured."""
    parts: tuple[str, ...] = MEASURED_PARTS
    """Parts of the data on which it is measured."""
    of_all: bool = True
    """Whether every photo has a value; else a photo that cannot be judged has NaN, and a mean leaves it out."""


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(name="color_mse", label="Color error", unit="(ab/200+0.5)^2", better="min", task="color"),
        Metric(name="delta_e", label="Color difference", unit="CIEDE2000", better="min", task="color"),
        Metric(
            name="delta_e_inside", label="Color difference inside the object", unit="CIEDE2000", better="min",
            task="color", of_all=False,
        ),
        Metric(
            name="delta_e_outside", label="Color difference outside the object", unit="CIEDE2000", better="min",
            task="color", of_all=False,
        ),
        Metric(name="psnr", label="PSNR", unit="dB", better="max", task="color"),
        Metric(name="ssim", label="SSIM", unit="", better="max", task="color"),
        Metric(name="colorfulness", label="Colorfulness", unit="", better="none", task="color"),
        Metric(
            name="chroma_ratio", label="Chroma over true chroma", unit="", better="none", task="color", of_all=False
        ),
        Metric(name="top1", label="Top-1 accuracy", unit="share", better="max", task="class"),
        Metric(name="top5", label="Top-5 accuracy", unit="share", better="max", task="class"),
        Metric(name="p_true", label="Probability of the true class", unit="share", better="max", task="class"),
        Metric(name="class_loss", label="Cross-entropy", unit="nats", better="min", task="class"),
        Metric(
            name="class_use", label="Use of the class for color", unit="CIEDE2000", better="max", task="color",
            parts=("test",), of_all=False,
        ),
    )
}  # fmt: skip
"""All but `color_mse` of the metrics of colour judge what a screen shows of the prediction; see `color/recolor.py`."""


def metric_of(full_name: str) -> Metric:
    """The metric behind a full name such as "val/delta_e".

    Raises `ValueError` unless the name is a part of the data, a slash and a key of `METRICS` measured there.
    """
    part, _, name = full_name.partition("/")
    if name in METRICS and part in MEASURED_PARTS and part not in METRICS[name].parts:
        raise ValueError(f"{name} is measured on {' and '.join(METRICS[name].parts)} alone, but got {full_name!r}.")
    if part not in MEASURED_PARTS or name not in METRICS:
        raise ValueError(
            f"Unknown metric {full_name!r}. Known: one of {list(MEASURED_PARTS)}, a slash and one of {sorted(METRICS)}."
        )
    return METRICS[name]
