"""losses.py: which parameters each task reaches."""

import pytest
import torch

from trainables.config import TrialConfig
from trainables.network.joint_network import JointNetwork, Prediction
from trainables.network.losses import backward, task_losses


def gradients(fields: dict[str, object]) -> dict[str, torch.Tensor | None]:
    """Gradients by parameter after one backward pass on fixed weights and photos."""
    config = TrialConfig.from_dict({"width": 0.125, **fields})
    torch.manual_seed(0)
    network = JointNetwork(config, num_classes=5, image_size=32)
    prediction = network(torch.rand(4, 1, 32, 32))
    losses = task_losses(prediction, torch.rand(4, 2, 32, 32), torch.tensor([0, 1, 2, 3]))
    backward(network, config, *losses)
    return {name: parameter.grad for name, parameter in network.named_parameters()}


def reached(found: dict[str, torch.Tensor | None]) -> set[str]:
    """Blocks with a gradient that is not zero."""
    return {name.split(".")[0] for name, grad in found.items() if grad is not None and bool(grad.abs().max() > 0)}


SHARED = {"low_level", "global_convolutions", "global_features"}
COLOR = {"mid_level", "global_vector", "fusion", "color"}


def test_losses_are_means() -> None:
    config = TrialConfig(width=0.125)
    network = JointNetwork(config, num_classes=5, image_size=32).eval()
    with torch.no_grad():
        prediction = network(torch.rand(2, 1, 32, 32))
    target, labels = torch.rand(2, 2, 32, 32), torch.tensor([1, 4])
    color_loss, class_loss = task_losses(prediction, target, labels)
    by_hand = [torch.log_softmax(prediction.logits_BC[i], 0)[label] for i, label in enumerate(labels)]
    assert float(color_loss) == pytest.approx(float(((prediction.ab_B2HW - target) ** 2).sum() / (2 * 2 * 32 * 32)))
    assert float(class_loss) == pytest.approx(-float(sum(by_hand)) / 2)


def test_joint_training_reaches_everything() -> None:
    assert reached(gradients({})) == SHARED | COLOR | {"class_head"}


def test_colour_alone_gives_the_class_head_exactly_no_gradient() -> None:
    found = gradients({"class_loss_weight": 0})
    assert reached(found) == SHARED | COLOR
    for name, grad in found.items():
        if name.startswith("class_head."):
            assert grad is None or not grad.any()


def test_naming_alone_gives_the_colour_branch_exactly_no_gradient() -> None:
    assert reached(gradients({"color_loss_weight": 0, "class_loss_weight": 1})) == SHARED | {"class_head"}


def test_colour_alone_and_joint_have_the_same_parameters() -> None:
    both = [JointNetwork(TrialConfig(class_loss_weight=w), num_classes=20, image_size=32) for w in (0.0, 0.01)]
    shapes = [{name: tuple(value.shape) for name, value in network.state_dict().items()} for network in both]
    assert shapes[0] == shapes[1]


def test_a_probe_trains_its_head_alone() -> None:
    probe = {"stop_class_gradient": "head", "color_loss_weight": 0, "class_loss_weight": 1}
    assert reached(gradients(probe)) == {"class_head"}


def test_a_class_loss_stopped_at_low_level_still_trains_the_global_block() -> None:
    stopped = {"stop_class_gradient": "low_level", "color_loss_weight": 0, "class_loss_weight": 1}
    assert reached(gradients(stopped)) == {"global_convolutions", "global_features", "class_head"}


def test_a_class_loss_stopped_at_low_level_leaves_the_colour_gradient_there_whole() -> None:
    stopped = gradients({"stop_class_gradient": "low_level", "class_loss_weight": 0.5})
    color_only = gradients({"class_loss_weight": 0})
    joint = gradients({"class_loss_weight": 0.5})
    for name in stopped:
        expected = color_only if name.startswith("low_level.") else joint
        if expected[name] is not None:
            torch.testing.assert_close(stopped[name], expected[name], rtol=1e-3, atol=1e-5)


def test_a_colour_loss_stopped_at_the_global_block_trains_only_what_naming_does_not() -> None:
    stopped = gradients({"stop_color_gradient": "global", "class_loss_weight": 0})
    assert reached(stopped) == {"low_level", "mid_level", "global_vector", "fusion", "color"}


def test_an_infinite_loss_of_an_untrained_task_spoils_nothing() -> None:
    config = TrialConfig(width=0.125, class_loss_weight=0)
    network = JointNetwork(config, num_classes=5, image_size=32)
    prediction = network(torch.rand(2, 1, 32, 32))
    color_loss, class_loss = task_losses(prediction, torch.rand(2, 2, 32, 32), torch.tensor([0, 1]))
    backward(network, config, color_loss, class_loss * torch.inf)
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in network.parameters())


def test_the_colour_error_is_the_mean_over_colorful_photos() -> None:
    generator = torch.Generator().manual_seed(0)
    ab, truth = torch.rand(4, 2, 8, 8, generator=generator), torch.rand(4, 2, 8, 8, generator=generator)
    labels, logits = torch.tensor([0, 1, 2, 0]), torch.rand(4, 3, generator=generator)
    colorful = torch.tensor([True, False, True, False])
    color, naming = task_losses(Prediction(ab, logits), truth, labels, colorful)
    by_hand = (((ab[0] - truth[0]) ** 2).mean() + ((ab[2] - truth[2]) ** 2).mean()) / 2
    assert torch.isclose(color, by_hand)
    whole_color, whole_naming = task_losses(Prediction(ab, logits), truth, labels)
    assert torch.equal(naming, whole_naming) and not torch.isclose(color, whole_color)
    everyone, nobody = torch.ones(4, dtype=torch.bool), torch.zeros(4, dtype=torch.bool)
    assert torch.isclose(task_losses(Prediction(ab, logits), truth, labels, everyone)[0], whole_color)
    assert task_losses(Prediction(ab, logits), truth, labels, nobody)[0] == 0
