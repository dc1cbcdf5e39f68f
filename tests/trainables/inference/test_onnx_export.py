"""onnx_export.py: ONNX Runtime agrees with torch, on real photos, for any batch and size."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from tests.trainables.datasets.test_photo import colorful, encoded
from tests.trainables.inference.test_colorizer import CLASSES, trained
from trainables.inference.colorizer import Colorizer
from trainables.inference.onnx_export import INPUTS, export_onnx

pytestmark = pytest.mark.full


def contents() -> list[bytes]:
    """Real photos where TINTUNE_DATA names them, drawn ones of several shapes beside them."""
    root = Path(os.environ.get("TINTUNE_DATA", "nowhere"), "ncd", "ColorfulOriginal")
    real = [file.read_bytes() for file in sorted(root.glob("*/*.jpg"))[::180]]
    return real + [encoded(colorful(*size)) for size in ((64, 64), (200, 100), (90, 160))]


@pytest.mark.parametrize("settings", [{}, {"global_size": 64, "pooling": "average"}, {"fusion": False}])
def test_the_file_agrees_with_torch_within_a_thousandth(tmp_path: Path, settings: dict[str, object]) -> None:
    colorizer = Colorizer(trained(**settings), CLASSES, image_size=32)
    export_onnx(colorizer, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    properties = session.get_modelmeta().custom_metadata_map
    assert json.loads(properties["class_names"]) == list(CLASSES) and properties["image_size"] == "32"
    for content in contents():
        for num in (1, 3):
            inputs = colorizer.inputs([colorizer.view(content)] * num)
            given = dict(zip(INPUTS, (one.contiguous().numpy() for one in inputs), strict=True))
            with torch.inference_mode():
                expected = colorizer.network(*inputs)
            for ours, theirs in zip(expected, session.run(None, given), strict=True):
                assert ours.shape == theirs.shape and np.abs(ours.numpy() - theirs).max() < 1e-3
