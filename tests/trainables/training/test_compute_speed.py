"""compute_speed.py: counted operations against those known for the paper's network."""

import pytest
import torch
from torch import Tensor, nn

from trainables.config import TrialConfig
from trainables.network.joint_network import JointNetwork
from trainables.training.compute_speed import training_flops_per_photo


@pytest.mark.parametrize(("image_size", "giga_multiply_adds"), [(224, 8.6), (128, 2.8)])
def test_training_costs_three_forward_passes_of_the_paper(image_size: int, giga_multiply_adds: float) -> None:
    flops = training_flops_per_photo(TrialConfig(), num_classes=205, image_size=image_size)
    assert flops == pytest.approx(3 * 2 * giga_multiply_adds * 1e9, rel=0.01)


def test_the_count_agrees_with_one_by_hand() -> None:
    config = TrialConfig(width=0.25, extra_convolutions=1, residual=True)
    network = JointNetwork(config, num_classes=20, image_size=64)
    multiply_adds: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Tensor], out: Tensor) -> None:
        if isinstance(layer, nn.Conv2d):
            per_value = layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1]
        else:
            assert isinstance(layer, nn.Linear)
            per_value = layer.in_features
        multiply_adds.append(out.numel() * per_value)

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    network(torch.zeros(2, 1, 64, 64))
    # Forward, toward the weights, toward the input; the first layer's input is the photo, which needs no gradient.
    by_hand = (3 * sum(multiply_adds) - multiply_adds[0]) / 2
    assert training_flops_per_photo(config, num_classes=20, image_size=64) == 2 * by_hand


def test_a_task_that_is_not_trained_has_no_backward_pass() -> None:
    both = training_flops_per_photo(TrialConfig(), num_classes=20, image_size=64)
    class_only = TrialConfig(color_loss_weight=0, class_loss_weight=1)
    assert training_flops_per_photo(class_only, num_classes=20, image_size=64) < 0.8 * both
