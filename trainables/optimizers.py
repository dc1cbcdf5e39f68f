"""The optimizers and learning-rate schedules a study can choose from.

All tensors are updated together, by one operation where torch has one (fused): tensor by tensor, AdamW is a fifth of a
small step. torch is imported only where an optimizer is built: settings are checked without it.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    Build = Callable[[Iterable[torch.nn.Parameter], Mapping[str, float]], torch.optim.Optimizer]


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """One optimizer: its defaults and how to build it from settings."""

    learning_rate: float
    """Default peak learning rate."""
    settings: dict[str, float]
    """Its other settings with their defaults; fields of `TrialConfig`."""
    build: "Build"


def _adadelta(parameters: "Iterable[torch.nn.Parameter]", s: Mapping[str, float]) -> "torch.optim.Optimizer":
    import torch

    return torch.optim.Adadelta(
        parameters, lr=s["learning_rate"], rho=s["rho"], weight_decay=s["weight_decay"], foreach=True
    )


def _adam(parameters: "Iterable[torch.nn.Parameter]", s: Mapping[str, float]) -> "torch.optim.Optimizer":
    import torch

    return torch.optim.Adam(
        parameters, lr=s["learning_rate"], betas=(s["beta1"], s["beta2"]), weight_decay=s["weight_decay"], fused=True
    )


def _adamw(parameters: "Iterable[torch.nn.Parameter]", s: Mapping[str, float]) -> "torch.optim.Optimizer":
    import torch

    return torch.optim.AdamW(
        parameters, lr=s["learning_rate"], betas=(s["beta1"], s["beta2"]), weight_decay=s["weight_decay"], fused=True
    )


def _sgd(parameters: "Iterable[torch.nn.Parameter]", s: Mapping[str, float]) -> "torch.optim.Optimizer":
    import torch

    # Nesterov momentum needs momentum above 0; without it the two are the same step.
    return torch.optim.SGD(
        parameters,
        lr=s["learning_rate"],
        momentum=s["momentum"],
        nesterov=s["momentum"] > 0,
        weight_decay=s["weight_decay"],
        fused=True,
    )


def _rmsprop(parameters: "Iterable[torch.nn.Parameter]", s: Mapping[str, float]) -> "torch.optim.Optimizer":
    import torch

    return torch.optim.RMSprop(
        parameters,
        lr=s["learning_rate"],
        alpha=s["rho"],
        momentum=s["momentum"],
        weight_decay=s["weight_decay"],
        foreach=True,
    )


OPTIMIZERS: dict[str, OptimizerSpec] = {
    "adadelta": OptimizerSpec(learning_rate=1.0, settings={"rho": 0.9, "weight_decay": 0.0}, build=_adadelta),
    "adam": OptimizerSpec(
        learning_rate=1e-3, settings={"beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0}, build=_adam
    ),
    "adamw": OptimizerSpec(
        learning_rate=1e-3, settings={"beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01}, build=_adamw
    ),
    "sgd": OptimizerSpec(learning_rate=0.1, settings={"momentum": 0.9, "weight_decay": 0.0}, build=_sgd),
    "rmsprop": OptimizerSpec(
        learning_rate=1e-3, settings={"rho": 0.99, "momentum": 0.0, "weight_decay": 0.0}, build=_rmsprop
    ),
}


def _constant(progress: float) -> float:
    return 1.0


def _cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def _one_cycle(progress: float) -> float:
    """A rise along half a cosine over the first 30 %, then a fall to nothing (Smith and Topin 2017)."""
    if progress < 0.3:
        return 0.04 + 0.96 * 0.5 * (1.0 - math.cos(math.pi * progress / 0.3))
    return _cosine((progress - 0.3) / 0.7)


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "one_cycle": _one_cycle,
}
"""Each gives the factor of the learning rate at a progress in [0, 1) of the steps after warm-up."""


def learning_rate_factor(schedule: str, warmup_share: float, step: int, num_steps: int) -> float:
    """The factor on the peak learning rate at `step` (from 0) of `num_steps`.

    Warm-up rises linearly over the first `warmup_share` of all steps and never starts at 0; the schedule follows it.
    """
    num_warmup = math.ceil(warmup_share * num_steps)
    if step < num_warmup:
        return (step + 1) / (num_warmup + 1)
    return SCHEDULES[schedule]((step - num_warmup) / max(1, num_steps - num_warmup))
