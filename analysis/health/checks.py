"""What a sceptical reader would check first: short findings, each with what to do about it."""

from analysis.health import answer_checks, trial_checks
from analysis.health.trial_checks import Finding
from analysis.tables import Tables

__all__ = ["CHECKS", "Finding", "findings"]

CHECKS = (
    trial_checks.unfinished,
    trial_checks.missing_arms,
    trial_checks.missing_trainings,
    answer_checks.few_units,
    answer_checks.absent_classes,
    answer_checks.unit_apart,
    answer_checks.search_gone_wrong,
    answer_checks.undertuned,
    trial_checks.one_sided_failures,
    trial_checks.unequal_trials,
    trial_checks.unequal_budgets,
    trial_checks.mixed_budgets,
    answer_checks.never_beat_trivial,
    answer_checks.small_pool,
    answer_checks.at_the_edge,
    answer_checks.front_of_one,
    answer_checks.skipped_photos,
)
"""In reading order."""


def findings(tables: Tables) -> list[Finding]:
    """All findings, in reading order; an empty list is good news."""
    return [finding for check in CHECKS for finding in check(tables)]
