"""Convolutions that give the same bits whenever they are asked again.

On a CPU with bfloat16 instructions, torch (2.15) computes the weight gradient of a 3x3 convolution of stride 2 on maps
of one pixel differently from run to run: 14 different records of 30 trainings at 16 px; in float32 one. Which other
shapes share the flaw can be searched only on such a CPU, so all maps of one pixel are avoided there, whatever the
stride. Letters of shapes: B photos, C channels, H and W side in pixels.
"""

import torch
from torch import Tensor, nn


class Conv2d(nn.Conv2d):
    """torch's `Conv2d`; on a CPU, maps of a single pixel are computed in float32 whatever autocast says."""

    def forward(self, features_BCHW: Tensor) -> Tensor:
        reduced = features_BCHW.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        if not reduced or features_BCHW.shape[-2:] != (1, 1):
            return super().forward(features_BCHW)
        with torch.autocast("cpu", enabled=False):
            return super().forward(features_BCHW.float())
