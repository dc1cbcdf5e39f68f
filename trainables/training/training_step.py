"""One step of training: from a batch of 8-bit pixels to updated weights, all on the device.

Letters of shapes: B photos, H and W side in pixels.
"""

import contextlib
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from trainables.color.color_space import ab_to_network, lightness_to_network, photos_to_rgb, rgb_to_lab
from trainables.config import TrialConfig
from trainables.data.augmentation import transform
from trainables.devices import autocast
from trainables.network.joint_network import JointNetwork
from trainables.network.losses import task_losses
from trainables.training.task_weighting import Fixed

P = ParamSpec("P")
R = TypeVar("R")


class TrainingStep:
    """Augments, converts, predicts, and updates the weights; nothing in it waits for the device.

    With `compile` everything up to the losses is compiled, on a GPU into one CUDA graph forward and one back, so that
    short steps are not spent on launching kernels.
    """

    def __init__(
        self,
        network: JointNetwork,
        optimizer: torch.optim.Optimizer,
        config: TrialConfig,
        dtype: torch.dtype,
        weighting: Fixed,
    ) -> None:
        self.network, self.optimizer, self.config, self.dtype = network, optimizer, config, dtype
        self.weighting = weighting
        self.device = next(network.parameters()).device
        self.to_lab = compiled(to_lab, self.device) if config.compile else to_lab
        self.losses = compiled(self._losses, self.device) if config.compile else self._losses
        # Where each loss has a backward pass of its own, the two share what the forward pass kept. A compiled one may
        # overwrite it, as is decided when the forward pass is compiled: the second gradient would be silently wrong.
        # Whoever has one backward pass keeps them too: torch's cache of compiled code does not tell the two apart.
        self.buffers_kept = _kept_buffers() if config.compile else contextlib.nullcontext()

    def __call__(
        self, pixels_BHW3: Tensor, theta_B23: Tensor | None, labels_B: Tensor, colorful_B: Tensor | None
    ) -> Tensor:
        """Trains on one batch and returns its colour and class loss as a tensor of two, on the device.

        `colorful_B` says which photos take part in the colour loss; None: all.
        """
        if self.config.compile:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return self.learn(self.to_lab(pixels_BHW3, theta_B23), labels_B, colorful_B)

    def learn(self, lab_B3HW: Tensor, labels_B: Tensor, colorful_B: Tensor | None = None) -> Tensor:
        """The step from colours on: predicts, and updates the weights."""
        with self.buffers_kept:
            color_loss, class_loss = self.losses(lab_B3HW, labels_B, colorful_B)
            self.optimizer.zero_grad(set_to_none=True)
            self.weighting.backward(self.network, color_loss, class_loss)
        self.optimizer.step()
        return torch.stack([color_loss.detach(), class_loss.detach()])

    def _losses(self, lab_B3HW: Tensor, labels_B: Tensor, colorful_B: Tensor | None) -> tuple[Tensor, Tensor]:
        return losses_of(self.network, self.config, self.dtype, lab_B3HW, labels_B, colorful_B)


def losses_of(
    network: JointNetwork,
    config: TrialConfig,
    dtype: torch.dtype,
    lab_B3HW: Tensor,
    labels_B: Tensor,
    colorful_B: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Colour and class loss of a batch in CIELAB, ready for a backward pass of the tasks that are trained."""
    with autocast(lab_B3HW.device, dtype):
        prediction = network(lightness_to_network(lab_B3HW[:, :1]))
    color_loss, class_loss = task_losses(prediction, ab_to_network(lab_B3HW[:, 1:]), labels_B, colorful_B)
    # A compiled function's backward pass would visit both losses, and weight decay would move an untrained head.
    return (
        color_loss if config.color_loss_weight else color_loss.detach(),
        class_loss if config.class_loss_weight else class_loss.detach(),
    )


def _kept_buffers() -> AbstractContextManager[None]:
    import torch._functorch.config

    return torch._functorch.config.patch(donated_buffer=False)  # type: ignore[no-any-return]


def to_lab(pixels_BHW3: Tensor, theta_B23: Tensor | None) -> Tensor:
    """8-bit pixels as CIELAB, B3HW; cropped, mirrored and rotated first where `theta_B23` says how."""
    rgb_B3HW = photos_to_rgb(pixels_BHW3)
    if theta_B23 is not None:
        rgb_B3HW = transform(rgb_B3HW, theta_B23)
    return rgb_to_lab(rgb_B3HW)


def find_compiler() -> str | None:
    """Path of the C++ compiler that `compile` would use."""
    return shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++")


def compiled(function: Callable[P, R], device: torch.device) -> Callable[P, R]:
    """The function, compiled at its first call; all trials of a machine share the compiled code.

    Raises:
        ValueError: this machine has no C++ compiler, which torch needs for it.
    """
    if find_compiler() is None:
        raise ValueError("compile needs a C++ compiler on every machine: install g++, or set compile to false.")
    options: dict[str, Any] = {
        # Dropout draws the numbers it would draw uncompiled.
        "fallback_random": True,
        "triton.cudagraphs": device.type == "cuda",
    }
    result: Callable[P, R] = torch.compile(function, options=options, dynamic=False)
    return result
