"""data_colors.py: the constant colour, against a slow loop over scikit-image."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from trainables.data.images import Images
from trainables.data.splits import Cut
from trainables.evaluation.data_colors import constant_color


def test_the_constant_predictor_matches_a_slow_loop(orchard: Images) -> None:
    cut = Cut(train=np.arange(0, 40), val=np.arange(40, 50), test=np.arange(50, 64))
    lab = np.stack([rgb2lab(pixels / 255.0) for pixels in orchard.pixels_NHW3])
    mean_ab = lab[:50, ..., 1:].mean(axis=(0, 1, 2))
    painted = lab[50:].copy()
    painted[..., 1:] = mean_ab
    found = constant_color(orchard, cut, batch_size=7)
    assert found["delta_e"] == pytest.approx(deltaE_ciede2000(lab[50:], painted).mean(), abs=1e-3)
    assert found["color_mse"] == pytest.approx((((lab[50:] - painted)[..., 1:] / 200) ** 2).mean(), rel=1e-4)
