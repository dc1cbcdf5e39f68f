"""What one trial is handed: photos, the cut of its replicate, and the seeds that follow from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainables.config import DataConfig
from trainables.data.images import Images
from trainables.data.splits import Cut, cut_replicate, fold_seed
from trainables.seeds import derive_seed


@dataclass(frozen=True, kw_only=True)
class TrialData:
    """The photos of a trial and which of them it may use for what."""

    images: Images
    cut: Cut
    """Train and val; `test` is empty in search, so that no search trial can read the pool."""
    seed: int
    """Of the fold; with one fold the study's."""
    replicate: int
    colorful_N: NDArray[np.bool_] | None = None
    """Whether a photo takes part in the colour loss, by `min_chroma`; None: all do. All take part in the class loss."""

    def seed_for(self, *purpose: int | str) -> int:
        """The seed of one random purpose of this replicate; the same in every arm."""
        return derive_seed(self.seed, self.replicate, *purpose)

    def train_labels(self, *, shuffled: bool) -> NDArray[np.int64]:
        """Labels of all photos as training sees them; shuffled ones are dealt out among the training photos alone."""
        labels_N = np.array(self.images.labels_N, dtype=np.int64)
        if shuffled:
            generator = np.random.default_rng(self.seed_for("shuffled labels"))
            labels_N[self.cut.train] = generator.permutation(labels_N[self.cut.train])
        return labels_N


def trial_data(images: Images, data: DataConfig, *, replicate: int, with_test: bool, fold: int = 0) -> TrialData:
    """The data of one trial: `with_test` only in confirm."""
    cut = cut_replicate(images, data, replicate, fold)
    if not with_test:
        cut = Cut(train=cut.train, val=cut.val, test=np.empty(0, dtype=np.int64))
    colorful_N = None
    if data.min_chroma:
        assert images.chroma_N is not None
        colorful_N = images.chroma_N >= data.min_chroma
        if not colorful_N[cut.train].any():
            raise ValueError(f"min_chroma {data.min_chroma:g} leaves no training photo for the colour loss: lower it.")
    return TrialData(images=images, cut=cut, seed=fold_seed(data, fold), replicate=replicate, colorful_N=colorful_N)
