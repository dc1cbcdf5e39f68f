"""optimizers.py: every optimizer learns and carries its settings; schedules by hand."""

import pytest
import torch

from trainables.config import TrialConfig
from trainables.optimizers import OPTIMIZERS, SCHEDULES, learning_rate_factor


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_lowers_a_simple_loss(name: str) -> None:
    weight = torch.nn.Parameter(torch.tensor([3.0]))
    optimizer = OPTIMIZERS[name].build([weight], TrialConfig(optimizer=name).optimizer_settings)
    for _ in range(50):
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
    assert abs(float(weight.detach())) < 3.0 - 1e-3


@pytest.mark.parametrize(
    ("name", "settings", "groups"),
    [
        ("sgd", {"momentum": 0.5}, {"momentum": 0.5, "nesterov": True}),
        ("sgd", {"momentum": 0.0}, {"momentum": 0.0, "nesterov": False}),
        ("adam", {"beta1": 0.8, "beta2": 0.99}, {"betas": (0.8, 0.99)}),
        ("adamw", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
        ("rmsprop", {"rho": 0.95, "momentum": 0.3}, {"alpha": 0.95, "momentum": 0.3}),
        ("adadelta", {"rho": 0.8, "learning_rate": 0.5}, {"rho": 0.8, "lr": 0.5}),
    ],
)
def test_settings_reach_the_optimizer(name: str, settings: dict[str, float], groups: dict[str, object]) -> None:
    config = TrialConfig.from_dict({"optimizer": name, **settings})
    optimizer = OPTIMIZERS[name].build([torch.nn.Parameter(torch.zeros(1))], config.optimizer_settings)
    assert {key: optimizer.param_groups[0][key] for key in groups} == groups


def test_warm_up_rises_linearly_and_never_starts_at_nothing() -> None:
    factors = [learning_rate_factor("constant", 0.4, step, 10) for step in range(6)]
    assert factors == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


def test_schedules_by_hand() -> None:
    assert [learning_rate_factor("constant", 0, step, 4) for step in range(4)] == [1.0] * 4
    assert learning_rate_factor("cosine", 0, 0, 4) == 1.0
    assert learning_rate_factor("cosine", 0, 2, 4) == pytest.approx(0.5)
    assert learning_rate_factor("one_cycle", 0, 0, 10) == pytest.approx(0.04)
    assert learning_rate_factor("one_cycle", 0, 3, 10) == pytest.approx(1.0)
    assert learning_rate_factor("one_cycle", 0, 65, 100) == pytest.approx(0.5)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_stays_between_0_and_the_peak(name: str) -> None:
    factors = [learning_rate_factor(name, 0.1, step, 97) for step in range(97)]
    assert min(factors) > 0 and max(factors) <= 1 and max(factors) > 0.95
