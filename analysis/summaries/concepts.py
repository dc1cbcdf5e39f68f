"""Does colouring use the class? Errors of the same networks on the same photos, with features of other photos fused.

Letters: R replicates, P photos. Errors are mean CIEDE2000 of a photo. Roles are those confirmed, twins left out.

Two questions. Colouring *depends on the class* where features of another class do more harm than those of another photo
of the same class. It *profits* from its features where they colour better than the mean of all photos' features does:
who depends on the class and is as good without it has learned a habit, not a help.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import folds, roles, rule
from analysis.statistics.contrasts import contrasts
from analysis.statistics.differences import differences, folds_of, measured
from analysis.statistics.rule import Judged
from analysis.summaries.verdict import number
from analysis.tables import Tables, metric, records, tasks

METRICS = ("test/class_use", "test/delta_e")
"""The margin is that of the first of these that has one: all errors here are of this kind."""

OWN = "delta_e"
MEAN, SAME_CLASS, OTHER_CLASS = (f"delta_e_{donor}_features" for donor in ("mean", "same_class", "other_class"))
INSIDE, OUTSIDE = "delta_e_inside", "delta_e_outside"
FEATURES = {
    OWN: "its own features",
    MEAN: "the mean of all test photos' features",
    SAME_CLASS: "another photo's, same class",
    OTHER_CLASS: "another photo's, another class",
}

DEPENDS, DEPENDS_LITTLE = "depends on the class", "depends on the class (by less than the margin)"
DEPENDS_NOT, UNDECIDED, UNTESTED = "does not depend on the class by as much as the margin", "undecided", "not testable"
CONTRARY = "is better with features of another class: check how it was measured"
PROFITS, PROFITS_LITTLE = "profits from it", "profits from it (by less than the margin)"
PROFITS_NOT, WORSE_OFF = "does not profit from it by as much as the margin", "would be better off without it"

NOT_MEASURED = (
    "No confirmed network of this study has errors with the features of other photos: it has no arm that colours with "
    "fusion, none has finished, or it was run before these errors were measured. So it cannot say whether colouring "
    "uses the class."
)
NO_REGIONS = (
    "No test photo has errors inside and outside its object: it has neither bounding boxes nor a near-white "
    "background, or the study was run before these errors were measured."
)
NO_NAMES = "No confirmed arm trains both tasks, so errors cannot be split by whether the class was named right."


def statistic_table(tables: Tables) -> pd.DataFrame:
    """One row a role: error with features of another class minus error with those of the same class, and the profit.

    Columns: setting (the role), arm, effect, low/high_95, low/high_side, low/high_95_these_photos, p, p_adjusted (times
    the tests of this table and the look's share), num_folds, num_replicates, num_photos, equivalent, verdict; profit
    (error with the mean of all features minus error with its own), profit_low/high_95, profits (in words), margin.
    """
    found = _roles(tables, SAME_CLASS, OTHER_CLASS)
    margins = [tables.study["margin"][name] for name in METRICS if name in tables.study["margin"]]
    margin = float(margins[0]) if margins else None
    rows = []
    for role, arm in found:
        num_replicates, share = _look(tables, role)
        alpha = rule.alpha(share, 2 * len(found))
        (same_RP, other_RP), fold_P = complete(tables, role, num_replicates, SAME_CLASS, OTHER_CLASS)
        used = folds.judge(other_RP - same_RP, fold_P, margin=margin, better="max", alpha=alpha)
        (own_RP, mean_RP), of_profit_P = complete(tables, role, num_replicates, OWN, MEAN)
        profit = folds.judge(mean_RP - own_RP, of_profit_P, margin=margin, better="max", alpha=alpha)
        these = folds.these_photos(folds.fold_means(other_RP - same_RP, fold_P)) if fold_P.size else (np.nan, np.nan)
        rows.append(
            {"setting": role, "arm": arm}
            | _row(used, other_RP, tables)
            | {
                "low_side": float(used.low_side), "high_side": float(used.high_side),
                "low_95_these_photos": these[0], "high_95_these_photos": these[1],
                "p": float(used.p), "p_adjusted": float(np.minimum(1.0, used.p * rule.ERROR / alpha)),
                "equivalent": bool(used.holds(rule.EQUIVALENT)), "verdict": _word(used, _DEPENDENCE),
                "profit": float(profit.effect), "profit_low_95": float(profit.low_95),
                "profit_high_95": float(profit.high_95), "profits": _word(profit, _PROFIT),
                "margin": np.nan if margin is None else margin,
            }
        )  # fmt: skip
    columns = [
        "setting", "arm", "effect", "low_95", "high_95", "low_side", "high_side", "low_95_these_photos",
        "high_95_these_photos", "p", "p_adjusted", "num_folds", "num_replicates", "num_photos", "equivalent",
        "verdict", "profit", "profit_low_95", "profit_high_95", "profits", "margin",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def feature_table(tables: Tables) -> pd.DataFrame:
    """One row a role and kind of features: mean error, and how much more it is than with the photo's own features.

    Columns: setting (the role), features (a column of the photo table), error, low/high_95 of the error, harm,
    harm_low/high_95, num_folds, num_replicates, num_photos.
    """
    rows = []
    for role, _ in _roles(tables, *FEATURES):
        (own_RP, *others), fold_P = complete(tables, role, _look(tables, role)[0], *FEATURES)
        for features, error_RP in zip(FEATURES, (own_RP, *others), strict=True):
            error, harm = _row(_plain(error_RP, fold_P), error_RP, tables), _plain(error_RP - own_RP, fold_P)
            rows.append(
                {
                    "setting": role, "features": features, "error": error["effect"], **error,
                    "harm": float(harm.effect), "harm_low_95": float(harm.low_95), "harm_high_95": float(harm.high_95),
                }
            )  # fmt: skip
    columns = ["setting", "features", "error", "low_95", "high_95", "harm", "harm_low_95", "harm_high_95"]
    return pd.DataFrame(rows, columns=[*columns, "num_folds", "num_replicates", "num_photos"])


def named_right_table(tables: Tables) -> pd.DataFrame:
    """One row a role of an arm that names: error where the class was named wrong minus where it was named right.

    Columns: setting (the role), right, wrong (mean errors), share_right, effect, low/high_95, num_folds,
    num_replicates, num_photos.
    """
    rows = []
    for role, arm in _roles(tables, OWN, "top1"):
        if tasks(tables, arm) != {"color", "class"}:
            continue
        (error_RP, right_RP), fold_P = complete(tables, role, _look(tables, role)[0], OWN, "top1")
        is_right_RP = right_RP > 0.5
        split_RP = split_difference(error_RP, ~is_right_RP)
        right, wrong = (_mean(error_RP[part_RP]) for part_RP in (is_right_RP, ~is_right_RP))
        share = {"right": right, "wrong": wrong, "share_right": _mean(is_right_RP)}
        rows.append({"setting": role} | share | _row(_plain(split_RP, fold_P), error_RP, tables))
    columns = ["setting", "right", "wrong", "share_right", "effect", "low_95", "high_95"]
    return pd.DataFrame(rows, columns=[*columns, "num_folds", "num_replicates", "num_photos"])


def region_table(tables: Tables) -> pd.DataFrame:
    """One row a role: mean error inside and outside the object, over the photos where the two can be told apart.

    Columns: setting (the role), inside, outside, effect (inside minus outside), low/high_95, num_folds,
    num_replicates, num_photos, of_photos (all that were measured).
    """
    rows = []
    for role, _ in _roles(tables, INSIDE, OUTSIDE):
        (inside_RP, outside_RP), fold_P = complete(tables, role, _look(tables, role)[0], INSIDE, OUTSIDE)
        means = {"inside": _mean(inside_RP), "outside": _mean(outside_RP)}
        judged = _plain(inside_RP - outside_RP, fold_P)
        of_photos = measured(tables, role, OWN).shape[1]
        rows.append({"setting": role} | means | _row(judged, inside_RP, tables) | {"of_photos": of_photos})
    columns = ["setting", "inside", "outside", "effect", "low_95", "high_95", "num_folds", "num_replicates"]
    return pd.DataFrame(rows, columns=[*columns, "num_photos", "of_photos"])


def region_effect_table(tables: Tables) -> pd.DataFrame:
    """One row a primary contrast of colour: its difference inside the object, outside, and inside minus outside.

    Columns: contrast, treatment, control, inside, inside_low/high_95, outside, outside_low/high_95, effect (inside
    minus outside), low/high_95, num_folds, num_replicates, num_photos. Over the replicates that the verdict rests on;
    plain 95 % intervals: descriptive, where the study declares no such contrast as a control.
    """
    columns = ["contrast", "treatment", "control"]
    columns += [f"{part}{end}" for part in ("inside", "outside") for end in ("", "_low_95", "_high_95")]
    rows = []
    for row in records(contrasts(tables)):
        is_color = row["family"] == "primary" and metric(tables, row["metric"]).task == "color"
        if not is_color or not row["num_replicates"] or not {INSIDE, OUTSIDE} <= set(tables.photos.columns):
            continue
        sides = (row["treatment"], row["control"])
        inside, outside = (
            differences(tables, *sides, column, row["num_replicates"])[0] for column in (INSIDE, OUTSIDE)
        )
        photos = inside.columns.intersection(outside.columns)
        if photos.empty or inside.shape[0] != outside.shape[0]:
            continue
        inside_RP, outside_RP, fold_P = inside[photos].to_numpy(), outside[photos].to_numpy(), folds_of(tables, photos)
        one = {"contrast": row["contrast"], "treatment": sides[0], "control": sides[1]}
        for part, value_RP in (("inside", inside_RP), ("outside", outside_RP)):
            judged = _plain(value_RP, fold_P)
            ends = (judged.effect, judged.low_95, judged.high_95)
            one |= {f"{part}{end}": float(value) for end, value in zip(("", "_low_95", "_high_95"), ends, strict=True)}
        rows.append(one | _row(_plain(inside_RP - outside_RP, fold_P), inside_RP, tables))
    return pd.DataFrame(
        rows, columns=[*columns, "effect", "low_95", "high_95", "num_folds", "num_replicates", "num_photos"]
    )


def sentences(tables: Tables) -> list[str]:
    """Whether colouring depends on the class and profits from it, one sentence a role; or what is missing."""
    table = statistic_table(tables)
    return [_sentence(row) for row in records(table)] or [NOT_MEASURED]


def complete(tables: Tables, role: str, num_replicates: int, *columns: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Each column of a role as R x P, for replicates and photos where all of them have a number; the photos' folds.

    Nothing of a later replicate is read.
    """
    wide = [measured(tables, role, name).sort_index() for name in columns]
    is_there = pd.DataFrame(np.logical_and.reduce([np.isfinite(one) for one in wide]), wide[0].index, wide[0].columns)
    is_there = is_there[is_there.any(axis="columns") & (is_there.index <= num_replicates)]
    kept = is_there.columns[is_there.all()]
    return [one.loc[is_there.index, kept].to_numpy() for one in wide], folds_of(tables, kept)


def split_difference(value_RP: np.ndarray, is_in_RP: np.ndarray) -> np.ndarray:
    """What each cell contributes to (mean of the cells within) minus (mean of the others): R x P, that mean on average.

    Which cells are within differs by replicate, so there is no difference for each photo. To first order, the
    deviation of a ratio of means is the mean of these contributions (the linearization of survey statistics), so the
    crossed rule applies to them. All NaN where either side is empty.
    """
    num_cells, num_in = is_in_RP.size, int(is_in_RP.sum())
    if num_in in (0, num_cells):
        return np.full(value_RP.shape, np.nan)
    mean_in, mean_out = value_RP[is_in_RP].mean(), value_RP[~is_in_RP].mean()
    inside_RP = is_in_RP * (value_RP - mean_in) * (num_cells / num_in)
    outside_RP = ~is_in_RP * (value_RP - mean_out) * (num_cells / (num_cells - num_in))
    return np.asarray(mean_in - mean_out + inside_RP - outside_RP)


def _roles(tables: Tables, *columns: str) -> list[tuple[str, str]]:
    """Roles with a number in each of these columns, of arms that colour, in the study's order."""
    photos = tables.photos
    if not set(columns) <= set(photos.columns):
        return []
    known = photos[photos[list(columns)].notna().all(axis="columns")]
    arms = {row["role"]: row["arm"] for row in records(tables.selections.dropna(subset=["role"]))}
    order = {arm: index for index, arm in enumerate(tables.study["arms"])}
    found = [
        (role, arm)
        for role, arm in arms.items()
        if "color" in tasks(tables, arm) and not roles.members(tables, known, role).empty
    ]
    return sorted(found, key=lambda one: (order.get(one[1], len(order)), one[0]))


def _look(tables: Tables, role: str) -> tuple[int, float]:
    """Replicates and share of the last look for which all of a role's trainings have ended; before the first, all there
    are, at the first look's share."""
    plan = roles.design(tables)
    ended = [
        (number, share)
        for number, share in zip(plan.looks, plan.shares, strict=True)
        if not (state := roles.progress(tables, (role,), number)).is_open and not state.failed
    ]
    return ended[-1] if ended else (plan.looks[-1], plan.shares[0])


def _plain(value_RP: np.ndarray, fold_P: np.ndarray) -> Judged:
    return folds.judge(value_RP, fold_P, margin=None, better="max", alpha=rule.ERROR)


def _row(judged: Judged, value_RP: np.ndarray, tables: Tables) -> dict[str, Any]:
    numbers = {"effect": judged.effect, "low_95": judged.low_95, "high_95": judged.high_95}
    counts = {"num_replicates": value_RP.shape[0], "num_photos": value_RP.shape[1]}
    return {name: float(value) for name, value in numbers.items()} | {
        "num_folds": roles.design(tables).num_folds, **counts,
    }  # fmt: skip


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan


_DEPENDENCE = (DEPENDS, DEPENDS_LITTLE, DEPENDS_NOT, CONTRARY)
_PROFIT = (PROFITS, PROFITS_LITTLE, PROFITS_NOT, WORSE_OFF)


def _word(judged: Judged, words: tuple[str, str, str, str]) -> str:
    """In words: more than zero, that within the margin, not by as much as the margin, and less than zero."""
    more, little, no_more, less = words
    if not np.isfinite(judged.standard_error):
        return UNTESTED
    if judged.holds(rule.HELPS):
        return little if judged.holds(rule.EQUIVALENT) else more
    if judged.holds(rule.HURTS) and not judged.holds(rule.EQUIVALENT):
        return less
    return no_more if judged.holds(rule.NOT_BETTER) else UNDECIDED


def _sentence(row: dict[str, Any]) -> str:
    role, word, profits = row["setting"], row["verdict"], row["profits"]
    if word == UNTESTED:
        why = (
            f"only {row['num_replicates']} of the {rule.MIN_REPLICATES} replicates that an interval needs have finished"
            if row["num_folds"] == 1 and row["num_replicates"] < rule.MIN_REPLICATES
            else "too few test photos have another photo of their class"
        )
        return f"**Whether colouring in {role} depends on the class cannot be said**: {why}."
    folds_words = f"{row['num_folds']} folds, " if row["num_folds"] > 1 else ""
    replicates = f"{row['num_replicates']} replicate{'' if row['num_replicates'] == 1 else 's'}"
    evidence = (
        "Error with the features of a photo of another class minus that with those of another photo of the same "
        f"class: {_interval(row, 'effect', '')}; with the mean of all photos' features minus that with its own: "
        f"{_interval(row, 'profit', 'profit_')} ({folds_words}{replicates}, {row['num_photos']} photos; margin "
        f"{number(row['margin'])})."
    )
    if word == UNDECIDED:
        return f"**Whether colouring in {role} depends on the class is undecided.** {evidence}"
    return f"**Colouring in {role} {word}{_profit_clause(word, profits)}.** {evidence}"


def _profit_clause(word: str, profits: str) -> str:
    """Dependence and profit are told apart, and only who depends can profit from it."""
    if word not in (DEPENDS, DEPENDS_LITTLE) or profits == UNTESTED:
        return ""
    if profits == UNDECIDED:
        return "; whether it profits from it is undecided"
    return f"{' and' if profits in (PROFITS, PROFITS_LITTLE) else ', but'} {profits}"


def _interval(row: dict[str, Any], name: str, prefix: str) -> str:
    low, high = number(row[f"{prefix}low_95"]), number(row[f"{prefix}high_95"])
    return f"{number(row[name], 'CIEDE2000')} (95 % interval {low} to {high})"
