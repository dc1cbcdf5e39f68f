"""Who suggests settings: Optuna's samplers by name."""

import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState


def num_startup(trials_per_arm: int) -> int:
    """Random trials before a model is trusted. Optuna starts with ten; a small study would be all start."""
    return max(2, min(10, trials_per_arm // 3))


class _CautiousGP(GPSampler):
    """Optuna's Gaussian process, which knows finished and running trials only, and would suggest again what failed.

    Here a trial that failed stays among the running ones, whose neighbourhood promises little that is new.
    """

    def _sample_relative_impl(
        self,
        study: optuna.Study,
        completed_trials: list[FrozenTrial],
        running_trials: list[FrozenTrial],
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        ended = study._get_trials(deepcopy=False, states=(TrialState.FAIL, TrialState.PRUNED), use_cache=False)
        failed = [trial for trial in ended if search_space.keys() <= trial.params.keys()]
        return super()._sample_relative_impl(study, completed_trials, [*running_trials, *failed], search_space)


def _random(seed: int, trials_per_arm: int) -> BaseSampler:
    return RandomSampler(seed=seed)


def _tpe(seed: int, trials_per_arm: int) -> BaseSampler:
    # group: conditional settings are modelled where they exist; constant_liar: running trials know of each other.
    return TPESampler(
        seed=seed, n_startup_trials=num_startup(trials_per_arm), multivariate=True, group=True, constant_liar=True
    )


def _gp(seed: int, trials_per_arm: int) -> BaseSampler:
    return _CautiousGP(seed=seed, n_startup_trials=num_startup(trials_per_arm), warn_independent_sampling=False)


def _nsga2(seed: int, trials_per_arm: int) -> BaseSampler:
    return NSGAIISampler(seed=seed, population_size=max(4, min(50, trials_per_arm // 4)))


BUILDERS: dict[str, Callable[[int, int], BaseSampler]] = {"tpe": _tpe, "gp": _gp, "nsga2": _nsga2, "random": _random}
"""Each builds a sampler from a seed and the number of trials it will suggest. What each can do: `methods.py`."""


def build_sampler(name: str, *, seed: int, trials_per_arm: int) -> BaseSampler:
    """The sampler called `name`."""
    with warnings.catch_warnings():
        # `multivariate` and `group` are marked experimental; the version is pinned.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return BUILDERS[name](seed, trials_per_arm)
