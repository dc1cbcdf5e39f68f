"""The two losses, their weighted sum, each one's gradient, and which parameters each of them reaches."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.config import TrialConfig
from trainables.network.joint_network import JointNetwork, Prediction

Gradients = dict[nn.Parameter, Tensor]
"""By parameter; those that a loss does not reach are not in it."""


def task_losses(
    prediction: Prediction, ab_B2HW: Tensor, labels_B: Tensor, colorful_B: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mean squared colour error on the scale ab/200 + 0.5 and mean cross-entropy in nats.

    Both are means: with sums the balance of the paper's alpha = 1/300 shifts 25,000-fold. Where `colorful_B` (bool) is
    given, the colour error is the mean over its photos alone, and 0 in a batch without any.
    """
    if colorful_B is None:
        color_loss = functional.mse_loss(prediction.ab_B2HW, ab_B2HW, reduction="mean")
    else:
        errors_B = (prediction.ab_B2HW - ab_B2HW).square().mean(dim=(1, 2, 3))
        color_loss = (errors_B * colorful_B).sum() / colorful_B.sum().clamp_min(1)
    class_loss = functional.cross_entropy(prediction.logits_BC, labels_B, reduction="mean")
    return color_loss, class_loss


def backward(network: JointNetwork, config: TrialConfig, color_loss: Tensor, class_loss: Tensor) -> None:
    """Gradients of the weighted sum into `.grad`.

    A task of weight 0 stays out of the sum: its head gets no gradient, and its infinity cannot spoil the other's.
    """
    weighted = []
    if config.color_loss_weight:
        weighted.append(config.color_loss_weight * color_loss)
    if config.class_loss_weight and config.stop_class_gradient != "low_level":
        weighted.append(config.class_loss_weight * class_loss)
    reached = network.parameters_of_class_loss() if config.stop_class_gradient == "low_level" else []
    # The colour loss passes through the same global block, so no detach can hold back the class loss alone.
    gradients = (
        torch.autograd.grad(config.class_loss_weight * class_loss, reached, retain_graph=True) if reached else ()
    )
    if weighted:
        torch.autograd.backward(torch.stack(weighted).sum())
    for parameter, gradient in zip(reached, gradients, strict=True):
        parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def task_gradients(
    network: JointNetwork, config: TrialConfig, color_loss: Tensor, class_loss: Tensor
) -> tuple[Gradients, Gradients]:
    """What each weighted loss alone asks of the parameters that it reaches. Needs both weights above 0.

    The sum of the two is what `backward` leaves in `.grad`, up to rounding. What the two losses kept for their backward
    passes is used up.
    """
    of_class = network.parameters_of_class_loss() if config.stop_class_gradient == "low_level" else None
    everything = list(network.parameters())
    color = _gradients(config.color_loss_weight * color_loss, everything, keep=True)
    return color, _gradients(config.class_loss_weight * class_loss, of_class or everything, keep=False)


def _gradients(loss: Tensor, parameters: list[nn.Parameter], *, keep: bool) -> Gradients:
    found = torch.autograd.grad(loss, parameters, retain_graph=keep, allow_unused=True)
    return {one: gradient for one, gradient in zip(parameters, found, strict=True) if gradient is not None}


def shared_parameters(network: JointNetwork, config: TrialConfig) -> list[nn.Parameter]:
    """The parameters that both losses reach, in the network's order; `TrialConfig.shared_blocks` names their blocks."""
    return [parameter for name, parameter in network.named_parameters() if name.split(".")[0] in config.shared_blocks]
