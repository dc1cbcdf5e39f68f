"""What a network gets right and wrong, photo by photo.

Letters of shapes: N photos, B photos of a batch, H and W side in pixels.
"""

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.color.color_space import lightness_to_network, network_to_ab, photos_to_rgb, rgb_to_lab
from trainables.color.recolor import shown
from trainables.data.batches import PixelSource
from trainables.devices import autocast
from trainables.evaluation.photo_metrics import colorfulness, measure_coloring, measure_naming
from trainables.evaluation.regions import Objects
from trainables.network.joint_network import JointNetwork
from trainables.records import PhotoMeasures

METRIC_PIXELS_ON_CPU = 8 * 128 * 128
"""Of a few photos, which fit a CPU's cache: at 128 px 3.4 ms a photo in eights, 5.7 ms in sixty-fours."""


def photos_at_once(photos_B3HW: Tensor) -> int:
    """How many photos' metrics are computed together."""
    if photos_B3HW.device.type != "cpu":
        return len(photos_B3HW)
    return max(1, METRIC_PIXELS_ON_CPU // photos_B3HW[0, 0].numel())


@torch.no_grad()
def measure_photos(
    network: JointNetwork,
    pixels: PixelSource,
    labels_N: Tensor,
    indices_N: NDArray[np.int64],
    *,
    batch_size: int,
    dtype: torch.dtype,
    objects: Objects | None = None,
    with_color: bool = True,
) -> PhotoMeasures:
    """The metrics of one pass over the photos at `indices_N`, at the prepared size, without augmentation.

    Without `with_color` those of naming alone: no photo is coloured. Without `objects`, which are those of the same
    photos, errors inside and outside are NaN.

    `labels_N` lies on the network's device. The network runs in `dtype`, the metrics in float32. The device is waited
    for once, at the end.
    """
    network.eval()
    device = labels_N.device
    named: list[dict[str, Tensor]] = []
    colored: list[dict[str, Tensor]] = []
    predicted: list[Tensor] = []
    held: list[tuple[Tensor, Tensor, Tensor, Tensor | None]] = []
    order_N = torch.from_numpy(indices_N)
    labels = torch.split(labels_N[order_N.to(device)], batch_size)
    masks = itertools.repeat(None, len(labels)) if objects is None else objects.batches(batch_size)
    for pixels_BHW3, labels_B, inside_BHW in zip(pixels.batches(order_N, batch_size), labels, masks, strict=True):
        rgb_B3HW = photos_to_rgb(pixels_BHW3)
        lab_B3HW = rgb_to_lab(rgb_B3HW)
        with autocast(device, dtype):
            lightness_B1HW = lightness_to_network(lab_B3HW[:, :1])
            ab_B2HW, logits_BC = network(lightness_B1HW) if with_color else (None, network.name(lightness_B1HW))
        named.append(measure_naming(logits_BC, labels_B))
        predicted.append(logits_BC.argmax(dim=1))
        if ab_B2HW is not None:
            held.append((rgb_B3HW, lab_B3HW, ab_B2HW, inside_BHW))
            if sum(len(one[0]) for one in held) >= photos_at_once(rgb_B3HW):
                colored += _measure_held(held)
                held = []
    colored += _measure_held(held) if held else []
    columns = {
        name: torch.cat([chunk[name] for chunk in chunks]).cpu().numpy()
        for chunks in (colored, named)
        for name in (chunks[0] if chunks else ())
    }
    metrics = {name: values.astype(np.float64) for name, values in columns.items()}
    return PhotoMeasures(indices_N=indices_N, metrics=metrics, predicted_N=torch.cat(predicted).cpu().numpy())


def _measure_held(held: list[tuple[Tensor, Tensor, Tensor, Tensor | None]]) -> list[dict[str, Tensor]]:
    """Errors of colour of several batches, as many photos at once as the device likes."""
    rgb, lab, ab = (torch.cat([one[part] for one in held]) for part in range(3))  # type: ignore[misc]
    known = [one[3] for one in held if one[3] is not None]
    size = photos_at_once(rgb)
    masks = torch.split(torch.cat(known), size) if known else itertools.repeat(None)
    parts = zip(torch.split(rgb, size), torch.split(lab, size), torch.split(ab, size), masks, strict=False)
    return [measure_coloring(*part) for part in parts]


def photo_colorfulness(pixels: PixelSource, indices_N: NDArray[np.int64], *, batch_size: int) -> NDArray[np.float64]:
    """How colourful the photos at `indices_N` are themselves, as the metric `colorfulness` has it."""
    batches = pixels.batches(torch.from_numpy(indices_N), batch_size)
    found = [colorfulness(photos_to_rgb(pixels_BHW3)) for pixels_BHW3 in batches]
    return torch.cat(found).cpu().double().numpy()


@torch.no_grad()
def colorize(network: JointNetwork, pixels_NHW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The network's colouring of prepared photos, seen through their lightness alone; N x H x W x 3, 8 bits."""
    network.eval()
    device = next(network.parameters()).device
    lightness_N1HW = rgb_to_lab(photos_to_rgb(torch.from_numpy(pixels_NHW3).to(device)))[:, :1]
    return to_pixels(lightness_N1HW, network_to_ab(network(lightness_to_network(lightness_N1HW)).ab_B2HW))


@torch.no_grad()
def grey(pixels_NHW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the network is shown: the photos with their lightness and no colour; N x H x W x 3, 8 bits."""
    lightness_N1HW = rgb_to_lab(photos_to_rgb(torch.from_numpy(pixels_NHW3)))[:, :1]
    return to_pixels(lightness_N1HW, torch.zeros_like(lightness_N1HW).expand(-1, 2, -1, -1))


def to_pixels(lightness_N1HW: Tensor, ab_N2HW: Tensor) -> NDArray[np.uint8]:
    """Colours as a screen shows them; N x H x W x 3, 8 bits."""
    rgb_N3HW = shown(torch.cat([lightness_N1HW, ab_N2HW], dim=1))
    pixels_NHW3: NDArray[np.uint8] = rgb_N3HW.mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels_NHW3
