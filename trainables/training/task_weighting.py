"""How the two tasks share the layers that both of them train: from two losses to one gradient.

Every entry of `TASK_WEIGHTINGS` is a module, so that an optimizer finds what it learns and a checkpoint keeps it.
"""

import torch
from torch import Tensor, nn

from trainables.config import TrialConfig
from trainables.network.joint_network import JointNetwork
from trainables.network.losses import backward, shared_parameters, task_gradients


class Fixed(nn.Module):
    """The weighted sum of the two losses, with the weights of the config from the first step to the last."""

    def __init__(self, config: TrialConfig) -> None:
        super().__init__()
        self.config = config

    def backward(self, network: JointNetwork, color_loss: Tensor, class_loss: Tensor) -> None:
        """Adds to `.grad` what the next step of the optimizer shall follow, of the network and of this module."""
        backward(network, self.config, color_loss, class_loss)

    def scaled(self, color_loss: Tensor, class_loss: Tensor) -> tuple[Tensor, Tensor]:
        """The losses times what was learned beside the config's weights: nothing here."""
        return color_loss, class_loss

    def weights(self) -> tuple[float, float]:
        """What colour and class loss are multiplied by as things stand. Waits for the device where they are learned."""
        return self.config.color_loss_weight, self.config.class_loss_weight


class Uncertainty(Fixed):
    """Weights learned with the network, one log-variance a task (Kendall, Gal and Cipolla 2018, equations 7 and 10).

    The paper minimises, with s = log(sigma^2) of each task,

        exp(-s_color) / 2 x color_loss + exp(-s_class) x class_loss + s_color / 2 + s_class / 2

    where the colour loss is a mean squared error (a regression: half the weight) and the class loss a cross-entropy (a
    classification). We take both as means, over values and over photos, and start where the weights are those of the
    config: s_color = -log(2 color_loss_weight), s_class = -log(class_loss_weight). What is learned is how far s has
    moved from there, in steps of the trial's own optimizer without weight decay, so the first step is that of `fixed`.
    A task comes to rest where its weight times its loss is 1/2: a smaller loss gets a larger weight.
    """

    def __init__(self, config: TrialConfig) -> None:
        super().__init__(config)
        self.moved_2 = nn.Parameter(torch.zeros(2))
        """Of colour and class: how far the log-variance has moved from its start."""
        start_2 = torch.tensor((config.color_loss_weight, config.class_loss_weight))
        self.register_buffer("start_2", start_2, persistent=False)

    def backward(self, network: JointNetwork, color_loss: Tensor, class_loss: Tensor) -> None:
        color_loss, class_loss = self.scaled(color_loss, class_loss)
        backward(network, self.config, color_loss, class_loss)
        # Written out: autograd would leave out a class loss that stops at the low-level block.
        gradient_2 = 0.5 - torch.stack([color_loss.detach(), class_loss.detach()]) * self.get_buffer("start_2")
        self.moved_2.grad = gradient_2 if self.moved_2.grad is None else self.moved_2.grad + gradient_2

    def scaled(self, color_loss: Tensor, class_loss: Tensor) -> tuple[Tensor, Tensor]:
        """The losses times how far their weights have moved from those of the config."""
        factor_2 = torch.exp(-self.moved_2.detach())
        return factor_2[0] * color_loss, factor_2[1] * class_loss

    def weights(self) -> tuple[float, float]:
        color, naming = torch.exp(-self.moved_2.detach().double()).tolist()
        return self.config.color_loss_weight * color, self.config.class_loss_weight * naming


class PCGrad(Fixed):
    """Weighted gradients that oppose each other lose what opposes (Yu et al. 2020, algorithm 1).

    On the parameters that both losses reach, taken as one vector; everything else gets its own task's gradient. The
    paper projects against the other tasks in random order; of two tasks each has one other, so there is no order and
    nothing is drawn. What is left of a gradient does not depend on the other task's weight, only its own.
    """

    def backward(self, network: JointNetwork, color_loss: Tensor, class_loss: Tensor) -> None:
        color, naming = task_gradients(network, self.config, color_loss, class_loss)
        shared = shared_parameters(network, self.config)
        projected = project([color.pop(one) for one in shared], [naming.pop(one) for one in shared])
        whole = dict(zip(shared, projected, strict=True))
        for gradients in (whole, color, naming):
            for parameter, gradient in gradients.items():
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def project(color: list[Tensor], naming: list[Tensor]) -> list[Tensor]:
    """The sum of two gradients, each without what opposes the other; where they do not oppose, their plain sum.

    Both are one vector, in parts. Decided on the device, without waiting for it.
    """
    dot = inner(color, naming)
    opposing, tiny = dot.clamp(max=0), torch.finfo(dot.dtype).tiny
    # color - opposing/|naming|^2 naming, and the other way round, added up by vector. A gradient of 0 opposes nothing.
    of_color = 1 - opposing / inner(color, color).clamp_min(tiny)
    of_naming = 1 - opposing / inner(naming, naming).clamp_min(tiny)
    return [of_color * one + of_naming * other for one, other in zip(color, naming, strict=True)]


def inner(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """The inner product of two vectors given in parts."""
    return torch.stack([(one * other).sum() for one, other in zip(first, second, strict=True)]).sum()


TASK_WEIGHTINGS: dict[str, type[Fixed]] = {"fixed": Fixed, "uncertainty": Uncertainty, "pcgrad": PCGrad}
