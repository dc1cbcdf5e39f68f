"""Who suggests settings: Optuna's samplers by name."""

import warnings
from collections.abc import Callable

import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler


def _random(seed: int, trials_per_arm: int) -> BaseSampler:
    return RandomSampler(seed=seed)


def _tpe(seed: int, trials_per_arm: int) -> BaseSampler:
    # Optuna starts with ten random trials; a small study would be all start.
    num_startup = max(2, min(10, trials_per_arm // 3))
    # group: conditional settings are modelled where they exist; constant_liar: running trials know of each other.
    return TPESampler(seed=seed, n_startup_trials=num_startup, multivariate=True, group=True, constant_liar=True)


def _nsga2(seed: int, trials_per_arm: int) -> BaseSampler:
    return NSGAIISampler(seed=seed, population_size=max(4, min(50, trials_per_arm // 4)))


SAMPLERS: dict[str, Callable[[int, int], BaseSampler]] = {"tpe": _tpe, "nsga2": _nsga2, "random": _random}
"""Each builds a sampler from a seed and the number of trials it will suggest."""


def build_sampler(name: str, *, seed: int, trials_per_arm: int) -> BaseSampler:
    """The sampler called `name`."""
    with warnings.catch_warnings():
        # `multivariate` and `group` are marked experimental; the version is pinned.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return SAMPLERS[name](seed, trials_per_arm)
