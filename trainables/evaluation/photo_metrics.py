"""Every metric of `METRICS`, one number per photo: tensors of shape B, float32, on the device of the predictions.

Colours are judged as shown (`color/recolor.py`), but for the loss. Letters in names: B photos, C classes, H rows, W
columns. Nothing here waits for the device or changes a gradient.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from trainables.color import color_space
from trainables.color.recolor import shown

SSIM_WINDOW = 7
"""Side of the square window of `ssim` in pixels, the default of scikit-image; `_window_mean` is written for it."""

SMALLEST_SQUARED_ERROR = 1e-10
"""Smaller mean squared errors count as this one, so that `psnr` is at most 100 dB.

An infinite value for one perfect photo would swallow the mean of all. One 8-bit value wrong by one level in a 128 px
photo is 95 dB.
"""

MIN_TRUE_CHROMA = 1.0
"""Photos of a smaller mean chroma are grey to the eye: `chroma_ratio` would divide by noise."""


def color_mse(predicted_ab_B2HW: Tensor, true_ab_B2HW: Tensor) -> Tensor:
    """Mean squared error of (a, b), both on the network's scale ab/200 + 0.5."""
    return (predicted_ab_B2HW.float() - true_ab_B2HW.float()).square().mean(dim=(1, 2, 3))


def delta_e(true_lab_B3HW: Tensor, predicted_lab_B3HW: Tensor) -> Tensor:
    """Mean CIEDE2000 difference over the photo's pixels."""
    return color_space.delta_e_2000(true_lab_B3HW, predicted_lab_B3HW).mean(dim=(1, 2))


def delta_e_of_regions(
    true_lab_B3HW: Tensor, predicted_lab_B3HW: Tensor, inside_BHW: Tensor | None
) -> dict[str, Tensor]:
    """Mean CIEDE2000 difference over the photo, its object, and the rest.

    `inside_BHW`, bool, says which pixels show the object. NaN for both regions of a photo where none does, and without
    `inside_BHW`.
    """
    error_BHW = color_space.delta_e_2000(true_lab_B3HW, predicted_lab_B3HW)
    if inside_BHW is None:
        inside_B = outside_B = error_BHW.new_full((len(error_BHW),), torch.nan)
    else:
        num_inside_B = inside_BHW.sum(dim=(1, 2))
        inside_B = error_BHW.where(inside_BHW, 0).sum(dim=(1, 2)) / num_inside_B
        outside_B = error_BHW.where(~inside_BHW, 0).sum(dim=(1, 2)) / (~inside_BHW).sum(dim=(1, 2))
        outside_B = outside_B.where(num_inside_B > 0, torch.nan)
    return {"delta_e": error_BHW.mean(dim=(1, 2)), "delta_e_inside": inside_B, "delta_e_outside": outside_B}


def colorfulness(rgb_B3HW: Tensor) -> Tensor:
    """How colourful a photo seems, RGB in [0, 1] (Hasler and Suesstrunk 2003); about 0 for grey, 109 for extremes."""
    red, green, blue = rgb_B3HW.float().mul(255).unbind(1)
    axes_2BHW = torch.stack([red - green, (red + green) / 2 - blue])
    means_2B = axes_2BHW.mean(dim=(2, 3))
    variances_2B = (axes_2BHW - means_2B[..., None, None]).square_().mean(dim=(2, 3))
    return variances_2B.sum(dim=0).sqrt() + 0.3 * means_2B.square().sum(dim=0).sqrt()


def chroma_ratio(true_lab_B3HW: Tensor, predicted_lab_B3HW: Tensor) -> Tensor:
    """The mean chroma of the prediction over that of the photo, which tells hedging; NaN for a photo without colour."""
    predicted_B, true_B = (_mean_chroma(lab_B3HW) for lab_B3HW in (predicted_lab_B3HW, true_lab_B3HW))
    return (predicted_B / true_B).where(true_B >= MIN_TRUE_CHROMA, torch.nan)


def _mean_chroma(lab_B3HW: Tensor) -> Tensor:
    _, a, b = lab_B3HW.float().unbind(1)
    return torch.addcmul(a * a, b, b).sqrt_().mean(dim=(1, 2))


def psnr(true_rgb_B3HW: Tensor, predicted_rgb_B3HW: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB, RGB in [0, 1], at most 100 (see `SMALLEST_SQUARED_ERROR`)."""
    error_B = (true_rgb_B3HW.float() - predicted_rgb_B3HW.float()).square().mean(dim=(1, 2, 3))
    return -10 * torch.log10(error_B.clamp_min(SMALLEST_SQUARED_ERROR))


def ssim(true_rgb_B3HW: Tensor, predicted_rgb_B3HW: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004), RGB in [0, 1], with the defaults of scikit-image.

    Uniform 7 x 7 window, sample covariance, mean over the windows inside the photo and over the channels.
    Raises `ValueError` if the photo is smaller than the window.
    """
    height, width = true_rgb_B3HW.shape[-2:]
    if min(height, width) < SSIM_WINDOW:
        raise ValueError(f"ssim needs photos of at least {SSIM_WINDOW} px, but got {height} x {width}.")
    # Variances are differences of two means; taken about mid-grey instead of black they lose two bits less.
    x, y = true_rgb_B3HW.float() - 0.5, predicted_rgb_B3HW.float() - 0.5
    mean_x, mean_y, mean_squares, mean_product = (_window_mean(m) for m in (x, y, x * x + y * y, x * y))
    sample = SSIM_WINDOW**2 / (SSIM_WINDOW**2 - 1)
    variances = sample * (mean_squares - mean_x * mean_x - mean_y * mean_y)
    covariance = sample * (mean_product - mean_x * mean_y)
    mean_x, mean_y = mean_x + 0.5, mean_y + 0.5
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean_x * mean_x + mean_y * mean_y + c1) * (variances + c2))
    return similarity.mean(dim=(1, 2, 3))


def _window_mean(values_B3HW: Tensor) -> Tensor:
    """Means over 7 x 7 windows inside the photo: sums by way of pairs and fours, six times as fast as `avg_pool2d`."""
    for dim in (2, 3):
        num_windows = values_B3HW.shape[dim] - SSIM_WINDOW + 1
        pairs = values_B3HW.narrow(dim, 0, num_windows + 5) + values_B3HW.narrow(dim, 1, num_windows + 5)
        fours = pairs.narrow(dim, 0, num_windows) + pairs.narrow(dim, 2, num_windows)
        values_B3HW = fours + pairs.narrow(dim, 4, num_windows) + values_B3HW.narrow(dim, 6, num_windows)
    return values_B3HW / SSIM_WINDOW**2


def top_k(logits_BC: Tensor, labels_B: Tensor, k: int) -> Tensor:
    """1 where the true class is among the k classes with the largest logits, else 0.

    Of equal logits the lower class comes first, as in `argmax`: logits in bfloat16 often tie, and top-1 must agree with
    the class we name. With k or fewer classes every photo is a hit. NaN is never a hit.
    Raises `ValueError` for k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, but got {k!r}.")
    num_classes = logits_BC.shape[1]
    labels_B1 = labels_B[:, None]
    true_logit_B1 = logits_BC.gather(1, labels_B1)
    classes_C = torch.arange(num_classes, device=logits_BC.device)
    tied_ahead_BC = (logits_BC == true_logit_B1) & (classes_C < labels_B1)
    ahead_BC = ~(logits_BC <= true_logit_B1) | tied_ahead_BC  # "not <=" instead of ">" so that NaN counts as ahead
    return (ahead_BC.sum(dim=1) < min(k, num_classes)).float()


def class_loss(logits_BC: Tensor, labels_B: Tensor) -> Tensor:
    """Cross-entropy in nats."""
    return cross_entropy(logits_BC.float(), labels_B, reduction="none")


def measure_naming(logits_BC: Tensor, labels_B: Tensor) -> dict[str, Tensor]:
    """The metrics of `METRICS` that no colours are needed for, as in `measure`."""
    loss_B = class_loss(logits_BC, labels_B)
    return {
        "top1": top_k(logits_BC, labels_B, 1),
        "top5": top_k(logits_BC, labels_B, 5),
        "p_true": torch.exp(-loss_B),
        "class_loss": loss_B,
    }


def measure_coloring(
    true_rgb_B3HW: Tensor, true_lab_B3HW: Tensor, predicted_ab_B2HW: Tensor, inside_BHW: Tensor | None
) -> dict[str, Tensor]:
    """The metrics of `METRICS` that need nothing but colours, as in `measure`."""
    # In one plane a channel: from the interleaved memory of photos half as fast.
    true_rgb, true_lab = true_rgb_B3HW.float().contiguous(), true_lab_B3HW.contiguous()
    predicted_ab_B2HW = predicted_ab_B2HW.float()
    predicted_rgb = shown(torch.cat((true_lab[:, :1], color_space.network_to_ab(predicted_ab_B2HW)), dim=1))
    predicted_lab = color_space.rgb_to_lab(predicted_rgb)
    loss_B = color_mse(predicted_ab_B2HW, color_space.ab_to_network(true_lab[:, 1:]))
    judged = {
        **delta_e_of_regions(true_lab, predicted_lab, inside_BHW),
        "psnr": psnr(true_rgb, predicted_rgb),
        "ssim": ssim(true_rgb, predicted_rgb),
        "colorfulness": colorfulness(predicted_rgb),
        "chroma_ratio": chroma_ratio(true_lab, predicted_lab),
    }
    # A prediction that is no number is shown as black; its photo has no value all the same.
    return {"color_mse": loss_B, **{name: values_B + 0 * loss_B for name, values_B in judged.items()}}


def measure(
    true_rgb_B3HW: Tensor,
    true_lab_B3HW: Tensor,
    predicted_ab_B2HW: Tensor,
    inside_BHW: Tensor | None,
    logits_BC: Tensor,
    labels_B: Tensor,
) -> dict[str, Tensor]:
    """Every metric of `METRICS` that one pass over a batch gives: its name to a tensor of shape B.

    RGB lies in [0, 1], of 8 bits, and Lab is its own; predicted ab lies on the network's scale ab/200 + 0.5. The
    predicted photo keeps the true lightness. `inside_BHW` as in `delta_e_of_regions`.
    """
    return {
        **measure_coloring(true_rgb_B3HW, true_lab_B3HW, predicted_ab_B2HW, inside_BHW),
        **measure_naming(logits_BC, labels_B),
    }
