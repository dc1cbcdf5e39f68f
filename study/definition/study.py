"""What a study file says: one question, its arms and their settings. `load.py` reads one and checks it as a whole.

The settings of a trial and of the data are the fields of TrialConfig and DataConfig; their defaults are there alone.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    Strict,
)

from study.definition import document as yaml_lines
from study.definition.catalog import place_of
from study.definition.methods import EARLY_STOPPING, SAMPLERS
from study.errors import Path, nearest
from study.search_space.distributions import Scalar
from study.search_space.scenarios import Scenario, scenarios, tasks_of
from study.search_space.settings import parse_setting
from study.search_space.space import Space, build_space, params_of
from trainables.config import DataConfig, TrialConfig
from trainables.metrics import metric_of

Text = Annotated[str, Strict()]
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
YesNo = Annotated[bool, Strict()]
Settings = Annotated[dict[Text, Any], BeforeValidator(lambda raw: {} if raw is None else raw)]
"""A mapping of settings; nothing after the colon is none of them."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Contrast(_Section):
    """Two arms and the metric they are compared on, paired by replicate and photo."""

    treatment: Text
    """The arm in question."""
    control: Text
    """The arm it is compared with."""
    metric: Text
    """Measured on the test pool: `test/` and a name of METRICS."""
    question: Text = ""
    """Which of several questions it belongs to: the contrasts of one question share an error of 5 %."""


class Search(_Section):
    """How good settings are looked for, in every arm alike."""

    trials_per_arm: Whole = Field(ge=1)
    """Trials of each arm."""
    sampler: Literal[tuple(SAMPLERS)] = "tpe"  # type: ignore[valid-type]
    """What suggests settings."""
    early_stopping: Literal[tuple(EARLY_STOPPING)] = "none"  # type: ignore[valid-type]
    """What stops trials before their last epoch, by comparison within an arm; see `study/search/early_stopping.py`."""
    min_epochs: Whole = Field(default=5, ge=1)
    """Epochs before a trial may be stopped."""
    reduction_factor: Whole = Field(default=3, ge=2)
    """Of this many trials one goes on at each halving; the epochs between two grow by the same factor."""
    grace_trials: Whole = Field(default=3, ge=2)
    """Trials of an arm that must have reached an epoch before one of them is stopped there."""
    enqueue: list[Settings] = []
    """Settings tried first in every arm that searches them; those left out are sampled."""
    warm_start: Text | None = Field(default=None, min_length=1)
    """Folder of another study whose best settings are tried next, arm by arm; see `study/search/warm_start.py`."""
    rechecks: Whole = Field(default=2, ge=0)
    """Of each arm's best settings so many run again, on another replicate, before one is chosen; 0: none."""


class Confirm(_Section):
    """How the chosen settings are trained again, and when the verdict may be reached."""

    folds: Whole = Field(default=1, ge=1)
    """Disjoint test pools, each with a search of its own that never saw it; 1: one pool of `data.test_share`."""
    looks: Annotated[list[Annotated[Whole, Field(ge=1)]], Field(min_length=1, max_length=2)] | None = None
    """With folds: after how many replicates of every fold the verdict may be reached, such as [1, 2]."""
    replicates: Annotated[Whole, Field(ge=2)] | None = None
    """Without folds: fresh trainings of each chosen setting; a spread needs two."""
    twins: YesNo = False
    """Whether chosen settings that train both tasks are also trained with one task's weight at zero, where a primary
    contrast finds an effect."""

    @property
    def num_replicates(self) -> int:
        """Fresh trainings of each chosen setting, in every fold, at most."""
        return self.all_looks[-1]

    @property
    def all_looks(self) -> tuple[int, ...]:
        """Replicates at each look; with one fold there is one look, at the end."""
        looks = (self.replicates,) if self.folds == 1 else self.looks
        assert looks and looks[-1] is not None, "question_checks demands looks with folds, replicates without"
        return tuple(int(look) for look in looks if look is not None)

    @property
    def shares(self) -> tuple[float, ...]:
        """What each look spends of the error; an early one little, at half of the replicates or before less still."""
        looks = self.all_looks
        if len(looks) == 1:
            return (1.0,)
        first = EARLY_SHARE if 2 * looks[0] <= looks[1] else LATE_SHARE
        return (first, 1 - first)


EARLY_SHARE, LATE_SHARE = 0.1, 0.2
"""Of the error, at the first of two looks: the two designs that were simulated, looks 1 and 2, and looks 2 and 3."""


class Spread(_Section):
    """Standard deviations of the difference between two arms, in the metric's unit; for the power of a plan alone."""

    replicates: Number = Field(ge=0)
    """Between fresh trainings."""
    photos: Number = Field(ge=0)
    """Between photos."""
    rest: Number = Field(ge=0)
    """Of one photo in one training, beside the two."""
    search: Number = Field(default=0.0, ge=0)
    """Between searches, each with its own chosen settings."""


class Resources(_Section):
    """What one trial occupies."""

    cpus_per_trial: Number = Field(default=1.0, gt=0)
    """CPU cores, or a share of one."""
    gpus_per_trial: Number | None = Field(default=None, ge=0)
    """GPUs, or a share of one. None: decided where the study is launched, by what is there."""
    accelerator_type: Text | None = None
    """Kind of GPU that trials run on, by Ray's name for it, such as `H100`. None: whatever GPUs there are."""


class Study(_Section):
    """One question, the arms it compares, and how they are searched and confirmed."""

    name: Text = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    """Names the study's folder: letters, digits, `-` and `_`."""
    question: Text = Field(min_length=1)
    """What the study shall answer."""
    seed: Whole = Field(default=0, ge=0, lt=2**31)
    """Fixes the test pool, the replicates and the sampler."""
    data: Settings
    """Fields of DataConfig but its seed, which is the study's."""
    base: Settings = {}
    """Fields of TrialConfig, fixed in every arm that does not override them."""
    space: Settings = {}
    """Fields of TrialConfig searched in every arm that does not override them; see `study/search_space/settings.py`."""
    arms: dict[Text, Settings] = Field(min_length=1)
    """What is compared: overrides of base and space by arm."""
    objectives: dict[Text, Literal["min", "max"]] = Field(min_length=1)
    """What the search improves, and its direction: `val/` and a name of METRICS."""
    contrasts: dict[Text, Contrast] = Field(min_length=1)
    """The primary family, decided before any data."""
    controls: dict[Text, Contrast] = {}
    """The second family: contrasts that explain the first."""
    margin: dict[Text, Annotated[Number, Field(gt=0)]]
    """For each metric of a contrast the difference below which nobody would care."""
    compromise: dict[Text, Annotated[Number, Field(gt=0)]] = {}
    """Objectives and the amounts that weigh the same: the setting with the smallest sum of losses in these units is
    confirmed as `<arm>.both` and tested on the metric of every primary contrast."""
    spread: dict[Text, Spread] = {}
    """What `--dry-run` reckons the power with, by metric of a contrast."""
    search: Search
    confirm: Confirm
    resources: Resources = Resources()

    _document: str | None = PrivateAttr(default=None)
    _spaces: dict[str, Space] = PrivateAttr(default_factory=dict)
    _scenarios: dict[str, list[Scenario]] = PrivateAttr(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Study) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]

    @property
    def document(self) -> str:
        """The file's text as launched; with overrides, or made in Python, the YAML that gives this study."""
        return yaml_lines.dump(self.model_dump(exclude_defaults=True)) if self._document is None else self._document

    @property
    def num_search_trials(self) -> int:
        """Of all arms and folds."""
        return len(self.arms) * self.search.trials_per_arm * self.confirm.folds

    @property
    def epochs(self) -> int:
        """Epochs of every trial that is not stopped; the same in all arms."""
        epochs = self.arm_space(next(iter(self.arms))).known()["epochs"]
        assert isinstance(epochs, int)
        return epochs

    @property
    def families(self) -> dict[str, dict[str, Contrast]]:
        """The contrasts by family; `both` follows from the primary ones where a compromise is declared."""
        return {"primary": self.contrasts, "both": self._both(), "controls": self.controls}

    def _both(self) -> dict[str, Contrast]:
        """Each primary contrast whose treatment trains both tasks, for the one setting chosen by the compromise."""
        if not self.compromise:
            return {}
        return {
            f"both, {name}": contrast
            for name, contrast in self.contrasts.items()
            if len(self.arm_tasks(contrast.treatment)) > 1
        }

    @property
    def first_arms(self) -> list[str]:
        """The arms that are searched at once, in the file's order."""
        return [arm for arm in self.arms if arm not in self.later_arms]

    @property
    def later_arms(self) -> list[str]:
        """The arms that a control alone compares: they wait until a primary contrast has found an effect."""
        primary, controls = (
            {arm for one in family.values() for arm in (one.treatment, one.control)}
            for family in (self.contrasts, self.controls)
        )
        return [arm for arm in self.arms if arm in controls - primary]

    def arm_settings(self, arm: str) -> dict[str, tuple[Path, Any]]:
        """Every setting of the arm that the file names: where it stands, and what is written there."""
        if arm not in self.arms:
            raise ValueError(f"Unknown arm {arm!r}. {nearest(arm, self.arms)}")
        settings: dict[str, tuple[Path, Any]] = {}
        for path, section in ((("base",), self.base), (("space",), self.space), (("arms", arm), self.arms[arm])):
            settings |= {field: ((*path, field), raw) for field, raw in section.items()}
        return settings

    def arm_space(self, arm: str) -> Space:
        """What is fixed and what is searched in the arm: base and space, overridden by the arm."""
        if arm not in self._spaces:
            settings = self.arm_settings(arm)
            self._spaces[arm] = build_space({field: parse_setting(field, raw) for field, (_, raw) in settings.items()})
        return self._spaces[arm]

    def arm_scenarios(self, arm: str) -> list[Scenario]:
        """Everywhere the arm's conditions can lead."""
        if arm not in self._scenarios:
            self._scenarios[arm] = scenarios(self.arm_space(arm))
        return self._scenarios[arm]

    def arm_tasks(self, arm: str) -> set[str]:
        """The tasks the arm trains on true labels, out of "color" and "class"."""
        return tasks_of(self.arm_space(arm), self.arm_scenarios(arm))

    def arm_objectives(self, arm: str) -> dict[str, str]:
        """The objectives, with their directions, of the tasks the arm trains."""
        tasks = self.arm_tasks(arm)
        return {name: better for name, better in self.objectives.items() if metric_of(name).task in tasks}

    def enqueued_params(self, arm: str) -> list[dict[str, Scalar]]:
        """`search.enqueue` under Optuna's names for the arm, in order; entries that set nothing there are left out."""
        return [params for settings in self.search.enqueue if (params := params_of(self.arm_space(arm), settings))]

    def trial_config(self, arm: str, settings: Mapping[str, Scalar]) -> TrialConfig:
        """The trial of the arm with these values for the settings that its space leaves open.

        Unless the file says how many threads, a trial has one for each of its CPU cores.
        """
        space = self.arm_space(arm)
        if set(settings) != set(space.cases):
            raise ValueError(f"Arm {arm!r} leaves open {sorted(space.cases)}, but got {sorted(settings)}.")
        num_threads = max(1, round(self.resources.cpus_per_trial))
        return TrialConfig.from_dict({"num_threads": num_threads, **space.fixed, **settings})

    def data_config(self) -> DataConfig:
        """The data of every trial. Paths become absolute: Ray's workers stand in folders of their own."""
        data = DataConfig.from_dict({**self.data, "seed": self.seed, "folds": self.confirm.folds})
        paths = {name: getattr(data, name) for name in ("root", "split_file")}
        absolute: dict[str, Any] = {name: str(place_of(path)) for name, path in paths.items() if path is not None}
        return dataclasses.replace(data, **absolute)
