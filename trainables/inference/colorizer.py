"""A trained network that colours photos of any size and names what they show.

The network sees a photo as it saw those it was trained on: its shorter side has the size of training. The colours it
finds are enlarged in CIELAB and put onto the photo's own lightness, at full resolution. Letters of shapes: B photos,
H and W sides of a photo, h and w of the network's colours, S the side of training, all in pixels.
"""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from trainables.color.color_space import lightness_to_network, network_to_ab, rgb_to_lab
from trainables.color.recolor import recolor
from trainables.datasets.photo import UnreadablePhotoError, read_photo, read_upright
from trainables.inference.inference_network import InferenceNetwork
from trainables.network.joint_network import JointNetwork

MAX_ASPECT = 4
"""Longer photos are squeezed to this before the network sees them, so that none asks for more than this much."""

PIXELS_PER_STRIP = 2**16
"""Of a photo that are coloured at a time: intermediates fit the cache, however large the photo is."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A photo as it is and as the network sees it."""

    pixels_HW3: NDArray[np.uint8]
    """uint8 sRGB, upright, at its own size."""
    whole_hw3: NDArray[np.uint8]
    """uint8 sRGB: all of it, the shorter side S."""
    square_SS3: NDArray[np.uint8]
    """uint8 sRGB: its centre square, prepared as the photos of training were."""


@dataclass(frozen=True, kw_only=True)
class Colored:
    """What became of one photo."""

    pixels_HW3: NDArray[np.uint8]
    """uint8 sRGB, with the photo's lightness and the network's colours."""
    class_name: str | None
    """The most probable class; None where the network was not trained to name."""
    probability: float | None
    """Of that class, in the network's own opinion."""


class Colorizer:
    """Colours photos with one network.

    Args:
        network: trained; it is copied.
        class_names: of its classes, in order.
        image_size: side in pixels of the photos it was trained on.
        names: whether it was trained to name on true labels.
    """

    def __init__(
        self, network: JointNetwork, class_names: Sequence[str], *, image_size: int, names: bool = True
    ) -> None:
        self.class_names, self.image_size, self.names = tuple(class_names), image_size, names
        self.device = next(network.parameters()).device
        self.network = InferenceNetwork(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def view(self, content: bytes) -> View:
        """Decodes a photo's file.

        Raises:
            UnreadablePhotoError: with the reason.
        """
        with warnings.catch_warnings():
            # Pillow warns of oddities that it copes with; only this one is a reason to refuse a photo.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            square_SS3 = read_photo(content, self.image_size).pixels_HW3
            photo = read_upright(content)
        width, height = _size_of_view(photo.width, photo.height, self.image_size)
        if width == height:
            whole_hw3 = square_SS3
        else:
            whole_hw3 = np.asarray(photo.resize((width, height), Image.Resampling.LANCZOS))
        return View(pixels_HW3=np.asarray(photo), whole_hw3=whole_hw3, square_SS3=square_SS3)

    @torch.inference_mode()
    def colorize(self, views: Sequence[View]) -> list[Colored]:
        """Colours photos; those whose views have one shape go through the network together."""
        colored: dict[int, Colored] = {}
        shapes = [view.whole_hw3.shape for view in views]
        for shape in dict.fromkeys(shapes):
            alike = [index for index, other in enumerate(shapes) if other == shape]
            half_B2hw, probabilities_BC = self._predict([views[index] for index in alike])
            ab_B2hw = network_to_ab(half_B2hw).cpu()
            probability_B, class_B = (values.tolist() for values in probabilities_BC.max(dim=1))
            for row, index in enumerate(alike):
                colored[index] = Colored(
                    pixels_HW3=paint(views[index].pixels_HW3, ab_B2hw[row]),
                    class_name=self.class_names[class_B[row]] if self.names else None,
                    probability=probability_B[row] if self.names else None,
                )
        return [colored[index] for index in range(len(views))]

    def inputs(self, views: Sequence[View]) -> tuple[Tensor, Tensor]:
        """What the network is given for views of one shape: lightness / 100 of the whole photos and of the squares."""
        square_B1SS = self._lightness([view.square_SS3 for view in views])
        whole_B1hw = self._lightness([view.whole_hw3 for view in views])
        size = self.network.global_size
        if size != self.image_size:
            # As `JointNetwork` makes its copy.
            square_B1SS = functional.interpolate(square_B1SS, (size, size), mode="bilinear", antialias=True)
        return whole_B1hw, square_B1SS

    def _predict(self, views: Sequence[View]) -> tuple[Tensor, Tensor]:
        whole_B1hw, square_B1GG = self.inputs(views)
        if views[0].whole_hw3 is views[0].square_SS3 and self.network.global_size == self.image_size:
            half_B2hw, probabilities_BC = self.network.forward_squares(square_B1GG)
        else:
            half_B2hw, probabilities_BC = self.network(whole_B1hw, square_B1GG)
        return half_B2hw, probabilities_BC

    def _lightness(self, photos: Sequence[NDArray[np.uint8]]) -> Tensor:
        pixels_B3hw = torch.from_numpy(np.stack(photos)).to(self.device).permute(0, 3, 1, 2)
        lightness_B1hw = lightness_to_network(rgb_to_lab(pixels_B3hw.float().div_(255))[:, :1])
        return lightness_B1hw.contiguous(memory_format=torch.channels_last)


def colorize_file(colorizer: Colorizer, content: bytes) -> Colored:
    """Colours the photo in one file. Raises UnreadablePhotoError."""
    (colored,) = colorizer.colorize([colorizer.view(content)])
    return colored


def to_png(pixels_HW3: NDArray[np.uint8]) -> bytes:
    """The pixels as a PNG file, packed lightly: twice as fast as Pillow's own choice, and a tenth larger."""
    buffer = io.BytesIO()
    Image.fromarray(pixels_HW3).save(buffer, format="PNG", compress_level=2)
    return buffer.getvalue()


@torch.inference_mode()
def paint(pixels_HW3: NDArray[np.uint8], ab_2hw: Tensor) -> NDArray[np.uint8]:
    """Puts colours onto the lightness of a photo.

    Args:
        pixels_HW3: uint8 sRGB; only its lightness is read.
        ab_2hw: (a, b) of CIELAB, enlarged linearly between the centres of their pixels.

    Returns:
        uint8 sRGB, HW3. Colours that no screen shows at that lightness lose chroma, not lightness.
    """
    height, width = pixels_HW3.shape[:2]
    painted_HW3 = np.empty_like(pixels_HW3)
    num_rows = max(1, PIXELS_PER_STRIP // width)
    for top in range(0, height, num_rows):
        rows = slice(top, min(top + num_rows, height))
        ab_12hw = _rows_between(ab_2hw, rows, height)[None]
        ab_12HW = functional.interpolate(ab_12hw, (rows.stop - rows.start, width), mode="bilinear")
        painted_HW3[rows] = recolor(torch.tensor(pixels_HW3[rows]), ab_12HW[0]).numpy()
    return painted_HW3


def _rows_between(values_2hw: Tensor, rows: slice, height: int) -> Tensor:
    """The given rows of the values enlarged linearly to `height` rows: 2 x rows x w."""
    num = values_2hw.shape[1]
    position_H = (torch.arange(rows.start, rows.stop) + 0.5) * (num / height) - 0.5
    position_H = position_H.clamp(0, num - 1)
    above_H = position_H.floor().long()
    below_H = (above_H + 1).clamp_max(num - 1)
    share_H1 = (position_H - above_H)[:, None]
    return values_2hw[:, above_H].lerp(values_2hw[:, below_H], share_H1)


def _size_of_view(width: int, height: int, image_size: int) -> tuple[int, int]:
    """Width and height of what the network sees: the shorter side `image_size`, the other in proportion, by eights."""
    longer = min(max(width, height) / min(width, height), MAX_ASPECT) * image_size
    longer_side = max(image_size, round(longer / 8) * 8)
    return (longer_side, image_size) if width >= height else (image_size, longer_side)


__all__ = ["Colored", "Colorizer", "UnreadablePhotoError", "View", "colorize_file", "paint", "to_png"]
