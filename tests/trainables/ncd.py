"""A few real photos for tests that compare with a reference."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor


def ncd_folder() -> Path:
    """The photos' class folders; skips the test where they are not."""
    root = os.environ.get("TINTUNE_DATA")
    if root is None:
        pytest.skip("TINTUNE_DATA does not name a folder with ncd/ColorfulOriginal")
    return Path(root, "ncd", "ColorfulOriginal")


def ncd_photos() -> Tensor:
    """Seven photos of the Natural-Color Dataset, 128 px, RGB in [0, 1], B3HW; skips the test where they are not."""
    files = sorted(ncd_folder().glob("*/*.jpg"))[::110]
    photos = [np.asarray(Image.open(file).convert("RGB").resize((128, 128))) for file in files]
    return torch.from_numpy(np.stack(photos)).movedim(-1, 1).contiguous() / 255
