"""What one trial is: every setting a study may fix, search or compare, and the data it is trained on.

Free of torch, so that a driver can check ten thousand settings without loading it.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from trainables.optimizers import OPTIMIZERS, SCHEDULES

CHOICES: dict[str, tuple[str, ...]] = {
    "pooling": ("flatten", "average"),
    "stop_class_gradient": ("none", "low_level", "head"),
    "stop_color_gradient": ("none", "global"),
    "task_weighting": ("fixed", "uncertainty", "pcgrad"),
    "optimizer": tuple(OPTIMIZERS),
    "schedule": tuple(SCHEDULES),
    "precision": ("auto", "float32", "bfloat16"),
    "dataset": ("orchard", "ncd", "stanford_dogs", "folder", "analytic"),
    "split": ("pool", "official", "file", "tail"),
}
"""The fields that take one name out of a few."""

FOLDER_DATASETS = ("ncd", "stanford_dogs", "folder")
"""Data sets that are read from a folder of class folders."""

OPTIMIZER_SETTINGS = ("weight_decay", "momentum", "beta1", "beta2", "rho")
"""Fields that only some optimizers have."""

ONE_DATASET = {
    "num_classes": "orchard",
    "photos_per_class": "orchard",
    "coupling": "orchard",
    "epoch_seconds": "analytic",
    "extra_metrics": "analytic",
}
"""Fields of the data that only one data set has."""


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """One network and its training. The defaults are the paper's (Iizuka et al. 2016)."""

    epochs: int = 60
    """Passes over the training photos, at least 1."""
    batch_size: int = 64
    """Photos per step, at least 2 (batch norm). An incomplete last batch of an epoch is left out."""

    width: float = 1.0
    """Multiplies the channels of every layer but the last ones, in (0, 4]; rounded to multiples of 8."""
    pooling: str = "flatten"
    """How the global block turns its last feature map into a vector: `flatten` (the paper) or `average`. They are one
    network where the global block sees 32 pixels or fewer."""
    global_size: int | None = None
    """Side in pixels of the copy that the global block sees (the paper: 224). None: the image itself."""
    extra_convolutions: int = 0
    """Further 3x3 convolutions at the end of each convolutional block (low, mid, global, colour), 0 to 8."""
    residual: bool = False
    """Skip connections around the extra convolutions; needs at least one of them."""
    dropout: float = 0.0
    """Share of units dropped while training, after every hidden fully connected layer, in [0, 1)."""
    fusion: bool = True
    """Whether the colour branch sees the global vector. False: it sees mid-level features alone."""

    color_loss_weight: float = 1.0
    """Factor of the mean squared colour error, at least 0. At 0 the task is not trained."""
    class_loss_weight: float = 1 / 300
    """Factor of the mean cross-entropy (the paper's alpha), at least 0. At 0 the task is not trained."""
    shuffle_labels: bool = False
    """Whether training photos carry each other's labels, dealt out once per replicate."""
    stop_class_gradient: str = "none"
    """What the class loss does not reach: `low_level`: the shared low-level block; `head`: all but the class head."""
    stop_color_gradient: str = "none"
    """What the colour loss does not reach: `global`: all global layers that the class loss trains."""
    task_weighting: str = "fixed"
    """How the two tasks are weighed in the layers they share: `fixed` by the two weights above; `uncertainty`: learned,
    starting from them; `pcgrad`: weighted gradients that oppose each other are projected. See `task_weighting.py`."""
    weighting_learning_rate: float | None = None
    """uncertainty: peak learning rate of the learned weights, above 0. None: that of the network."""

    optimizer: str = "adadelta"
    """A name out of `OPTIMIZERS`."""
    learning_rate: float | None = None
    """Peak learning rate, above 0. None: the optimizer's own default."""
    weight_decay: float | None = None
    """At least 0. None: the optimizer's own default. So for the four below."""
    momentum: float | None = None
    """sgd (Nesterov) and rmsprop, in [0, 1)."""
    beta1: float | None = None
    """adam and adamw: decay of the gradient's mean, in [0, 1)."""
    beta2: float | None = None
    """adam and adamw: decay of the squared gradient's mean, in [0, 1)."""
    rho: float | None = None
    """adadelta and rmsprop: decay of the squared gradient's mean, in [0, 1)."""
    schedule: str = "constant"
    """The learning rate after warm-up: a name out of `SCHEDULES`."""
    warmup_share: float = 0.0
    """Share of all steps over which the learning rate rises linearly, in [0, 1)."""

    crop_min_area: float = 0.6
    """Smallest share of a photo's area that a random crop keeps, in (0, 1]. 1: no crop."""
    flip: bool = True
    """Whether training photos are mirrored left to right half of the time."""
    max_rotation_degrees: float = 10.0
    """Training photos are rotated by up to this angle either way, in [0, 45]."""

    device: str = "auto"
    """`auto` takes cuda, else mps, else cpu; or a torch device such as `cuda:1`."""
    precision: str = "auto"
    """Of the network's forward pass: `bfloat16` (autocast) or `float32`. `auto`: bfloat16 where the chip has it."""
    compile: bool = False
    """Whether the step is compiled (torch.compile): dozens of seconds at the first trial of a machine, then faster."""
    photos_memory_share: float = 0.3
    """Share of the device's memory that the photos may take, in [0, 1]; more of them are streamed from disk."""
    device_memory_share: float = 1.0
    """Share of a GPU's memory that the trial may take, in (0, 1]. A study sets it to the trial's share of the GPU."""
    diagnostics_every: int = 0
    """Gradients and affinities of the two tasks are measured after epoch 1 and every so many later; 0: never. Costs
    about three steps and a second network and optimizer in memory each time, and changes no weight. Trials whose tasks
    share no trained layer have none."""
    num_threads: int = 1
    """CPU threads of the trial, at least 1. Part of the result: sums in another order round differently."""
    checkpoint_seconds: float = 30.0
    """A checkpoint is written at an epoch's end once this many seconds have passed since the last one."""

    def __post_init__(self) -> None:
        _check_types(self)
        _check_choices(self)
        _check_range(self, "epochs", low=1)
        _check_range(self, "batch_size", low=2)
        _check_range(self, "width", low=0, high=4, open_low=True)
        if self.global_size is not None:
            _check_range(self, "global_size", low=16)
        _check_range(self, "extra_convolutions", low=0, high=8)
        for field in ("dropout", "warmup_share"):
            _check_range(self, field, low=0, high=1, open_high=True)
        for field in ("color_loss_weight", "class_loss_weight", "checkpoint_seconds"):
            _check_range(self, field, low=0)
        _check_range(self, "crop_min_area", low=0, high=1, open_low=True)
        _check_range(self, "max_rotation_degrees", low=0, high=45)
        _check_range(self, "photos_memory_share", low=0, high=1)
        _check_range(self, "device_memory_share", low=0, high=1, open_low=True)
        _check_range(self, "num_threads", low=1)
        _check_range(self, "diagnostics_every", low=0)
        for field in ("learning_rate", "weighting_learning_rate"):
            if getattr(self, field) is not None:
                _check_range(self, field, low=0, open_low=True)
        self._check_optimizer_settings()
        self._check_effects()

    def _check_optimizer_settings(self) -> None:
        known = OPTIMIZERS[self.optimizer].settings
        for field in OPTIMIZER_SETTINGS:
            if getattr(self, field) is None:
                continue
            if field not in known:
                having = sorted(name for name, spec in OPTIMIZERS.items() if field in spec.settings)
                raise ValueError(
                    f"{field} has no effect with optimizer {self.optimizer!r}. Optimizers that have it: {having}."
                )
            if field == "weight_decay":
                _check_range(self, field, low=0)
            else:
                _check_range(self, field, low=0, high=1, open_high=True)

    def _check_effects(self) -> None:
        """A setting without effect would make two arms the same under two names."""
        trains_class = self.class_loss_weight > 0
        if not trains_class and self.color_loss_weight == 0:
            raise ValueError("color_loss_weight and class_loss_weight are both 0: there is nothing to train.")
        if self.residual and self.extra_convolutions == 0:
            raise ValueError("residual has no effect without extra_convolutions, but extra_convolutions is 0.")
        if self.shuffle_labels and not trains_class:
            raise ValueError("shuffle_labels has no effect, because class_loss_weight is 0.")
        if self.stop_class_gradient != "none" and not trains_class:
            raise ValueError("stop_class_gradient has no effect, because class_loss_weight is 0.")
        if self.stop_color_gradient != "none" and (not self.fusion or self.color_loss_weight == 0):
            raise ValueError("stop_color_gradient has no effect without fusion and a color_loss_weight above 0.")
        if self.global_size is not None:
            self._check_pooling("global_size", self.global_size)
        self._check_task_weighting()

    def check_photos(self, image_size: int) -> None:
        """Refuses, with a ValueError, a setting that has no effect on photos of this side in pixels."""
        if self.global_size is None:
            self._check_pooling("image_size", image_size)

    def _check_pooling(self, name: str, side: int) -> None:
        """The convolutions before it divide the side by 32; a map of one pixel is its own average."""
        if self.pooling == "average" and side <= 32:
            raise ValueError(
                f"pooling 'average' has no effect with {name} {side}, of which the global block's last map has one "
                "pixel; use 'flatten', which is the same network."
            )

    def _check_task_weighting(self) -> None:
        if self.task_weighting != "uncertainty" and self.weighting_learning_rate is not None:
            raise ValueError(
                f"weighting_learning_rate has no effect with task_weighting {self.task_weighting!r}; "
                "only 'uncertainty' has it."
            )
        if self.task_weighting == "fixed":
            return
        weighs = f"task_weighting {self.task_weighting!r} weighs two tasks against each other"
        for field in ("color_loss_weight", "class_loss_weight"):
            if getattr(self, field) == 0:
                raise ValueError(f"{weighs}, but {field} is 0; use 'fixed'.")
        if not self.shared_blocks:
            # Each of these keeps one of the tasks from a block; the first that is set is named.
            stops = {"stop_class_gradient": "none", "stop_color_gradient": "none", "fusion": True}
            field = next(name for name, free in stops.items() if getattr(self, name) != free)
            value = getattr(self, field)
            raise ValueError(f"{weighs} in the layers that both train, but {field} {value!r} leaves none; use 'fixed'.")

    @property
    def shared_blocks(self) -> tuple[str, ...]:
        """The blocks of the network whose parameters both losses reach; none where one task alone is trained."""
        if self.color_loss_weight == 0 or self.class_loss_weight == 0 or self.stop_class_gradient == "head":
            return ()
        low_level = ("low_level",) if self.stop_class_gradient == "none" else ()
        color_reaches_global = self.fusion and self.stop_color_gradient == "none"
        return (*low_level, "global_convolutions", "global_features") if color_reaches_global else low_level

    def measures_color(self, epoch: int) -> bool:
        """Whether the record of an epoch (from 1) carries the metrics of colouring: where that is not trained, only the
        last one does."""
        return self.color_loss_weight > 0 or epoch == self.epochs

    def diagnoses(self, epoch: int) -> bool:
        """Whether the record of an epoch (from 1) carries `DIAGNOSTICS`."""
        every = self.diagnostics_every
        return every > 0 and (epoch - 1) % every == 0 and bool(self.shared_blocks)

    @property
    def optimizer_settings(self) -> dict[str, float]:
        """The optimizer's own settings, learning rate included, defaults filled in."""
        spec = OPTIMIZERS[self.optimizer]
        values = {field: getattr(self, field) for field in ("learning_rate", *spec.settings)}
        defaults = {"learning_rate": spec.learning_rate, **spec.settings}
        return {field: defaults[field] if value is None else value for field, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The config with these fields; a field it does not have is a ValueError naming those it has."""
        return cls(**_known_fields(cls, values))


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which photos a study trains on, at what size, and how they are cut."""

    dataset: str = "orchard"
    """`orchard` (drawn in code), `ncd`, `stanford_dogs` or `folder` (photos), or `analytic` (a formula, no photos)."""
    root: str | None = None
    """Folder of the class folders; for `stanford_dogs` the folder that holds Images, Annotation and the lists."""
    image_size: int = 128
    """Side in pixels of the prepared photos, a multiple of 8, at least 16."""
    test_share: float = 0.25
    """Share of content groups in the test pool, in (0, 1)."""
    val_share: float = 0.2
    """Share of the remaining content groups used to choose settings, in (0, 1)."""
    split: str = "pool"
    """How the test photos are chosen: `pool` cuts them once from the seed, `official` takes the data set's own list,
    `file` that of `split_file`, `tail` the last `test_share` of the photos in order of class (which leaves the last
    classes untrained: there to show its effect)."""
    folds: int = 1
    """Disjoint test pools that the content groups are cut into, each with trials of its own; a study says how many in
    `confirm.folds`. 1: one pool of `test_share`."""
    split_file: str | None = None
    """CSV file with the columns photo and split (train, val or test); for split `file`."""
    min_chroma: float = 0.0
    """Training photos paler than this are left out of the colour loss and kept for the class loss; at least 0, in
    CIELAB units of the chroma that 5 % of a photo's pixels exceed. 0: none is left out."""
    seed: int = 0
    """Fixes the test pool and, with a replicate's number, everything random of a trial. At least 0."""

    num_classes: int | None = None
    """orchard: kinds of shapes."""
    photos_per_class: int | None = None
    """orchard: photos drawn of each kind."""
    coupling: float | None = None
    """orchard: how strongly the hue follows the kind, in [0, 1]."""

    epoch_seconds: float | None = None
    """analytic: how long an epoch takes; the trial sleeps."""
    extra_metrics: int | None = None
    """analytic: further numbers in each record, `extra/1` and so on, without a meaning."""

    def __post_init__(self) -> None:
        _check_types(self)
        _check_choices(self)
        _check_range(self, "image_size", low=16)
        if self.image_size % 8:
            raise ValueError(f"image_size must be a multiple of 8, but got {self.image_size!r}.")
        for field in ("test_share", "val_share"):
            _check_range(self, field, low=0, high=1, open_low=True, open_high=True)
        _check_range(self, "seed", low=0)
        _check_range(self, "min_chroma", low=0)
        _check_range(self, "folds", low=1)
        reads_folder = self.dataset in FOLDER_DATASETS
        if reads_folder and not self.root:
            raise ValueError(f"root must name the folder of class folders for dataset {self.dataset!r}.")
        if not reads_folder and self.root is not None:
            raise ValueError(f"root has no effect with dataset {self.dataset!r}.")
        for field, dataset in ONE_DATASET.items():
            if getattr(self, field) is not None and self.dataset != dataset:
                raise ValueError(f"{field} has no effect with dataset {self.dataset!r}; only {dataset} has it.")
        self._check_split()
        if self.num_classes is not None:
            _check_range(self, "num_classes", low=2)
        if self.photos_per_class is not None:
            _check_range(self, "photos_per_class", low=3)
        if self.coupling is not None:
            _check_range(self, "coupling", low=0, high=1)
        for field in ("epoch_seconds", "extra_metrics"):
            if getattr(self, field) is not None:
                _check_range(self, field, low=0)

    def _check_split(self) -> None:
        if self.split == "official" and self.dataset != "stanford_dogs":
            raise ValueError(
                f"split 'official' needs a data set with lists of its own, but got dataset {self.dataset!r}. "
                "Those that have them: ['stanford_dogs']."
            )
        if self.split == "file" and self.dataset not in FOLDER_DATASETS:
            raise ValueError(f"split 'file' needs photos in a folder, but got dataset {self.dataset!r}.")
        if self.split == "file" and not self.split_file:
            raise ValueError("split_file must name a CSV file with the columns photo and split for split 'file'.")
        if self.split != "file" and self.split_file is not None:
            raise ValueError(f"split_file has no effect with split {self.split!r}; only 'file' reads it.")
        default = {field.name: field.default for field in dataclasses.fields(self)}["test_share"]
        if self.split in ("official", "file") and self.test_share != default:
            raise ValueError(f"test_share has no effect with split {self.split!r}, which names the test photos itself.")
        if self.folds > 1 and self.split != "pool":
            raise ValueError(f"folds must be 1 with split {self.split!r}, which has one test pool; use split 'pool'.")
        if self.folds > 1 and self.test_share != default:
            raise ValueError(f"test_share has no effect with {self.folds} folds, of which each is the test pool once.")
        if self.min_chroma and self.dataset == "analytic":
            raise ValueError("min_chroma has no effect with dataset 'analytic', which has no photos.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The config with these fields; a field it does not have is a ValueError naming those it has."""
        return cls(**_known_fields(cls, values))


def _known_fields(cls: type, values: Mapping[str, Any]) -> Mapping[str, Any]:
    known = [field.name for field in dataclasses.fields(cls)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"Unknown field {unknown[0]!r} of {cls.__name__}. Known: {sorted(known)}.")
    return values


def _check_types(config: Any) -> None:
    """YAML and JSON give any type; an int is a fine float, but True is no number and 64.0 no count."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        kinds = {
            name.strip() for name in str(field.type if isinstance(field.type, str) else _name(field.type)).split("|")
        }
        actual = "None" if value is None else type(value).__name__
        if actual == "int" and "float" in kinds and not isinstance(value, bool):
            object.__setattr__(config, field.name, float(value))
        elif actual not in kinds:
            raise ValueError(f"{field.name} must be of type {' or '.join(sorted(kinds))}, but got {value!r}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{field.name} must be finite, but got {value!r}.")


def _name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _check_choices(config: Any) -> None:
    for field in dataclasses.fields(config):
        known = CHOICES.get(field.name)
        value = getattr(config, field.name)
        if known is not None and value not in known:
            raise ValueError(f"Unknown {field.name} {value!r}. Known: {sorted(known)}.")


def _check_range(
    config: Any,
    field: str,
    *,
    low: float,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    value = getattr(config, field)
    if (value > low or (value == low and not open_low)) and (value < high or (value == high and not open_high)):
        return
    if high == math.inf:
        rule = f"be above {low:g}" if open_low else f"be at least {low:g}"
    else:
        rule = f"lie in {'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
    raise ValueError(f"{field} must {rule}, but got {value!r}.")
