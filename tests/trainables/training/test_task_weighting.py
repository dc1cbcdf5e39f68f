"""task_weighting.py: every method against gradients worked out by hand, and as a training like any other."""

import dataclasses
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainables.training.test_training_step import LARGER, SMALL, train
from trainables.config import CHOICES, DataConfig, TrialConfig
from trainables.data.images import Images
from trainables.data.trial_data import TrialData, trial_data
from trainables.network.joint_network import JointNetwork
from trainables.network.losses import backward, shared_parameters, task_losses
from trainables.records import NotFiniteError
from trainables.training.compute_speed import training_flops_per_photo
from trainables.training.epochs import run_epochs
from trainables.training.task_weighting import TASK_WEIGHTINGS, Uncertainty, project

STOPS: list[dict[str, Any]] = [
    {},
    {"stop_class_gradient": "low_level"},
    {"stop_class_gradient": "head"},
    {"stop_color_gradient": "global"},
    {"stop_class_gradient": "low_level", "stop_color_gradient": "global"},
    {"fusion": False},
    {"fusion": False, "stop_class_gradient": "low_level"},
]
"""Every way to keep a loss from a block."""


@pytest.fixture
def data(orchard: Images) -> TrialData:
    return trial_data(orchard, DataConfig(image_size=32), replicate=0, with_test=True)


def losses(config: TrialConfig, seed: int = 0) -> tuple[JointNetwork, torch.Tensor, torch.Tensor]:
    """A network and its two losses on photos of a seed, the same at every call."""
    torch.manual_seed(seed)
    network = JointNetwork(config, num_classes=5, image_size=32)
    prediction = network(torch.rand(4, 1, 32, 32))
    return network, *task_losses(prediction, torch.rand(4, 2, 32, 32), torch.tensor([0, 1, 2, 3]))


def gradients(config: TrialConfig, method: str, seed: int = 0) -> dict[str, torch.Tensor]:
    network, color_loss, class_loss = losses(config, seed)
    TASK_WEIGHTINGS[method](config).backward(network, color_loss, class_loss)
    return {name: one.grad for name, one in network.named_parameters() if one.grad is not None}


def one_task(config: TrialConfig, task: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """The weighted gradient of one task alone, from the sum of losses with the other weight at 0."""
    changes: dict[str, Any] = {"class_loss_weight": 0.0, "stop_class_gradient": "none"}
    if task == "class":
        changes = {"color_loss_weight": 0.0, "stop_color_gradient": "none"}
    network, color_loss, class_loss = losses(config, seed)
    backward(network, dataclasses.replace(config, **changes), color_loss, class_loss)
    return {name: one.grad for name, one in network.named_parameters() if one.grad is not None}


def test_a_study_may_name_every_method_and_no_other() -> None:
    assert set(CHOICES["task_weighting"]) == set(TASK_WEIGHTINGS)


@pytest.mark.parametrize("stops", STOPS, ids=str)
def test_the_shared_blocks_are_those_that_both_losses_reach(stops: dict[str, Any]) -> None:
    config = TrialConfig(width=0.125, class_loss_weight=0.5, **stops)
    network, *_ = losses(config)
    names = {id(one): name for name, one in network.named_parameters()}
    both = {task: {name for name, one in one_task(config, task).items() if one.any()} for task in ("color", "class")}
    # A convolution's bias before batch norm has no effect, so its gradient is rounding, or nothing.
    reached = {name.split(".")[0] for name in both["color"] & both["class"]}
    assert {names[id(one)].split(".")[0] for one in shared_parameters(network, config)} == reached
    assert set(config.shared_blocks) == reached


def test_two_vectors_in_a_plane_are_projected_as_drawn_on_paper() -> None:
    # (1, 0) and (-1, 1): product -1. Without its part along the other, (1, 0) is (1/2, 1/2) and (-1, 1) is (0, 1).
    (whole,) = project([torch.tensor([1.0, 0.0])], [torch.tensor([-1.0, 1.0])])
    assert whole.tolist() == [0.5, 1.5]
    # Cut into parts, the same vectors.
    parts = project([torch.tensor([1.0]), torch.tensor([[0.0]])], [torch.tensor([-1.0]), torch.tensor([[1.0]])])
    assert [part.item() for part in parts] == [0.5, 1.5]
    # Those that agree, or stand upright on each other, are left alone; so is a gradient of 0.
    assert project([torch.tensor([1.0, 2.0])], [torch.tensor([3.0, 1.0])])[0].tolist() == [4.0, 3.0]
    assert project([torch.tensor([1.0, 0.0])], [torch.tensor([0.0, 2.0])])[0].tolist() == [1.0, 2.0]
    assert project([torch.zeros(2)], [torch.tensor([-1.0, 1.0])])[0].tolist() == [-1.0, 1.0]
    # Straight against each other, nothing is left.
    assert project([torch.tensor([3.0, 0.0])], [torch.tensor([-1.0, 0.0])])[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("stops", [{}, {"stop_class_gradient": "low_level"}, {"fusion": False}], ids=str)
@pytest.mark.parametrize(("seed", "opposing"), [(0, True), (1, False)])
def test_pcgrad_agrees_with_a_slow_loop_over_every_number(stops: dict[str, Any], seed: int, opposing: bool) -> None:
    config = TrialConfig(width=0.125, class_loss_weight=0.5, **stops)
    color, naming = one_task(config, "color", seed), one_task(config, "class", seed)
    shared = [name for name in color if name.split(".")[0] in config.shared_blocks]
    flat = {task: np.concatenate([found[name].double().flatten().numpy() for name in shared])
            for task, found in (("color", color), ("class", naming))}  # fmt: skip
    expected = np.zeros_like(flat["color"])
    for task, other in (("color", "class"), ("class", "color")):
        product = sum(float(a) * float(b) for a, b in zip(flat[task], flat[other], strict=True))
        assert (product < 0) == opposing
        length = sum(float(b) ** 2 for b in flat[other])
        expected += flat[task] - (product / length * flat[other] if product < 0 else 0)
    found = gradients(dataclasses.replace(config, task_weighting="pcgrad"), "pcgrad", seed)
    ours = np.concatenate([found[name].double().flatten().numpy() for name in shared])
    scale = np.abs(expected).max()
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5 * scale)
    for name, one in found.items():
        if name not in shared:
            torch.testing.assert_close(
                one, color.get(name, 0) + naming.get(name, torch.zeros(())), rtol=1e-4, atol=1e-6
            )


def kendall(config: TrialConfig, log_variances: torch.Tensor, color_loss: float, class_loss: float) -> torch.Tensor:
    """Equations 7 and 10 as the paper prints them, with sigma^2 = exp(s)."""
    sigma_color, sigma_class = torch.exp(log_variances[0] / 2), torch.exp(log_variances[1] / 2)
    return (
        color_loss / (2 * sigma_color**2)
        + class_loss / sigma_class**2
        + torch.log(sigma_color)
        + torch.log(sigma_class)
    )


@pytest.mark.parametrize("stops", [{}, {"stop_class_gradient": "low_level"}], ids=str)
def test_uncertainty_has_the_gradients_of_the_papers_equations(stops: dict[str, Any]) -> None:
    config = TrialConfig(width=0.125, class_loss_weight=0.02, task_weighting="uncertainty", **stops)
    weighting, moved = Uncertainty(config), torch.tensor([-1.25, 0.5])
    with torch.no_grad():
        weighting.moved_2.copy_(moved)
    network, color_loss, class_loss = losses(config)
    start = torch.tensor([-math.log(2 * config.color_loss_weight), -math.log(config.class_loss_weight)])
    log_variances = (start + moved).requires_grad_()
    kendall(config, log_variances, float(color_loss.detach()), float(class_loss.detach())).backward()
    weighting.backward(network, color_loss, class_loss)
    torch.testing.assert_close(weighting.moved_2.grad, log_variances.grad)
    # The network follows 1/(2 sigma^2) and 1/sigma^2.
    weights = (0.5 * math.exp(1.25 + math.log(2)), math.exp(-0.5 + math.log(0.02)))
    assert weighting.weights() == pytest.approx(weights)
    plain = dataclasses.replace(
        config, task_weighting="fixed", color_loss_weight=weights[0], class_loss_weight=weights[1]
    )
    expected = gradients(plain, "fixed")
    for name, parameter in network.named_parameters():
        if name in expected:
            torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-4, atol=1e-6)


def test_a_learned_weight_rests_where_weight_times_loss_is_one_half() -> None:
    config = TrialConfig(class_loss_weight=0.02, task_weighting="uncertainty")
    weighting = Uncertainty(config)
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.5)
    color_loss, class_loss = torch.tensor(0.02, requires_grad=True), torch.tensor(1.6, requires_grad=True)
    network = JointNetwork(TrialConfig(width=0.125), num_classes=2, image_size=32)
    for _ in range(200):
        optimizer.zero_grad()
        weighting.backward(network, color_loss, class_loss)
        optimizer.step()
    assert weighting.weights() == pytest.approx((0.5 / 0.02, 0.5 / 1.6), rel=1e-4)


def test_uncertainty_starts_as_fixed_to_the_bit() -> None:
    config = TrialConfig(width=0.125, class_loss_weight=0.02)
    fixed, learned = (gradients(dataclasses.replace(config, task_weighting=m), m) for m in ("fixed", "uncertainty"))
    assert all(torch.equal(learned[name], fixed[name]) for name in fixed)


@pytest.mark.parametrize("method", TASK_WEIGHTINGS)
def test_a_method_repeats_to_the_bit_and_continues_as_if_never_stopped(
    data: TrialData, tmp_path: Path, method: str
) -> None:
    for optimizer in ("adamw", "sgd"):
        config = dataclasses.replace(SMALL, task_weighting=method, optimizer=optimizer, epochs=3, diagnostics_every=2)
        whole = train(config, data)
        assert train(config, data) == whole
        checkpoint = tmp_path / f"{optimizer}.pt"
        list(itertools.islice(run_epochs(config, data, checkpoint), 1))
        assert train(config, data, checkpoint) == whole


@pytest.mark.parametrize("method", ["uncertainty", "pcgrad"])
def test_a_method_changes_the_training(data: TrialData, method: str) -> None:
    config = dataclasses.replace(SMALL, task_weighting=method)
    assert train(config, data)[-1]["val/delta_e"] != train(SMALL, data)[-1]["val/delta_e"]


def test_learned_weights_are_in_the_records_and_only_there(data: TrialData) -> None:
    config = dataclasses.replace(SMALL, task_weighting="uncertainty", weighting_learning_rate=0.05)
    first, last = train(config, data)
    for task in ("color", "class"):
        assert first[f"train/{task}_weight"] != last[f"train/{task}_weight"]
    # A mean colour error of about 0.01 asks for a weight of 50; it starts at 1.
    assert 1 < float(first["train/color_weight"]) < float(last["train/color_weight"])
    expected = sum(
        float(last[f"train/{task}_weight"]) * float(last[f"train/{task}_loss"]) for task in ("color", "class")
    )
    assert last["train/total_loss"] == pytest.approx(expected, rel=1e-12)
    assert not any(name.endswith("_weight") for name in train(SMALL, data)[0])


def test_weights_learn_at_their_own_rate_without_weight_decay(data: TrialData) -> None:
    slow, fast = (
        train(
            dataclasses.replace(SMALL, task_weighting="uncertainty", weighting_learning_rate=rate, weight_decay=decay),
            data,
        )[-1]
        for rate, decay in ((1e-12, 10.0), (0.1, 10.0))
    )
    assert slow["train/color_weight"] == pytest.approx(1)
    assert float(fast["train/color_weight"]) > 1.2


@pytest.mark.parametrize("method", ["uncertainty", "pcgrad"])
def test_a_method_trains_in_bfloat16(data: TrialData, method: str) -> None:
    exact = dataclasses.replace(SMALL, task_weighting=method, epochs=1)
    rough = train(dataclasses.replace(exact, precision="bfloat16"), data)[0]
    assert rough["train/color_loss"] == pytest.approx(train(exact, data)[0]["train/color_loss"], rel=0.05)


@pytest.mark.parametrize("method", ["uncertainty", "pcgrad"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"class_loss_weight": 0}, "but class_loss_weight is 0"),
        ({"color_loss_weight": 0, "class_loss_weight": 1}, "but color_loss_weight is 0"),
        ({"stop_class_gradient": "head"}, "but stop_class_gradient 'head' leaves none"),
        ({"stop_class_gradient": "low_level", "fusion": False}, "but stop_class_gradient 'low_level' leaves none"),
    ],
)
def test_without_two_tasks_in_one_layer_a_method_is_refused(method: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"task_weighting '{method}' weighs two tasks .*{message}"):
        TrialConfig.from_dict({"task_weighting": method, **fields})


def test_settings_of_another_method_are_refused() -> None:
    with pytest.raises(ValueError, match="weighting_learning_rate has no effect with task_weighting 'pcgrad'"):
        TrialConfig(task_weighting="pcgrad", weighting_learning_rate=0.1)
    with pytest.raises(ValueError, match="weighting_learning_rate must be above 0"):
        TrialConfig(task_weighting="uncertainty", weighting_learning_rate=0)


def test_a_learned_weight_that_is_not_finite_ends_the_trial(data: TrialData) -> None:
    config = dataclasses.replace(LARGER, batch_size=8, task_weighting="uncertainty", weighting_learning_rate=1e30)
    with pytest.raises(NotFiniteError, match=r"train/(color|class)_(weight|loss) is (nan|inf)"):
        train(config, data)


def test_pcgrad_is_counted_with_both_its_backward_passes() -> None:
    fixed, twice = (
        training_flops_per_photo(TrialConfig(width=0.125, task_weighting=m), num_classes=4, image_size=32)
        for m in ("fixed", "pcgrad")
    )
    assert fixed < twice < 5 / 3 * fixed
