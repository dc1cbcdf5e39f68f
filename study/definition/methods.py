"""The ways to suggest settings and to stop trials early that a study file may name, and what each can do.

What builds them stands in `study/search/samplers.py` and `early_stopping.py`, which load Optuna and NumPy; a study file
is checked without.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SamplerAbilities:
    """What a sampler can do beside suggesting values of settings that every trial has."""

    conditional_settings: bool
    """Whether it learns from settings that only some trials have. Optuna's GP and NSGA-II draw those at random."""
    early_stopping: bool
    """Whether it learns from trials that were stopped. GP knows nothing of them; NSGA-II lets them die out."""
    sees_budgets: bool
    """Whether it can be shown trials before their last epoch. NSGA-II keeps its generations by trial."""

    def can(self, need: str) -> bool:
        """Whether it meets a need, in the words of a message: "early stopping"."""
        return bool(getattr(self, need.replace(" ", "_")))


SAMPLERS = {
    "tpe": SamplerAbilities(conditional_settings=True, early_stopping=True, sees_budgets=True),
    "gp": SamplerAbilities(conditional_settings=False, early_stopping=False, sees_budgets=False),
    "nsga2": SamplerAbilities(conditional_settings=False, early_stopping=True, sees_budgets=False),
    "random": SamplerAbilities(conditional_settings=True, early_stopping=True, sees_budgets=False),
}
"""By the name that `search.sampler` takes."""


@dataclass(frozen=True, kw_only=True)
class RuleAbilities:
    """Which settings of the search a rule of early stopping reads."""

    settings: tuple[str, ...]


EARLY_STOPPING = {
    "none": RuleAbilities(settings=()),
    "median": RuleAbilities(settings=("min_epochs", "grace_trials")),
    "pareto_halving": RuleAbilities(settings=("min_epochs", "grace_trials", "reduction_factor")),
}
"""By the name that `search.early_stopping` takes."""
