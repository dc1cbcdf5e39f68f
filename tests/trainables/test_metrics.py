"""The table of metrics and its full names."""

import subprocess
import sys

import pytest

from trainables.metrics import METRICS, metric_of


def test_metrics_are_found_by_their_own_name() -> None:
    colors = [
        "color_mse",
        "delta_e",
        "delta_e_inside",
        "delta_e_outside",
        "psnr",
        "ssim",
        "colorfulness",
        "chroma_ratio",
    ]
    assert list(METRICS) == [*colors, "top1", "top5", "p_true", "class_loss", "class_use"]
    assert all(metric.name == name for name, metric in METRICS.items())


def test_errors_fall_and_similarities_rise() -> None:
    falling = {name for name, metric in METRICS.items() if metric.better == "min"}
    assert falling == {"color_mse", "delta_e", "delta_e_inside", "delta_e_outside", "class_loss"}
    describing = {name for name, metric in METRICS.items() if metric.better == "none"}
    assert describing == {"colorfulness", "chroma_ratio"}
    assert all(METRICS[name].better == "max" for name in METRICS.keys() - falling - describing)


def test_class_metrics_belong_to_the_class_task() -> None:
    named = {name for name, metric in METRICS.items() if metric.task == "class"}
    assert named == {"top1", "top5", "p_true", "class_loss"}


def test_what_takes_a_pool_of_donors_is_measured_on_the_pool_alone() -> None:
    assert {name for name, metric in METRICS.items() if metric.parts == ("test",)} == {"class_use"}
    assert metric_of("test/class_use") is METRICS["class_use"]
    with pytest.raises(ValueError, match="class_use is measured on test alone, but got 'val/class_use'"):
        metric_of("val/class_use")


def test_full_name_leads_to_its_metric() -> None:
    assert metric_of("val/delta_e") is METRICS["delta_e"]
    assert metric_of("test/top1") is METRICS["top1"]


@pytest.mark.parametrize("name", ["delta_e", "val/delta", "train/delta_e", "/delta_e", "val/", "val/test/top1", ""])
def test_unknown_full_name_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(ValueError, match=r"\['val', 'test'\].*'delta_e'.*'top5'") as caught:
        metric_of(name)
    assert repr(name) in str(caught.value)


def test_table_of_metrics_loads_without_torch() -> None:
    code = "import sys, trainables.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
