"""batch_norm.py: torch's batch norm, in double precision, is the reference."""

import pytest
import torch
from torch import Tensor, nn

from trainables.network.batch_norm import BatchNorm2d


def photos_on_white(num_channels: int = 16) -> Tensor:
    """Feature maps that are nearly constant over most of their area, as a first layer's are; channels last."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(num_channels, generator=generator)[None, :, None, None].expand(64, -1, 32, 32).clone()
    features[:, :, 12:20, 12:20] += 0.5 * torch.randn(64, num_channels, 8, 8, generator=generator)
    return features.contiguous(memory_format=torch.channels_last)


def run(layer: nn.BatchNorm2d, features: Tensor) -> dict[str, Tensor]:
    features = features.clone().requires_grad_()
    out = layer(features)
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)).sum().backward()
    assert features.grad is not None and layer.weight.grad is not None and layer.bias.grad is not None
    assert layer.running_mean is not None and layer.running_var is not None
    return {
        "out": out.detach(), "gradient": features.grad, "weight": layer.weight.grad, "bias": layer.bias.grad,
        "mean": layer.running_mean, "variance": layer.running_var,
    }  # fmt: skip


def test_it_agrees_with_double_precision_where_torch_drifts() -> None:
    features = photos_on_white()
    exact = run(nn.BatchNorm2d(16).double(), features.double())
    ours, stock = run(BatchNorm2d(16), features), run(nn.BatchNorm2d(16), features)
    for name, expected in exact.items():
        scale = float(expected.abs().max())
        assert torch.allclose(ours[name].double(), expected, atol=1e-4 * scale, rtol=0), name
    drift = float((stock["out"].double() - exact["out"]).abs().max() / exact["out"].std())
    left = float((ours["out"].double() - exact["out"]).abs().max() / exact["out"].std())
    assert left < 2e-5 and drift > 10 * left


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_evaluation_and_state_are_those_of_torch(memory_format: torch.memory_format) -> None:
    features = photos_on_white().contiguous(memory_format=memory_format)
    ours, stock = BatchNorm2d(16), nn.BatchNorm2d(16)
    for _ in range(3):
        ours(features)
        stock(features)
    assert ours.state_dict().keys() == stock.state_dict().keys()
    assert int(ours.state_dict()["num_batches_tracked"]) == 3
    stock.load_state_dict(ours.state_dict())
    assert torch.equal(ours.eval()(features), stock.eval()(features))
