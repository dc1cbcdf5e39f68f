"""convolution.py: the same gradient whenever it is asked for, in every layer of the network.

On a CPU without bfloat16 instructions the search runs as well, over torch's own emulation; there it says nothing of the
flaw that is avoided. TINTUNE_SEARCH=full looks at all sizes and widths, 100 backward passes each.
"""

import os
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from trainables.config import TrialConfig
from trainables.network.convolution import Conv2d
from trainables.network.joint_network import JointNetwork

FULL = os.environ.get("TINTUNE_SEARCH") == "full"
SIZES = (16, 24, 32, 48, 64, 96, 128) if FULL else (16, 32)
WIDTHS = (0.125, 0.25, 0.5, 1.0) if FULL else (0.125,)
NUM_PASSES = 100 if FULL else 10
NUM_PHOTOS = 8


def layers_and_inputs(width: float, image_size: int) -> Iterator[tuple[str, nn.Conv2d, torch.Size]]:
    """Every convolution of the network once for each shape that it and another layer before it have not had."""
    network = JointNetwork(TrialConfig(width=width, extra_convolutions=1), num_classes=4, image_size=image_size).eval()
    seen, found = set(), []

    def note(name: str, layer: nn.Conv2d, features: Tensor) -> None:
        shape = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, features.shape)
        if shape not in seen:
            seen.add(shape)
            found.append((name, layer, features.shape))

    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(lambda layer, inputs, name=name: note(name, layer, inputs[0]))
    with torch.no_grad():
        network(torch.rand(NUM_PHOTOS, 1, image_size, image_size))
    yield from found


def gradients(layer: nn.Conv2d, features_BCHW: Tensor, dtype: torch.dtype) -> list[Tensor]:
    features_BCHW = features_BCHW.clone().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        out_BCHW = layer(features_BCHW)
    toward = torch.randn(out_BCHW.shape, generator=torch.Generator().manual_seed(1)).to(out_BCHW.dtype)
    parameters = [parameter for parameter in layer.parameters() if parameter.requires_grad]
    return list(torch.autograd.grad(out_BCHW, [features_BCHW, *parameters], toward))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("image_size", SIZES)
def test_every_layer_gives_the_same_gradient_again_and_one_near_float32(image_size: int, width: float) -> None:
    wrong = []
    for name, layer, shape in layers_and_inputs(width, image_size):
        features_BCHW = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        features_BCHW = features_BCHW.to(memory_format=torch.channels_last)
        layer.to(memory_format=torch.channels_last)
        first = gradients(layer, features_BCHW, torch.bfloat16)
        again = (gradients(layer, features_BCHW, torch.bfloat16) for _ in range(NUM_PASSES))
        if not all(all(map(torch.equal, first, other)) for other in again):
            wrong.append((name, tuple(shape), "differs from run to run"))
        exact = gradients(layer, features_BCHW, torch.float32)
        for rough, right in zip(first, exact, strict=True):
            if (rough - right).abs().max() > 0.1 * right.abs().max() + 0.01:
                wrong.append((name, tuple(shape), "is far from float32"))
    assert wrong == []


def test_maps_of_one_pixel_are_computed_in_float32_and_others_are_not() -> None:
    layer = Conv2d(4, 4, 3, stride=2, padding=1)
    for side, dtype in ((1, torch.float32), (2, torch.bfloat16)):
        features_BCHW = torch.rand(2, 4, side, side)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert layer(features_BCHW).dtype == dtype


@pytest.mark.parametrize(("image_size", "global_size", "sees"), [(16, None, True), (32, None, True), (40, None, False),
                                                                 (64, 32, True), (128, None, False)])  # fmt: skip
def test_the_network_knows_whether_it_has_maps_of_one_pixel(
    image_size: int, global_size: int | None, sees: bool
) -> None:
    network = JointNetwork(TrialConfig(width=0.125, global_size=global_size), num_classes=4, image_size=image_size)
    sides = []
    for layer in network.modules():
        if isinstance(layer, Conv2d):
            layer.register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[-1]))
    network.eval()(torch.rand(2, 1, image_size, image_size))
    assert network.sees_single_pixels(image_size) == (min(sides) == 1) == sees
