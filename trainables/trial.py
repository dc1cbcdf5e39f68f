"""A trial as data: what to train, on what, as which replicate; and the generator that trains it."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, Self

from trainables.config import DataConfig, TrialConfig
from trainables.data.images import Images, load_images
from trainables.data.splits import fold_seed
from trainables.data.trial_data import trial_data
from trainables.preparation.prepare import prepare
from trainables.records import PHASES, PhotoMeasures, Record


class End(Protocol):
    """What every trial leaves."""

    @property
    def test(self) -> PhotoMeasures | None: ...


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One network to train. The ledger's trial.json holds these fields, so it describes a trial without a study."""

    config: TrialConfig
    data: DataConfig
    replicate: int = 0
    """Fixes cut, initial weights, order of batches and augmentation."""
    fold: int = 0
    """Which of the data's `folds` test pools the trial is measured on, and never trained or chosen by."""
    confirms: bool = False
    """Whether the trained network is measured on the test pool."""

    def __post_init__(self) -> None:
        if not isinstance(self.replicate, int) or self.replicate < 0:
            raise ValueError(f"replicate must be a whole number of at least 0, but got {self.replicate!r}.")
        fold_seed(self.data, self.fold)
        self.config.check_photos(self.data.image_size)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Reads `config`, `data`, `replicate`, `fold` and `phase`; other keys, such as the ledger's, are left alone."""
        if not isinstance(document, Mapping):
            raise ValueError("A trial must be a JSON object with the keys config, data, replicate and phase.")
        phase = document.get("phase", "search")
        if phase not in PHASES:
            raise ValueError(f"Unknown phase {phase!r}. Known: {sorted(PHASES)}.")
        return cls(
            config=TrialConfig.from_dict(document.get("config", {})),
            data=DataConfig.from_dict(document.get("data", {})),
            replicate=document.get("replicate", 0),
            fold=document.get("fold", 0),
            confirms=phase == "confirm",
        )


@lru_cache(maxsize=1)
def images_of(data: DataConfig, cache: Path, digest: str | None = None) -> Images:
    """The prepared photos of a data set, prepared now if they are not yet; a worker trains many trials on them.

    Photos of this `digest` that lie ready are taken as they are, without reading the originals.
    """
    if data.dataset == "analytic":
        from trainables.analytic_surface import analytic_images

        return analytic_images(data)
    return load_images(prepare(data, cache, digest=digest))


def start(trial: Trial, images: Images, checkpoint: Path | None = None) -> Generator[Record, None, End]:
    """The generator of a trial: records, and at the end what it leaves."""
    data = trial_data(images, trial.data, replicate=trial.replicate, with_test=trial.confirms, fold=trial.fold)
    if trial.data.dataset == "analytic":
        from trainables import analytic_surface

        seconds, num_extra = trial.data.epoch_seconds or 0.0, trial.data.extra_metrics or 0
        return analytic_surface.run_epochs(
            trial.config, data, checkpoint, epoch_seconds=seconds, extra_metrics=num_extra
        )
    from trainables.training import epochs

    return epochs.run_epochs(trial.config, data, checkpoint)
