"""One step of training: from a batch of 8-bit pixels to updated weights, all on the device.

Letters of shapes: B photos, H and W side in pixels.
"""

import contextlib

import torch
from torch import Tensor

from trainables.color.color_space import ab_to_network, lightness_to_network, photos_to_rgb, rgb_to_lab
from trainables.config import TrialConfig
from trainables.data.augmentation import transform
from trainables.devices import autocast
from trainables.network.joint_network import JointNetwork
from trainables.network.losses import task_losses
from trainables.training.compilation import compiled, keep_code_of, kept_buffers
from trainables.training.task_weighting import Fixed

COMPILED_FIELDS = (
    "batch_size",
    "pooling",
    "extra_convolutions",
    "residual",
    "dropout",
    "fusion",
    "stop_class_gradient",
    "stop_color_gradient",
)
"""The settings that compiled code holds as constants, beside the shapes of the network."""


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
        self.trained = trained_tasks(config)
        self.to_lab, self.losses = to_lab, losses_of
        if config.compile:
            shapes = tuple(parameter.shape for parameter in network.parameters())
            constants = tuple(getattr(config, field) for field in COMPILED_FIELDS)
            keep_code_of((self.device, dtype, self.trained, torch.get_num_threads(), shapes, constants))
            self.to_lab, self.losses = compiled(to_lab, self.device), compiled(losses_of, self.device)
        # Where each loss has a backward pass of its own, the two share what the forward pass kept. A compiled one may
        # overwrite it, as is decided when the forward pass is compiled: the second gradient would be silently wrong.
        # Whoever has one backward pass keeps them too: torch's cache of compiled code does not tell the two apart.
        self.buffers_kept = kept_buffers() if config.compile else contextlib.nullcontext()

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
            batch = (lab_B3HW, labels_B, colorful_B)
            color_loss, class_loss = self.losses(self.network, self.trained, self.dtype, *batch)
            self.optimizer.zero_grad(set_to_none=True)
            self.weighting.backward(self.network, color_loss, class_loss)
        self.optimizer.step()
        return torch.stack([color_loss.detach(), class_loss.detach()])


def trained_tasks(config: TrialConfig) -> tuple[bool, bool]:
    """Whether colouring and naming are trained. Compiled code holds these as constants, and not the weights behind."""
    return config.color_loss_weight > 0, config.class_loss_weight > 0


def losses_of(
    network: JointNetwork,
    trained: tuple[bool, bool],
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
    trains_color, trains_class = trained
    return color_loss if trains_color else color_loss.detach(), class_loss if trains_class else class_loss.detach()


def to_lab(pixels_BHW3: Tensor, theta_B23: Tensor | None) -> Tensor:
    """8-bit pixels as CIELAB, B3HW; cropped, mirrored and rotated first where `theta_B23` says how."""
    rgb_B3HW = photos_to_rgb(pixels_BHW3)
    if theta_B23 is not None:
        rgb_B3HW = transform(rgb_B3HW, theta_B23)
    return rgb_to_lab(rgb_B3HW)
