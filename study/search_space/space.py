"""The conditional search space of one arm: what is searched, sampled in order of dependency.

Optuna knows a setting by the name of the case that applies (see `study/search_space/settings.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from study.errors import SettingError, nearest
from study.search_space.distributions import Choice, Fixed, Range, Scalar, describe
from study.search_space.settings import DEFAULTS, Case

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Space:
    """The settings of one arm: those fixed, and the cases of the others, each after the settings it depends on."""

    fixed: Mapping[str, Scalar]
    cases: Mapping[str, tuple[Case, ...]]

    def known(self) -> dict[str, Scalar]:
        """Every setting whose value no trial changes, TrialConfig's defaults included."""
        return {field: value for field, value in {**DEFAULTS, **self.fixed}.items() if field not in self.cases}

    @property
    def searched(self) -> tuple[str, ...]:
        """The settings for which some case leaves Optuna a choice."""
        return tuple(
            field
            for field, cases in self.cases.items()
            if any(not isinstance(case.distribution, Fixed) for case in cases)
        )


def sample(space: Space, trial: "BaseTrial") -> dict[str, Scalar]:
    """One value for every setting that is not fixed, asked of the Optuna trial in order of dependency."""

    def suggest(case: Case) -> Scalar:
        match case.distribution:
            case Fixed(value):
                return value
            case Choice(values):
                chosen: Scalar = trial.suggest_categorical(case.name, list(values))
                return chosen
            case Range(low, high, _, whole=True):
                return trial.suggest_int(case.name, int(low), int(high))
            case Range(low, high, log):
                return trial.suggest_float(case.name, low, high, log=log)

    return _walk(space, suggest)


def settings_of(space: Space, params: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The settings behind stored Optuna parameters: `sample` again, without a sampler."""

    def stored(case: Case) -> Scalar:
        if isinstance(case.distribution, Fixed):
            return case.distribution.value
        if case.name not in params:
            raise ValueError(f"No value is stored for {case.name!r}. {nearest(case.name, params)}")
        return params[case.name]

    return _walk(space, stored)


def params_of(space: Space, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Optuna's parameters for the given settings, for `enqueue_trial`; settings left out are left to the sampler.

    Settings that the arm fixes are left aside. A value outside its range, or whose case depends on a setting that is
    left out, is a SettingError.
    """
    known = space.known()
    params: dict[str, Scalar] = {}
    for field, cases in space.cases.items():
        missing = [name for case in cases for name, _ in case.when if name not in known]
        if missing:
            if field in settings:
                raise SettingError((field,), f"{field} depends on {missing[0]}; give {missing[0]} beside it.")
            continue
        (case,) = (case for case in cases if case.applies(known))
        if isinstance(case.distribution, Fixed) and field not in settings:
            known[field] = case.distribution.value
        if field not in settings:
            continue
        value = settings[field]
        if not case.distribution.contains(value):
            rule = describe(case.distribution)
            raise SettingError((field,), f"{field} (Optuna's {case.name}) must be {rule}, but got {value!r}.")
        known[field] = value
        if not isinstance(case.distribution, Fixed):
            params[case.name] = value
    return params


def distributions(space: Space) -> dict[str, "BaseDistribution"]:
    """Optuna's distribution for each name `sample` may ask for; a stored trial uses those of its own parameters."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for case in (case for cases in space.cases.values() for case in cases):
        match case.distribution:
            case Choice(values):
                found[case.name] = CategoricalDistribution(list(values))
            case Range(low, high, _, whole=True):
                found[case.name] = IntDistribution(int(low), int(high))
            case Range(low, high, log):
                found[case.name] = FloatDistribution(low, high, log=log)
    return found


def build_space(settings: Mapping[str, tuple[Case, ...]]) -> Space:
    """The space of parsed settings, ordered so that each stands after those its conditions name.

    Conditions that wait for each other are a SettingError.
    """
    fixed = {
        field: cases[0].distribution.value
        for field, cases in settings.items()
        if not cases[0].when and isinstance(cases[0].distribution, Fixed)
    }
    waiting = {field: cases for field, cases in settings.items() if field not in fixed}
    ordered: dict[str, tuple[Case, ...]] = {}
    while waiting:
        ready = [field for field, cases in waiting.items() if not _needed(cases) & waiting.keys()]
        if not ready:
            field = _in_circle(waiting)
            others = sorted(_needed(waiting[field]) & waiting.keys())
            raise SettingError((field,), f"the conditions of {field} lead in a circle, through {others}; cut it.")
        for field in ready:
            ordered[field] = waiting.pop(field)
    return Space(fixed, ordered)


def _walk(space: Space, pick: Callable[[Case], Scalar]) -> dict[str, Scalar]:
    known = space.known()
    for field, cases in space.cases.items():
        applying = [case for case in cases if case.applies(known)]
        assert len(applying) == 1, f"{field} has {len(applying)} applying cases; load_study admits exactly one."
        known[field] = pick(applying[0])
    return {field: known[field] for field in space.cases}


def _needed(cases: tuple[Case, ...]) -> set[str]:
    return {field for case in cases for field, _ in case.when}


def _in_circle(waiting: Mapping[str, tuple[Case, ...]]) -> str:
    """A setting of the circle itself, not one that only waits for it."""
    field = next(iter(waiting))
    for _ in waiting:
        field = min(_needed(waiting[field]) & waiting.keys())
    return field
