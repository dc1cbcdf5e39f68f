"""What a predictor without a network reaches: the yardstick of the colour task."""

import numpy as np
import torch

from trainables.augmentation import photos_to_rgb
from trainables.color_space import ab_to_network, rgb_to_lab
from trainables.images import Images
from trainables.photo_metrics import measure
from trainables.splits import Cut


@torch.no_grad()
def constant_color(images: Images, cut: Cut, batch_size: int = 64) -> dict[str, float]:
    """Mean colour errors on the test pool of painting everything in the mean ab of train and val.

    Returns:
        `color_mse` and `delta_e`, as in a record.
    """
    known = np.sort(np.concatenate([cut.train, cut.val]))
    sums = [
        ab_to_network(rgb_to_lab(photos_to_rgb(torch.from_numpy(images.pixels_NHW3[part])))[:, 1:])
        .double()
        .mean(dim=(2, 3))
        .sum(dim=0)
        for part in np.array_split(known, max(1, len(known) // batch_size))
    ]
    mean_ab_2 = (torch.stack(sums).sum(dim=0) / len(known)).float()
    errors: dict[str, list[torch.Tensor]] = {"color_mse": [], "delta_e": []}
    for part in np.array_split(cut.test, max(1, len(cut.test) // batch_size)):
        rgb_B3HW = photos_to_rgb(torch.from_numpy(images.pixels_NHW3[part]))
        ab_B2HW = mean_ab_2[None, :, None, None].expand(len(part), 2, *rgb_B3HW.shape[-2:])
        no_logits_BC = torch.zeros(len(part), len(images.class_names))
        values = measure(rgb_B3HW, ab_B2HW, no_logits_BC, torch.zeros(len(part), dtype=torch.int64))
        for name in errors:
            errors[name].append(values[name])
    return {name: float(torch.cat(values).mean()) for name, values in errors.items()}
