"""What each task's next step would do to the other, measured on one fixed batch.

Three questions on the layers that both tasks train: do their gradients point the same way, which is longer, and how
much does a step on one task alone lower the other's loss (TAG, Fifty et al. 2021)? All of it happens on copies of
network and optimizer, batch norm's statistics included, so the training itself never knows that it was looked at.
Diagnostics, not evidence: they correlate poorly with what a task really gains (Azorin et al. 2023; Elich et al. 2023).
Letters of shapes: N photos, B photos of the batch, H and W side in pixels.
"""

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.data.batches import PixelSource
from trainables.data.trial_data import TrialData
from trainables.network.joint_network import JointNetwork
from trainables.network.losses import shared_parameters, task_gradients
from trainables.records import DIAGNOSTICS, Record
from trainables.training.task_weighting import Fixed, inner
from trainables.training.training_step import losses_of, to_lab, trained_tasks


@dataclass(frozen=True, kw_only=True)
class FixedBatch:
    """Training photos as they are, without crop, flip and rotation: the same in every epoch."""

    lab_B3HW: Tensor
    """CIELAB."""
    labels_B: Tensor
    colorful_B: Tensor | None
    """Which photos take part in the colour loss; None: all."""
    seed: int
    """Of the dropout, which is the same in every forward pass."""


def fixed_batch(
    data: TrialData, pixels: PixelSource, labels_N: Tensor, colorful_N: Tensor | None, batch_size: int
) -> FixedBatch:
    """The batch of a replicate: drawn by a generator of its own, so that training draws what it would have drawn.

    Args: labels_N, colorful_N: of all photos, on the device.
    """
    generator = torch.Generator().manual_seed(data.seed_for("diagnostics"))
    order_B = torch.from_numpy(data.cut.train)[torch.randperm(len(data.cut.train), generator=generator)[:batch_size]]
    (pixels_BHW3,) = pixels.batches(order_B, batch_size)
    placed_B = order_B.to(labels_N.device)
    return FixedBatch(
        lab_B3HW=to_lab(pixels_BHW3, None),
        labels_B=labels_N[placed_B],
        colorful_B=None if colorful_N is None else colorful_N[placed_B],
        seed=data.seed_for("diagnostics", "dropout"),
    )


def diagnose(
    network: JointNetwork, optimizer: torch.optim.Optimizer, weighting: Fixed, dtype: torch.dtype, batch: FixedBatch
) -> Record:
    """The fields of `DIAGNOSTICS`; one that is not finite, such as the cosine of a gradient of 0, is left out.

    - `gradient_cosine`, in [-1, 1];
    - `gradient_ratio`: length of the class gradient over that of the colour gradient, both as weighted at present;
    - `affinity_X_on_Y`: by which share of itself loss Y falls when task X alone moves the shared layers by one step.
      The step is one of the trial's optimizer as it stands, with its present learning rate and what its momentum
      remembers of both tasks; Fifty et al. step down the plain gradient.

    Losses are those of training: batch norm by the batch, dropout on, the same units left out each time.
    """

    # One pair, for which there is room on a full device, used three times.
    copies = _Copies(network, optimizer, weighting, dtype, batch)
    before, gradients = copies.gradients()
    values = _geometry(gradients["color"], gradients["class"])
    for task, gradient in gradients.items():
        copies.renew()
        after = copies.losses_after(gradient)
        for measured in before:
            values[f"diagnostics/affinity_{task}_on_{measured}"] = 1 - _over(after[measured], before[measured])
    return {name: values[name] for name in DIAGNOSTICS if math.isfinite(values[name])}


def _geometry(color: list[Tensor], naming: list[Tensor]) -> dict[str, float]:
    of_color, of_naming = float(inner(color, color).sqrt()), float(inner(naming, naming).sqrt())
    return {
        "diagnostics/gradient_cosine": _over(float(inner(color, naming)), of_color * of_naming),
        "diagnostics/gradient_ratio": _over(of_naming, of_color),
    }


def _over(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


class _Copies:
    """Copies of network and optimizer, tied to each other as the originals are, to be thrown away."""

    def __init__(
        self,
        network: JointNetwork,
        optimizer: torch.optim.Optimizer,
        weighting: Fixed,
        dtype: torch.dtype,
        batch: FixedBatch,
    ) -> None:
        self.weighting, self.dtype, self.batch = weighting, dtype, batch
        self.originals = network, optimizer
        self.network, self.optimizer = copy.deepcopy((network, optimizer))
        self.network.train()
        self.shared = shared_parameters(self.network, weighting.config)

    @torch.no_grad()
    def renew(self) -> None:
        """As the originals are, again: a third of the time of new copies, most of which goes into Python's objects."""
        torch._foreach_copy_(_tensors(self.network, self.optimizer), _tensors(*self.originals))

    def gradients(self) -> tuple[dict[str, float], dict[str, list[Tensor]]]:
        """Both losses, and their weighted gradients of the shared layers, by task."""
        losses = self._losses()
        found = task_gradients(self.network, self.weighting.config, *self.weighting.scaled(*losses.values()))
        parts = {task: [gradient[one] for one in self.shared] for task, gradient in zip(losses, found, strict=True)}
        return {task: float(loss.detach()) for task, loss in losses.items()}, parts

    def losses_after(self, gradients: list[Tensor]) -> dict[str, float]:
        """Both losses after a step of the optimizer with these gradients of the shared layers; nothing else moves."""
        self.optimizer.zero_grad(set_to_none=True)
        for parameter, gradient in zip(self.shared, gradients, strict=True):
            parameter.grad = gradient
        self.optimizer.step()
        with torch.no_grad():
            return {task: float(loss) for task, loss in self._losses().items()}

    def _losses(self) -> dict[str, Tensor]:
        batch, device = self.batch, self.batch.lab_B3HW.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(batch.seed)
            trained = trained_tasks(self.weighting.config)
            color_loss, class_loss = losses_of(
                self.network, trained, self.dtype, batch.lab_B3HW, batch.labels_B, batch.colorful_B
            )
        return {"color": color_loss, "class": class_loss}


def _tensors(network: JointNetwork, optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Everything that a step changes, in one order."""
    states = [
        value
        for group in optimizer.param_groups
        for parameter in group["params"]
        for value in optimizer.state[parameter].values()
        if isinstance(value, Tensor)
    ]
    return [*network.parameters(), *network.buffers(), *states]
