"""gradient_diagnostics.py: hand-computed values, and a training that never knows it was looked at."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainables.training.test_training_step import SMALL, train
from trainables.config import DataConfig, TrialConfig
from trainables.data.batches import pixel_source
from trainables.data.images import Images
from trainables.data.trial_data import TrialData, trial_data
from trainables.network.joint_network import JointNetwork
from trainables.network.losses import task_losses
from trainables.optimizers import OPTIMIZERS
from trainables.records import DIAGNOSTICS, Record
from trainables.training.epochs import run_epochs
from trainables.training.gradient_diagnostics import FixedBatch, diagnose, fixed_batch
from trainables.training.task_weighting import TASK_WEIGHTINGS, Uncertainty

CONFIG = TrialConfig(
    width=0.125,
    class_loss_weight=0.5,
    dropout=0.0,
    optimizer="sgd",
    learning_rate=0.005,
    momentum=0.0,
    weight_decay=0.0,
)


@pytest.fixture
def data(orchard: Images) -> TrialData:
    return trial_data(orchard, DataConfig(image_size=32), replicate=0, with_test=True)


def batch_of(seed: int = 0) -> FixedBatch:
    generator = torch.Generator().manual_seed(seed)
    lab = torch.rand(6, 3, 32, 32, generator=generator) * 100
    return FixedBatch(lab_B3HW=lab, labels_B=torch.tensor([0, 1, 2, 0, 1, 2]), colorful_B=None, seed=7)


def network_of(config: TrialConfig) -> JointNetwork:
    torch.manual_seed(1)
    return JointNetwork(config, num_classes=3, image_size=32).train()


def by_hand(config: TrialConfig) -> dict[str, float]:
    """Each task's gradient from its own forward and backward pass, and plain gradient steps on named parameters."""
    batch = batch_of()

    def losses(network: JointNetwork) -> dict[str, torch.Tensor]:
        prediction = network(batch.lab_B3HW[:, :1] / 100)
        color, naming = task_losses(prediction, batch.lab_B3HW[:, 1:] / 200 + 0.5, batch.labels_B)
        return {"color": color, "class": naming}

    weights = {"color": config.color_loss_weight, "class": config.class_loss_weight}
    found: dict[str, dict[str, torch.Tensor]] = {}
    for task in weights:
        network = network_of(config)
        (weights[task] * losses(network)[task]).backward()
        found[task] = {
            name: one.grad
            for name, one in network.named_parameters()
            if name.split(".")[0] in ("low_level", "global_convolutions", "global_features") and one.grad is not None
        }
    flat = {task: torch.cat([one.double().flatten() for one in found[task].values()]) for task in weights}
    lengths = {task: float(one.norm()) for task, one in flat.items()}
    values = {
        "gradient_cosine": float(flat["color"] @ flat["class"]) / lengths["color"] / lengths["class"],
        "gradient_ratio": lengths["class"] / lengths["color"],
    }
    before = losses(network_of(config))
    for task in weights:
        network = network_of(config)
        with torch.no_grad():
            for name, one in network.named_parameters():
                if name in found[task]:
                    one -= config.optimizer_settings["learning_rate"] * found[task][name]
        after = losses(network)
        for other in weights:
            values[f"affinity_{task}_on_{other}"] = 1 - float(after[other].detach()) / float(before[other].detach())
    return {f"diagnostics/{name}": value for name, value in values.items()}


def test_diagnostics_are_those_of_plain_gradient_steps_worked_out_apart() -> None:
    network = network_of(CONFIG)
    optimizer = OPTIMIZERS["sgd"].build(network.parameters(), CONFIG.optimizer_settings)
    found = diagnose(network, optimizer, TASK_WEIGHTINGS["fixed"](CONFIG), torch.float32, batch_of())
    expected = by_hand(CONFIG)
    assert tuple(found) == DIAGNOSTICS and set(expected) == set(DIAGNOSTICS)
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value, rel=2e-3, abs=1e-5), name
    # Each task's own step helps it, or the learning rate would be far too high for this claim.
    assert float(found["diagnostics/affinity_color_on_color"]) > 0
    assert float(found["diagnostics/affinity_class_on_class"]) > 0


def test_learned_weights_count_in_ratio_and_step() -> None:
    config = dataclasses.replace(CONFIG, task_weighting="uncertainty")
    weighting = Uncertainty(config)
    with torch.no_grad():
        weighting.moved_2.copy_(torch.tensor([0.0, -math.log(3.0)]))
    network = network_of(config)
    optimizer = OPTIMIZERS["sgd"].build(network.parameters(), config.optimizer_settings)
    found = diagnose(network, optimizer, weighting, torch.float32, batch_of())
    expected = by_hand(dataclasses.replace(CONFIG, class_loss_weight=1.5))
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value, rel=2e-3, abs=1e-5), name


@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
def test_looking_leaves_network_optimizer_and_random_numbers_as_they_were(optimizer_name: str) -> None:
    config = TrialConfig(width=0.125, class_loss_weight=0.5, dropout=0.3, optimizer=optimizer_name)
    network = network_of(config)
    optimizer = OPTIMIZERS[optimizer_name].build(network.parameters(), config.optimizer_settings)
    prediction = network(torch.rand(4, 1, 32, 32))
    sum(task_losses(prediction, torch.rand(4, 2, 32, 32), torch.tensor([0, 1, 2, 0]))).backward()  # type: ignore[union-attr]
    optimizer.step()

    def everything() -> list[torch.Tensor]:
        states = [value for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value)]
        grads = [one.grad for one in network.parameters() if one.grad is not None]
        return [one.clone() for one in (*network.state_dict().values(), *states, *grads, torch.get_rng_state())]

    before = everything()
    once = diagnose(network, optimizer, TASK_WEIGHTINGS["fixed"](config), torch.float32, batch_of())
    after = everything()
    assert len(after) == len(before) and all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert diagnose(network, optimizer, TASK_WEIGHTINGS["fixed"](config), torch.float32, batch_of()) == once


def test_a_training_that_is_looked_at_gives_the_same_bits(data: TrialData) -> None:
    config = dataclasses.replace(SMALL, schedule="one_cycle")
    plain, watched = train(config, data), train(dataclasses.replace(config, diagnostics_every=1), data)
    assert [_without(record) for record in watched] == plain
    assert all(set(DIAGNOSTICS) <= set(record) for record in watched)


def _without(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in DIAGNOSTICS}


def test_it_is_measured_after_the_first_epoch_and_every_so_many_later(data: TrialData) -> None:
    records = list(run_epochs(dataclasses.replace(SMALL, epochs=5, diagnostics_every=2), data))
    assert [set(DIAGNOSTICS) <= set(record) for record in records] == [True, False, True, False, True]


@pytest.mark.parametrize(
    "alone", [{"class_loss_weight": 0.0}, {"color_loss_weight": 0.0}, {"stop_class_gradient": "head"}], ids=str
)
def test_where_no_layer_is_shared_nothing_is_measured_and_training_goes_on(
    data: TrialData, alone: dict[str, Any]
) -> None:
    config = dataclasses.replace(SMALL, epochs=1, diagnostics_every=1, **alone)
    (record,) = train(config, data)
    assert not set(DIAGNOSTICS) & set(record)


def test_a_gradient_of_nothing_leaves_out_what_it_cannot_say() -> None:
    network = network_of(CONFIG)
    optimizer = OPTIMIZERS["sgd"].build(network.parameters(), CONFIG.optimizer_settings)
    nobody = dataclasses.replace(batch_of(), colorful_B=torch.zeros(6, dtype=torch.bool))
    found = diagnose(network, optimizer, TASK_WEIGHTINGS["fixed"](CONFIG), torch.float32, nobody)
    assert set(found) == {"diagnostics/affinity_color_on_class", "diagnostics/affinity_class_on_class"}
    assert found["diagnostics/affinity_color_on_class"] == 0


def test_the_fixed_batch_is_the_replicates_own_and_the_same_each_time(orchard: Images, data: TrialData) -> None:
    labels = torch.from_numpy(np.array(orchard.labels_N))
    pixels = pixel_source(orchard.pixels_NHW3, torch.device("cpu"), 1.0)
    first, again = (fixed_batch(data, pixels, labels, None, 8) for _ in range(2))
    assert torch.equal(first.lab_B3HW, again.lab_B3HW) and torch.equal(first.labels_B, again.labels_B)
    other = trial_data(orchard, DataConfig(image_size=32), replicate=1, with_test=True)
    assert not torch.equal(fixed_batch(other, pixels, labels, None, 8).lab_B3HW, first.lab_B3HW)
