"""Batch norm of feature maps whose statistics hold for photos on white.

In channels-last memory on a CPU, torch (2.15) adds up all values of a channel one after the other in float32. On 64
photos with white backgrounds the output of the first layer is then 3e-3 standard deviations off, as much as bfloat16
rounds; torch's means, added up in pairs, are 1e-6 off. The drift grows with the number of values (4,096: 2e-5), so
small maps, and everything that is not float32 on a CPU, keep torch's own batch norm.
Letters of shapes: B photos, C channels, H and W side in pixels, R = B x H x W values of a channel.
"""

from typing import Any

import torch
from torch import Tensor, nn

FEW_VALUES = 4096
"""Of a channel: up to so many, torch's own sums are good enough and faster."""


class BatchNorm2d(nn.BatchNorm2d):
    """torch's `BatchNorm2d`, its parameters and its results, with accurate sums."""

    def forward(self, features_BCHW: Tensor) -> Tensor:
        if not (self.training and _sums_drift(features_BCHW)):
            return super().forward(features_BCHW)
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        normalized_BCHW, mean_C, variance_C = _Normalize.apply(features_BCHW, self.weight, self.bias, self.eps)
        num_values = features_BCHW.numel() // features_BCHW.shape[1]
        with torch.no_grad():
            self.running_mean.lerp_(mean_C, self.momentum)
            self.running_var.lerp_(variance_C * (num_values / (num_values - 1)), self.momentum)
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
        result_BCHW: Tensor = normalized_BCHW
        return result_BCHW


def _sums_drift(features_BCHW: Tensor) -> bool:
    return (
        features_BCHW.device.type == "cpu"
        and features_BCHW.dtype == torch.float32
        and features_BCHW.numel() > FEW_VALUES * features_BCHW.shape[1]
        and features_BCHW.is_contiguous(memory_format=torch.channels_last)
        and not torch.compiler.is_compiling()
    )


class _Normalize(torch.autograd.Function):
    """torch's own normalisation and gradient, around statistics that are handed to them."""

    @staticmethod
    def forward(
        ctx: Any, features_BCHW: Tensor, weight_C: Tensor, bias_C: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        rows_RC = features_BCHW.permute(0, 2, 3, 1).flatten(0, 2)
        mean_C = rows_RC.mean(dim=0)
        variance_C = (rows_RC - mean_C).square_().mean(dim=0)
        ctx.save_for_backward(features_BCHW, weight_C, mean_C, torch.rsqrt(variance_C + eps))
        ctx.mark_non_differentiable(mean_C, variance_C)
        ctx.eps = eps
        normalized_BCHW = torch.batch_norm(
            features_BCHW, weight_C, bias_C, mean_C, variance_C, training=False, momentum=0.0, eps=eps,
            cudnn_enabled=False,
        )  # fmt: skip
        return normalized_BCHW, mean_C, variance_C

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        features_BCHW, weight_C, mean_C, inverse_std_C = ctx.saved_tensors
        toward_features, toward_weight, toward_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], features_BCHW, weight_C, None, None, mean_C, inverse_std_C, True, ctx.eps, [True, True, True]
        )
        return toward_features, toward_weight, toward_bias, None
