"""What rules without a network get right on the test photos: a network that is no better has learned nothing.

Letters of shapes: N photos, B photos of a batch, C classes, H and W side in pixels.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.color.color_space import ab_to_network, photos_to_rgb, rgb_to_lab
from trainables.data.images import Images
from trainables.data.splits import Cut
from trainables.evaluation.measure import photos_at_once
from trainables.evaluation.photo_metrics import measure_coloring, measure_naming
from trainables.evaluation.regions import Objects

GREY, ONE_COLOR, OF_CATEGORY, FREQUENCIES = "grey", "one colour", "category's colour", "class frequencies"

BASELINES = {
    GREY: "the photo as the network is shown it",
    ONE_COLOR: "the mean colour of all training photos: what a network paints that has learned nothing but to hedge",
    OF_CATEGORY: "the mean colour of the training photos of the same category: what naming alone could add",
    FREQUENCIES: "how often each class was trained: what a network says that has learned nothing but that",
}
"""What each rule paints or says, from the photos of train and val."""

JUDGED = ("delta_e", "delta_e_inside", "delta_e_outside", "colorfulness", "p_true", "top1", "class_loss")


@torch.no_grad()
def baselines(images: Images, cut: Cut) -> dict[str, list[str] | NDArray[np.float64]]:
    """Each rule of `BASELINES` on each test photo of a cut, in colours as shown: a row a rule and photo, by column.

    The columns are `photo`, `rule` and those of `JUDGED`, NaN where a rule says nothing: of colours or of classes, or
    of the colour of a category that train and val do not have. Frequencies are those of Laplace's rule of succession
    (one photo more of each class), so that a class never trained costs something finite.
    """
    known_N = np.sort(np.concatenate([cut.train, cut.val]))
    labels_N = np.asarray(images.labels_N)
    ab_N2 = np.concatenate([_mean_ab(lab_B3HW) for _, lab_B3HW in _photos(images, known_N)])
    ab_of_class_C2 = np.full((len(images.class_names), 2), np.nan)
    for label in np.unique(labels_N[known_N]):
        ab_of_class_C2[label] = ab_N2[labels_N[known_N] == label].mean(axis=0)
    counts_C = np.bincount(labels_N[known_N], minlength=len(images.class_names)) + 1.0
    test_labels_N = labels_N[cut.test]
    named = measure_naming(
        torch.from_numpy(np.log(counts_C / counts_C.sum())).float().expand(len(cut.test), -1),
        torch.from_numpy(test_labels_N),
    )
    rules: dict[str, Mapping[str, NDArray[np.float64]]] = {
        GREY: _painted(images, cut.test, np.zeros((len(cut.test), 2))),
        ONE_COLOR: _painted(images, cut.test, np.tile(ab_N2.mean(axis=0), (len(cut.test), 1))),
        OF_CATEGORY: _painted(images, cut.test, ab_of_class_C2[test_labels_N]),
        FREQUENCIES: {name: values_N.double().numpy() for name, values_N in named.items()},
    }
    nothing_N = np.full(len(cut.test), np.nan)
    return {
        "photo": [images.photo_names[index] for _ in rules for index in cut.test],
        "rule": [rule for rule in rules for _ in cut.test],
        **{name: np.concatenate([found.get(name, nothing_N) for found in rules.values()]) for name in JUDGED},
    }


def _photos(images: Images, indices_N: NDArray[np.int64]) -> Iterator[tuple[Tensor, Tensor]]:
    """The photos in their order as RGB in [0, 1] and as Lab, a few at a time."""
    size = _batch_size(images)
    for start in range(0, len(indices_N), size):
        rgb_B3HW = photos_to_rgb(torch.from_numpy(images.pixels_NHW3[indices_N[start : start + size]]))
        yield rgb_B3HW, rgb_to_lab(rgb_B3HW)


def _batch_size(images: Images) -> int:
    return photos_at_once(torch.empty(1, 1, *images.pixels_NHW3.shape[1:3]))


def _mean_ab(lab_B3HW: Tensor) -> NDArray[np.float64]:
    return lab_B3HW[:, 1:].double().mean(dim=(2, 3)).numpy()


def _painted(
    images: Images, indices_N: NDArray[np.int64], ab_N2: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """The metrics of painting each photo in one colour."""
    size = _batch_size(images)
    masks = Objects(images, indices_N, torch.device("cpu")).batches(size)
    colors = torch.split(ab_to_network(torch.from_numpy(ab_N2))[:, :, None, None], size)
    found = [
        measure_coloring(rgb_B3HW, lab_B3HW, ab_B211.expand(-1, -1, *rgb_B3HW.shape[-2:]), inside_BHW)
        for (rgb_B3HW, lab_B3HW), ab_B211, inside_BHW in zip(_photos(images, indices_N), colors, masks, strict=True)
    ]
    return {name: torch.cat([one[name] for one in found]).double().numpy() for name in found[0]}
