"""The table of metrics and its full names."""

import subprocess
import sys

import pytest

from trainables.metrics import METRICS, metric_of


def test_metrics_are_found_by_their_own_name() -> None:
    assert list(METRICS) == ["color_mse", "delta_e", "psnr", "ssim", "top1", "top5", "class_loss"]
    assert all(metric.name == name for name, metric in METRICS.items())


def test_errors_fall_and_similarities_rise() -> None:
    falling = {name for name, metric in METRICS.items() if metric.better == "min"}
    assert falling == {"color_mse", "delta_e", "class_loss"}
    assert all(METRICS[name].better == "max" for name in METRICS.keys() - falling)


def test_class_metrics_belong_to_the_class_task() -> None:
    assert {name for name, metric in METRICS.items() if metric.task == "class"} == {"top1", "top5", "class_loss"}


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
