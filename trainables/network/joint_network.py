"""The joint network of Iizuka, Simo-Serra and Ishikawa, "Let there be Color!", ACM TOG 35(4), 2016.

Letters of shapes: B photos, H and W side in pixels, C channels or classes, K the global vector.
Every departure from the paper is an argument; with the defaults it is the paper's network.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.config import TrialConfig
from trainables.network.batch_norm import BatchNorm2d
from trainables.network.convolution import Conv2d
from trainables.seeds import derive_seed

LOW_LEVEL = ((64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1))
MID_LEVEL = ((512, 1), (256, 1))
GLOBAL = ((512, 2), (512, 1), (512, 2), (512, 1))
"""3x3 convolutions as (output channels, stride)."""


class Prediction(NamedTuple):
    """What the network says about a batch."""

    ab_B2HW: Tensor
    """Colour on the network's scale, ab/200 + 0.5, in (0, 1), at the input's size."""
    logits_BC: Tensor
    """Unnormalised log-probabilities of the classes."""


class View(NamedTuple):
    """What the network has seen of a batch before it paints."""

    mid_BCHW: Tensor
    """Local features, at an eighth of the input's size."""
    vector_BK: Tensor | None
    """The fused global features; None without fusion."""
    logits_BC: Tensor
    """As in `Prediction`, in the precision of the forward pass."""


class JointNetwork(nn.Module):
    """Colours a grey photo and names what it shows.

    Args:
        config: width, pooling, extra convolutions, residual, dropout, fusion and the two gradient stops are read.
        num_classes: classes to tell apart, at least 2.
        image_size: side of the photos in pixels, a multiple of 8; `flatten` pooling needs to know it.
    """

    def __init__(self, config: TrialConfig, *, num_classes: int, image_size: int) -> None:
        super().__init__()
        self.global_size = config.global_size or image_size
        self.fuses = config.fusion
        self.stop_class_at_head = config.stop_class_gradient == "head"
        self.stop_color_at_global = config.stop_color_gradient == "global"
        scaled = _Scaled(config.width)
        num, residual = config.extra_convolutions, config.residual

        self.low_level = _convolutions(1, scaled.all(LOW_LEVEL), num=num, residual=residual)
        self.mid_level = _convolutions(scaled(512), scaled.all(MID_LEVEL), num=num, residual=residual)
        self.global_convolutions = _convolutions(scaled(512), scaled.all(GLOBAL), num=num, residual=residual)
        # Three low-level and two global strides, each rounding up, divide the side by 32.
        side = -(-self.global_size // 32)
        if config.pooling == "flatten":
            self.global_pooling: nn.Module = nn.Flatten()
            num_features = scaled(512) * side * side
        else:
            self.global_pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            num_features = scaled(512)
        # Two parts: the class head starts where the first one ends. Only the colour loss trains the second one, through
        # fusion; without fusion it keeps its initial weights.
        self.global_features = nn.Sequential(
            _dense(num_features, scaled(1024), config.dropout), _dense(scaled(1024), scaled(512), config.dropout)
        )
        self.global_vector = _dense(scaled(512), scaled(256), config.dropout)
        num_fused = scaled(256) + (scaled(256) if config.fusion else 0)
        self.fusion = _convolution(num_fused, scaled(256), kernel_size=1)
        self.color = nn.Sequential(
            _convolutions(scaled(256), ((scaled(128), 1),), num=num, residual=residual),
            nn.Upsample(scale_factor=2, mode="nearest"),
            _convolutions(scaled(128), ((scaled(64), 1), (scaled(64), 1))),
            nn.Upsample(scale_factor=2, mode="nearest"),
            _convolutions(scaled(64), ((scaled(32), 1),)),
            nn.Conv2d(scaled(32), 2, kernel_size=3, padding=1),
        )
        self.class_head = nn.Sequential(
            _dense(scaled(512), scaled(256), config.dropout), nn.Linear(scaled(256), num_classes)
        )

    def forward(self, lightness_B1HW: Tensor) -> Prediction:
        """Colours and names a batch.

        Args:
            lightness_B1HW: lightness / 100, in [0, 1], at the image size the network was made for.
        """
        view = self.look(lightness_B1HW)
        return Prediction(self.paint(view.mid_BCHW, view.vector_BK), view.logits_BC.float())

    def look(self, lightness_B1HW: Tensor) -> View:
        """The part before fusion: what `paint` needs, and the names."""
        low_BCHW, features_BC = self._global_features_of(lightness_B1HW)
        logits_BC = self._classify(features_BC)

        mid_BCHW = self.mid_level(low_BCHW)
        vector_BK = None
        if self.fuses:
            vector_BK = self.global_vector(features_BC.detach() if self.stop_color_at_global else features_BC)
        return View(mid_BCHW, vector_BK, logits_BC)

    def name(self, lightness_B1HW: Tensor) -> Tensor:
        """The logits of `forward`, to the bit, without the layers that only colouring needs."""
        return self._classify(self._global_features_of(lightness_B1HW)[1]).float()

    def _global_features_of(self, lightness_B1HW: Tensor) -> tuple[Tensor, Tensor]:
        """The photos' low-level features, and the global ones that both tasks share."""
        low_BCHW = self.low_level(lightness_B1HW)
        if self.global_size == lightness_B1HW.shape[-1]:
            low_global_BCHW = low_BCHW
        else:
            size = (self.global_size, self.global_size)
            copy_B1HW = functional.interpolate(lightness_B1HW, size, mode="bilinear", antialias=True)
            low_global_BCHW = self.low_level(copy_B1HW)
        return low_BCHW, self.global_features(self.global_pooling(self.global_convolutions(low_global_BCHW)))

    def _classify(self, features_BC: Tensor) -> Tensor:
        logits_BC: Tensor = self.class_head(features_BC.detach() if self.stop_class_at_head else features_BC)
        return logits_BC

    def paint(self, mid_BCHW: Tensor, vector_BK: Tensor | None) -> Tensor:
        """Colours on the network's scale, B x 2 x H x W, from the local features of photos and a global vector.

        The vector is None where the network does not fuse; another photo's vector shows what colouring takes from it.
        """
        if vector_BK is not None:
            tiled_BKHW = vector_BK[:, :, None, None].expand(-1, -1, *mid_BCHW.shape[-2:])
            mid_BCHW = torch.cat([mid_BCHW, tiled_BKHW], dim=1)
        half_B2HW = torch.sigmoid(self.color(self.fusion(mid_BCHW)).float())
        return functional.interpolate(half_B2HW, scale_factor=2, mode="nearest")

    def sees_single_pixels(self, image_size: int) -> bool:
        """Whether some convolution gets maps of one pixel from photos of this side; see `convolution.py`."""
        return min(-(-image_size // 8), -(-self.global_size // 32)) == 1

    def parameters_of_class_loss(self) -> list[nn.Parameter]:
        """The parameters the class loss may reach under `stop_class_gradient: low_level`."""
        parts = (self.global_convolutions, self.global_features, self.class_head)
        return [parameter for part in parts for parameter in part.parameters()]


class _Scaled:
    """Channels at a width: multiples of 8, which matrix units and channels-last kernels like; exact at width 1."""

    def __init__(self, width: float) -> None:
        self.width = width

    def __call__(self, channels: int) -> int:
        return max(8, round(channels * self.width / 8) * 8)

    def all(self, layers: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        return tuple((self(channels), stride) for channels, stride in layers)


def _convolution(num_in: int, num_out: int, *, kernel_size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        Conv2d(num_in, num_out, kernel_size, stride=stride, padding=kernel_size // 2),
        BatchNorm2d(num_out),
        nn.ReLU(inplace=True),
    )


class _Extra(nn.Module):
    """One further convolution that keeps its channels, with or without a skip around it."""

    def __init__(self, channels: int, *, residual: bool) -> None:
        super().__init__()
        self.convolution = _convolution(channels, channels)
        self.residual = residual

    def forward(self, features_BCHW: Tensor) -> Tensor:
        out_BCHW: Tensor = self.convolution(features_BCHW)
        return out_BCHW + features_BCHW if self.residual else out_BCHW


def _convolutions(
    num_in: int, layers: tuple[tuple[int, int], ...], *, num: int = 0, residual: bool = False
) -> nn.Sequential:
    """A block of 3x3 convolutions, with `num` extra ones at its end."""
    parts: list[nn.Module] = []
    for channels, stride in layers:
        parts.append(_convolution(num_in, channels, stride=stride))
        num_in = channels
    parts += [_Extra(num_in, residual=residual) for _ in range(num)]
    return nn.Sequential(*parts)


def _dense(num_in: int, num_out: int, dropout: float) -> nn.Sequential:
    layers = [nn.Linear(num_in, num_out), nn.BatchNorm1d(num_out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Dropout(dropout)) if dropout else nn.Sequential(*layers)


def initialize(network: torch.nn.Module, seed: int) -> None:
    """Draws all weights anew, layer by layer, each from (seed, its name).

    So two arms of one replicate share the initial weights of every layer they have in common, whatever else differs.
    """
    for name, layer in network.named_modules():
        if hasattr(layer, "reset_parameters"):
            torch.manual_seed(derive_seed(seed, name))
            layer.reset_parameters()
