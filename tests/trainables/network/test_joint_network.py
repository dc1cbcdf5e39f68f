"""joint_network.py: the paper's network, to the last parameter, and its departures."""

import pytest
import torch

from trainables.config import TrialConfig
from trainables.network.joint_network import JointNetwork, initialize


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("num_classes", "total"), [(20, 42_319_798), (120, 42_345_498), (205, 42_367_343)])
def test_the_paper_has_this_many_parameters(num_classes: int, total: int) -> None:
    with torch.device("meta"):
        network = JointNetwork(TrialConfig(), num_classes=num_classes, image_size=224)
    assert count(network) == total


def test_every_block_has_the_papers_parameters() -> None:
    with torch.device("meta"):
        network = JointNetwork(TrialConfig(), num_classes=20, image_size=224)
    global_parts = (network.global_convolutions, network.global_features, network.global_vector)
    assert count(network.low_level) == 2_290_176
    assert count(network.mid_level) == 3_541_248
    assert sum(count(part) for part in global_parts) == 35_794_176
    assert count(network.fusion) == 131_840
    assert count(network.color) == 425_378
    assert count(network.class_head) == 136_980


def test_average_pooling_shrinks_the_network_to_17_million_parameters() -> None:
    with torch.device("meta"):
        network = JointNetwork(TrialConfig(pooling="average"), num_classes=20, image_size=224)
    assert round(count(network) / 1e6, 1) == 17.2


DEPARTURES = [
    {},
    {"pooling": "average"},
    {"global_size": 64},
    {"extra_convolutions": 2},
    {"extra_convolutions": 2, "residual": True},
    {"dropout": 0.5},
    {"fusion": False},
    {"stop_class_gradient": "low_level"},
    {"stop_class_gradient": "head"},
    {"stop_color_gradient": "global"},
]


@pytest.mark.parametrize("fields", DEPARTURES, ids=str)
def test_every_departure_colours_at_full_size_and_names(fields: dict[str, object]) -> None:
    network = JointNetwork(TrialConfig.from_dict({"width": 0.125, **fields}), num_classes=5, image_size=32)
    prediction = network(torch.rand(3, 1, 32, 32))
    assert prediction.ab_B2HW.shape == (3, 2, 32, 32)
    assert prediction.logits_BC.shape == (3, 5)
    assert prediction.ab_B2HW.min() > 0 and prediction.ab_B2HW.max() < 1


@pytest.mark.parametrize("fields", [{}, {"global_size": 64}, {"stop_class_gradient": "head"}], ids=str)
def test_naming_alone_gives_the_same_logits_and_runs_no_layer_of_colouring(fields: dict[str, object]) -> None:
    network = JointNetwork(TrialConfig.from_dict({"width": 0.125, **fields}), num_classes=5, image_size=32).eval()
    lightness = torch.rand(3, 1, 32, 32)
    expected = network(lightness).logits_BC
    for part in (network.mid_level, network.global_vector, network.fusion, network.color):
        part.forward = pytest.fail
    assert torch.equal(network.name(lightness), expected)


def test_extra_convolutions_and_skips_are_separate_factors() -> None:
    plain = JointNetwork(TrialConfig(width=0.125, extra_convolutions=1), num_classes=5, image_size=32)
    skips = JointNetwork(TrialConfig(width=0.125, extra_convolutions=1, residual=True), num_classes=5, image_size=32)
    assert count(plain) == count(skips)
    skips.load_state_dict(plain.state_dict())
    lightness = torch.rand(2, 1, 32, 32)
    assert not torch.equal(plain.eval()(lightness).ab_B2HW, skips.eval()(lightness).ab_B2HW)


def test_the_global_vector_reaches_the_colours_only_through_fusion() -> None:
    lightness = torch.rand(4, 1, 32, 32)
    for fusion in (True, False):
        network = JointNetwork(TrialConfig(width=0.125, fusion=fusion), num_classes=5, image_size=32).eval()
        before = network(lightness).ab_B2HW
        with torch.no_grad():
            network.global_vector[1].bias += 1.0
        assert torch.equal(before, network(lightness).ab_B2HW) is not fusion


def test_arms_share_the_initial_weights_of_the_layers_they_share() -> None:
    fused = JointNetwork(TrialConfig(width=0.125), num_classes=5, image_size=32)
    alone = JointNetwork(TrialConfig(width=0.125, fusion=False, extra_convolutions=1), num_classes=5, image_size=32)
    initialize(fused, 7)
    initialize(alone, 7)
    theirs = alone.state_dict()
    common = {
        name for name, value in fused.state_dict().items() if name in theirs and theirs[name].shape == value.shape
    }
    # Fusion itself has fewer inputs without the global vector.
    common -= {name for name in common if name.startswith("fusion.")}
    assert any(name.startswith("color.") for name in common) and any(name.startswith("class_head.") for name in common)
    assert all(torch.equal(fused.state_dict()[name], theirs[name]) for name in common)
    initialize(alone, 8)
    assert not torch.equal(alone.class_head[1].weight, fused.class_head[1].weight)
