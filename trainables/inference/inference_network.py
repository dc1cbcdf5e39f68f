"""The trained network made ready to be used: two inputs instead of one, and every batch norm folded away.

Letters of shapes: B photos, C classes, H and W sides of the colour view and h and w half of them, G side of the square
view, all in pixels.
"""

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from trainables.network.joint_network import JointNetwork


class InferenceNetwork(nn.Module):
    """What `JointNetwork` computes in evaluation, without its last enlargement, for photos that are no squares.

    The colour branch sees the whole photo; global features and the class come from its centre square, as in training.
    Folding takes a quarter of the time of a photo of 128 px at width 1 away.
    """

    def __init__(self, network: JointNetwork) -> None:
        super().__init__()
        network = copy.deepcopy(network).eval()
        _fold(network)
        self.global_size = network.global_size
        self.fuses = network.fuses
        self.low_level, self.mid_level = network.low_level, network.mid_level
        self.global_convolutions, self.global_pooling = network.global_convolutions, network.global_pooling
        self.global_features, self.global_vector = network.global_features, network.global_vector
        self.fusion, self.color, self.class_head = network.fusion, network.color, network.class_head

    def forward(self, lightness_B1HW: Tensor, square_B1GG: Tensor) -> tuple[Tensor, Tensor]:
        """Colours and names photos.

        Args:
            lightness_B1HW: lightness / 100 of whole photos, sides that are multiples of 8.
            square_B1GG: the same of their centre squares, at `global_size`.

        Returns:
            colour on the network's scale, B2hw, and the probability of each class, BC.
        """
        return self.from_features(self.low_level(lightness_B1HW), self.low_level(square_B1GG))

    def forward_squares(self, square_B1GG: Tensor) -> tuple[Tensor, Tensor]:
        """The same for photos that are squares of the global size: the low-level features are computed once."""
        low_BCHW = self.low_level(square_B1GG)
        return self.from_features(low_BCHW, low_BCHW)

    def from_features(self, low_BCHW: Tensor, low_square_BCGG: Tensor) -> tuple[Tensor, Tensor]:
        """From the low-level features of both views to colour and probabilities."""
        features_BC = self.global_features(self.global_pooling(self.global_convolutions(low_square_BCGG)))
        fused_BCHW = self.mid_level(low_BCHW)
        if self.fuses:
            vector_BK = self.global_vector(features_BC)
            tiled_BKHW = vector_BK[:, :, None, None].expand(-1, -1, fused_BCHW.shape[-2], fused_BCHW.shape[-1])
            fused_BCHW = torch.cat([fused_BCHW, tiled_BKHW], dim=1)
        half_B2hw = torch.sigmoid(self.color(self.fusion(fused_BCHW)))
        return half_B2hw, torch.softmax(self.class_head(features_BC), dim=1)


def _fold(network: nn.Module) -> None:
    """Puts each batch norm into the layer before it, which then computes both; dropout does nothing any more."""
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            layers = list(module.children())
            if len(layers) > 1 and isinstance(layers[0], nn.Conv2d) and isinstance(layers[1], nn.BatchNorm2d):
                layers[:2] = [fuse_conv_bn_eval(layers[0], layers[1])]
            elif len(layers) > 1 and isinstance(layers[0], nn.Linear) and isinstance(layers[1], nn.BatchNorm1d):
                layers[:2] = [cast(nn.Module, fuse_linear_bn_eval(layers[0], layers[1]))]
            kept = [layer for layer in layers if not isinstance(layer, nn.Dropout)]
            module._modules = {str(index): layer for index, layer in enumerate(kept)}
