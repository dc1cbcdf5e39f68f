"""Every contrast of a study: its difference and intervals at the look that decided it, and the words of the rule."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import folds, roles, rule, trivial_rules
from analysis.statistics.differences import differences, folds_of, measured
from analysis.statistics.needed import NOTHING, needed
from analysis.tables import Metric, Tables, metric, tasks

COLUMNS = (
    "family", "contrast", "treatment", "control", "treatment_arm", "control_arm", "metric", "label", "unit", "better",
    "treatment_mean", "control_mean", "effect", "low_95", "high_95", "low_side", "high_side",
    "low_95_these_photos", "high_95_these_photos", "standard_error", "degrees_of_freedom", "alpha", "p", "p_adjusted",
    "effect_size", "gap_share", "trivial_rule", "trivial_score", "improvement", "improvement_low", "improvement_high",
    "look", "num_looks", "num_folds", "num_replicates", "num_photos", "margin", "significant", "equivalent",
    "verdict", "claims", "settled", "spread", "replicates_needed", "folds_needed", "photos_needed", "both_needed",
    "note",
)  # fmt: skip
"""effect is treatment minus control, in the metric's unit; low/high_95 speak for new photos, trainings and, with folds,
searches. low/high_side is the interval that decides equivalence. p_adjusted is p times family and look's share, to be
held against 5 %. gap_share is above zero where the treatment does better."""


@dataclass(frozen=True)
class Planned:
    """A contrast as it was written down before any data."""

    family: str
    name: str
    treatment_arm: str
    control_arm: str
    metric: str
    treatment: str | None
    """The role that stands for the arm; None where no search has chosen any."""
    control: str | None
    specialist: str | None = None
    """For twins: the tuned role that the twin must come close to."""
    question: str = ""
    """Which of several questions it belongs to: the contrasts of one share the error."""


def contrasts(tables: Tables) -> pd.DataFrame:
    """One row a contrast, primary family first, columns as in COLUMNS; what cannot be tested is a row with a note."""
    return _contrasts(tables).copy()


@lru_cache(maxsize=1)  # every section of a report asks for it
def _contrasts(tables: Tables) -> pd.DataFrame:
    plans = planned_contrasts(tables)
    sizes = family_sizes(tables, plans)
    primary = [_row(tables, plan, sizes[plan.family, plan.question]) for plan in plans if plan.family == "primary"]
    # Controls explain an effect: where every primary contrast has ended without one, none goes on.
    are_over = bool(primary) and all(row["settled"] and row["verdict"] not in rule.EFFECTS for row in primary)
    others = [
        _row(tables, plan, sizes[plan.family, plan.question], is_over=are_over and plan.family == "controls")
        for plan in plans
        if plan.family != "primary"
    ]
    if not all(row["settled"] for row in primary):
        # They are judged once: not before it is known on how many replicates.
        waits = {"verdict": rule.NOT_YET, "claims": [], "settled": False, "look": 0}
        waits["note"] = "judged once every primary contrast is settled"
        others = [row | waits if row["family"] == "controls" else row for row in others]
    return pd.DataFrame([*primary, *others], columns=list(COLUMNS))


def planned_contrasts(tables: Tables) -> list[Planned]:
    """The contrasts that the study declared, both tasks at once, its controls, then its twins, each with its roles."""
    found = roles.sides(tables)

    def plan(family: str, name: str, declared: dict[str, str]) -> Planned:
        treatment, control = (found.get((family, name, side)) for side in ("treatment", "control"))
        sides = (declared["treatment"], declared["control"], declared["metric"], treatment, control)
        return Planned(family, name, *sides, question=declared.get("question", ""))

    primary = [plan("primary", name, declared) for name, declared in tables.study["contrasts"].items()]
    both = [
        plan("both", f"both, {one.name}", tables.study["contrasts"][one.name])
        for one in primary
        if tables.study["compromise"] and tasks(tables, one.treatment_arm) >= {"color", "class"}
    ]
    controls = [plan("controls", name, declared) for name, declared in tables.study["controls"].items()]
    return [*primary, *both, *controls, *_twins(tables, primary)]


def _twins(tables: Tables, primary: list[Planned]) -> list[Planned]:
    """A twin is named after its role and the task it still trains, because a role may serve two contrasts."""
    twins = []
    for plan in primary:
        twin = f"{plan.treatment}.{metric(tables, plan.metric).task}{roles.TWIN}"
        if (tables.trials["setting"] == twin).any():
            name, arm = f"{plan.name}, twin", plan.treatment_arm
            twins.append(Planned("controls", name, arm, arm, plan.metric, plan.treatment, twin, plan.control))
    return twins


def family_sizes(tables: Tables, plans: list[Planned]) -> dict[tuple[str, str], int]:
    """How many contrasts share an error, by family and question. Twins count where the study may train them, trained or
    not: the size must not depend on what was found."""
    sizes = Counter((plan.family, plan.question) for plan in plans)
    num_twins = sum(plan.specialist is not None for plan in plans)
    if tables.study["confirm"].get("twins"):
        declared = tables.study["contrasts"].values()
        may_have_twins = [one for one in declared if tasks(tables, one["treatment"]) >= {"color", "class"}]
        sizes["controls", ""] += max(0, len(may_have_twins) - num_twins)
    return sizes


def _row(tables: Tables, plan: Planned, family_size: int, *, is_over: bool = False) -> dict[str, Any]:
    """is_over: what has not been trained by now will not be."""
    of = metric(tables, plan.metric)
    design = roles.design_of(tables, plan.family, tuple(filter(None, (plan.treatment, plan.control))))
    margin = tables.study["margin"].get(plan.metric)
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    row |= {
        "family": plan.family, "contrast": plan.name, "treatment": plan.treatment, "control": plan.control,
        "treatment_arm": plan.treatment_arm, "control_arm": plan.control_arm, "metric": plan.metric,
        "label": of.label, "unit": of.unit, "better": of.better, "trivial_rule": "",
        "margin": np.nan if margin is None else float(margin), "significant": False, "equivalent": False,
        "look": 0, "num_looks": len(design.looks), "num_folds": design.num_folds, "num_replicates": 0,
        "num_photos": 0, "verdict": rule.NOT_YET, "claims": [], "settled": False, "spread": {}, "note": "", **NOTHING,
    }  # fmt: skip
    treatment, control = plan.treatment, plan.control
    if treatment is None or control is None:
        arm, side = (plan.treatment_arm, "treatment") if treatment is None else (plan.control_arm, "control")
        why = "the search has no finished trial to choose from"
        return row | (
            _NOT_TRAINED if is_over else {"note": f"no setting of {arm} has been chosen as {side} yet: {why}"}
        )
    for number, (num_replicates, share) in enumerate(zip(design.looks, design.shares, strict=True), start=1):
        state = roles.progress(tables, (treatment, control), num_replicates)
        obstacle = state.failed or ("" if state.is_open else _unmeasured(tables, plan, of, num_replicates))
        if obstacle:
            return row | {"verdict": rule.NOT_TESTABLE, "claims": [], "settled": True, "note": obstacle}
        if state.is_open and is_over and not state.is_running:
            return row | _NOT_TRAINED
        if state.is_open:
            before = f"look {number - 1} of {len(design.looks)} did not settle it; " if number > 1 else ""
            return row | {"verdict": rule.NOT_YET, "claims": [], "note": before + state.is_open}
        is_last, alpha = number == len(design.looks), rule.alpha(share, family_size)
        found = _Found(tables, treatment, control, of, num_replicates)
        row |= {"look": number, "alpha": alpha} | _numbers(found, margin, alpha)
        row |= _words(found, plan, row, is_last)
        if row["settled"]:
            break
    if row["verdict"] == rule.UNDECIDED:
        row |= needed(found.d_RP, row["spread"], design, margin, family_size)
    return row


class _Found:
    """The differences of a contrast up to a replicate, and what both sides scored on the same photos."""

    def __init__(self, tables: Tables, treatment: str, control: str, of: Metric, num_replicates: int):
        self.tables, self.of, self.num_replicates = tables, of, num_replicates
        self.frame, self.left_out = differences(tables, treatment, control, of.key, num_replicates)
        self.d_RP = self.frame.to_numpy()
        self.fold_P = folds_of(tables, self.frame.columns)
        self.mean_KR = folds.fold_means(self.d_RP, self.fold_P)
        self.treatment_mean, self.control_mean = self.mean_of(treatment), self.mean_of(control)
        self.free = trivial_rules.yardstick(tables, of, self.frame.columns)

    def mean_of(self, role: str) -> float:
        """A role's score on these photos and replicates: the mean of its fold means; NaN where it lacks one."""
        scores = measured(self.tables, role, self.of.key).reindex(index=self.frame.index, columns=self.frame.columns)
        return float(folds.fold_means(scores.to_numpy(), self.fold_P).mean())


def _numbers(found: _Found, margin: float | None, alpha: float) -> dict[str, Any]:
    """The columns that are numbers of one look."""
    d_RP, better = found.d_RP, found.of.better
    judged = folds.judge(d_RP, found.fold_P, margin=margin, better=better, alpha=alpha)
    effect = float(judged.effect)
    # Between folds, each with a search of its own; with one fold between replicates.
    by_unit = found.mean_KR.mean(axis=1) if len(found.mean_KR) > 1 else found.mean_KR[0]
    deviation = by_unit.std(ddof=1) if len(by_unit) > 1 else np.nan
    is_better_RP = (d_RP < 0 if better == "min" else d_RP > 0) + 0.5 * (d_RP == 0)
    improvement = folds.share_above(is_better_RP, found.fold_P)
    these = folds.these_photos(found.mean_KR)
    free, claims = found.free, judged.said()
    return {
        "treatment_mean": found.treatment_mean, "control_mean": found.control_mean, "effect": effect,
        "low_95": float(judged.low_95), "high_95": float(judged.high_95),
        "low_side": float(judged.low_side) if margin is not None else np.nan,
        "high_side": float(judged.high_side) if margin is not None else np.nan,
        "low_95_these_photos": these[0], "high_95_these_photos": these[1],
        "standard_error": float(judged.standard_error), "degrees_of_freedom": float(judged.degrees_of_freedom),
        "p": float(judged.p), "p_adjusted": float(np.minimum(1.0, judged.p * rule.ERROR / alpha)),
        "effect_size": effect / deviation if deviation > 1e-12 * abs(effect) else np.nan,
        "gap_share": free.share_of_gap(effect) if free else np.nan,
        "trivial_rule": free.rule if free else "", "trivial_score": free.trivial if free else np.nan,
        "improvement": improvement[0], "improvement_low": improvement[1], "improvement_high": improvement[2],
        "num_replicates": d_RP.shape[0], "num_photos": d_RP.shape[1], "claims": claims,
        "significant": bool(judged.holds(*rule.EFFECTS)), "equivalent": bool(judged.holds(rule.EQUIVALENT)),
        "verdict": claims[0] if claims else rule.UNDECIDED, "settled": bool(judged.settles),
        "spread": folds.spread(d_RP, found.fold_P),
    }  # fmt: skip


def _words(found: _Found, plan: Planned, row: dict[str, Any], is_last: bool) -> dict[str, Any]:
    """The verdict of one look, with what forbids one although there are numbers."""
    notes = [found.left_out, _caveat(row)]
    settled, verdict, claims = row["settled"] or is_last, row["verdict"], row["claims"]
    sides = (found.treatment_mean, found.control_mean)
    undertuned = _undertuned(found, plan, row["margin"]) if settled else ""
    if not np.isfinite(row["standard_error"]):
        settled, verdict, claims = is_last, rule.NOT_TESTABLE if is_last else rule.NOT_YET, []
    elif found.free is not None and not any(found.free.beaten_by(mean) for mean in sides):
        settled, verdict, claims = True, rule.NOT_TESTABLE, []
        notes.insert(0, _neither_learned(found))
    elif undertuned:
        verdict, claims = rule.WITHHELD, []
        notes.insert(0, undertuned)
    return {"settled": settled, "verdict": verdict, "claims": claims, "note": _join(*notes)}


_NOT_TRAINED = {
    "verdict": rule.NOT_TESTABLE, "settled": True,
    "note": "not trained: no primary contrast found an effect that it could explain",
}  # fmt: skip


def _join(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _neither_learned(found: _Found) -> str:
    free, unit = found.free, found.of.unit
    assert free is not None
    rule_words = "naming by how frequent each class is" if free.rule == trivial_rules.FREQUENCIES else {
        trivial_rules.GREY: "leaving photos grey", trivial_rules.ONE_COLOR: "one colour for every photo",
    }[free.rule]  # fmt: skip
    numbers = f"{found.treatment_mean:.3g} and {found.control_mean:.3g} against {free.trivial:.3g}"
    return f"neither side does better than {rule_words} ({numbers}{'' if unit in ('', 'share') else ' ' + unit})"


def _unmeasured(tables: Tables, plan: Planned, of: Metric, num_replicates: int) -> str:
    """Why trainings that ended cannot be compared; empty where they can."""
    if of.better not in ("min", "max"):
        return f"{plan.metric} has no better direction"
    if of.key not in tables.photos or tables.photos[of.key].isna().all():
        return f"{plan.metric} was never measured photo by photo"
    planned = {
        (fold, number) for fold in range(roles.design(tables).num_folds) for number in range(1, num_replicates + 1)
    }
    for role in (str(plan.treatment), str(plan.control)):
        found = roles.members(tables, tables.photos, role).dropna(subset=[of.key])
        absent = planned - set(zip(found["fold"], found["replicate"], strict=True))
        if absent:
            return f"{len(absent)} of {len(planned)} trainings of {role} ended without numbers photo by photo"
    kept, _ = differences(tables, str(plan.treatment), str(plan.control), of.key, num_replicates)
    if len(set(folds_of(tables, kept.columns))) < roles.design(tables).num_folds:
        return "a fold has no photo that was measured on both sides"
    return ""


def _caveat(row: dict[str, Any]) -> str:
    if row["num_folds"] == 1 and row["num_replicates"] < 2:
        return "one replicate only: chance between trainings cannot be told from an effect"
    if row["num_folds"] == 1 and row["num_replicates"] < rule.MIN_REPLICATES:
        return "two replicates only: an interval made from two holds the truth too seldom"
    if row["num_photos"] < 2:
        return "one photo only: nothing can be said about other photos"
    if row["standard_error"] == 0 and row["effect"] == 0:
        return "both sides agree everywhere: check that the two arms really differ"
    if row["standard_error"] == 0:
        return "the difference is the same everywhere: check how it was measured"
    return ""


def _undertuned(found: _Found, plan: Planned, margin: float) -> str:
    """Why a twin's comparison is withheld: it differs from the tuned specialist by more than the margin, either way."""
    if plan.specialist is None or not np.isfinite(margin):
        return ""
    specialist = found.mean_of(plan.specialist)
    worse_by = (found.control_mean - specialist) * (1 if found.of.better == "min" else -1)
    if not abs(worse_by) > margin:
        return ""
    told = f"{abs(worse_by):.3g} {'worse' if worse_by > 0 else 'better'} than {plan.specialist} (margin {margin:g})"
    whose = "the twin" if worse_by > 0 else plan.specialist
    return f"withheld, since {whose} is undertuned: with the joint settings and one task switched off it is {told}"
