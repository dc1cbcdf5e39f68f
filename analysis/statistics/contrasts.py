"""Every contrast of a study: its difference, two intervals, Holm's p, and the verdict by the rule fixed beforehand."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import crossed
from analysis.statistics.rule import MIN_REPLICATES, SIGNIFICANCE, UNDECIDED, holm, judge, verdict
from analysis.tables import Tables, metric, records

NOT_TESTABLE = "not testable"
WITHHELD = "withheld"

COLUMNS = (
    "family", "contrast", "treatment", "control", "treatment_arm", "control_arm", "metric", "label", "unit", "better",
    "treatment_mean", "control_mean", "effect", "low_95", "high_95", "low_90", "high_90",
    "low_95_these_photos", "high_95_these_photos", "standard_error", "degrees_of_freedom", "p", "p_adjusted",
    "effect_size", "probability_of_improvement", "num_replicates", "num_photos", "margin", "significant", "equivalent",
    "verdict", "replicates_needed", "photos_needed", "both_needed", "note",
)  # fmt: skip
"""effect is treatment minus control, in the metric's unit; low/high_95 speak for new photos and trainings."""


@dataclass(frozen=True)
class Planned:
    """A contrast as it was written down before any data."""

    family: str
    name: str
    treatment_arm: str
    control_arm: str
    metric: str
    treatment: str | None
    """The setting that stands for the arm; None where the search chose none."""
    control: str | None
    specialist: str | None = None
    """For twins: the tuned setting that the twin must come close to."""


def contrasts(tables: Tables) -> pd.DataFrame:
    """One row a contrast, primary family first, columns as in COLUMNS; what cannot be tested is a row with a note."""
    return _contrasts(tables).copy()


@lru_cache(maxsize=1)  # every section of a report asks for it
def _contrasts(tables: Tables) -> pd.DataFrame:
    plans = planned_contrasts(tables)
    sizes = Counter(plan.family for plan in plans)
    rows = [_row(tables, plan, sizes[plan.family]) for plan in plans]
    for family in {row["family"]: None for row in rows}:
        members = [row for row in rows if row["family"] == family]
        adjusted_N = holm(np.array([row["p"] for row in members], dtype=np.float64))
        for row, p_adjusted in zip(members, adjusted_N, strict=True):
            row["p_adjusted"] = float(p_adjusted)
            row["significant"] = bool(p_adjusted < SIGNIFICANCE)
            if row["verdict"] != WITHHELD:
                word = verdict(row["significant"], row["equivalent"], row["effect"], row["better"])
                row["verdict"] = word if np.isfinite(p_adjusted) else NOT_TESTABLE
            if row["verdict"] != UNDECIDED:
                row |= {"replicates_needed": None, "photos_needed": None, "both_needed": None}
    return pd.DataFrame(rows, columns=list(COLUMNS))


def planned_contrasts(tables: Tables) -> list[Planned]:
    """The contrasts that the study declared, then its twins, each with the settings the search chose for it."""
    chosen = {
        (row["family"], row["contrast"], row["side"]): row["setting"]
        for row in records(tables.selections)
        if isinstance(row["source"], str) and row["source"]
    }
    families = {"primary": tables.study["contrasts"], "controls": tables.study["controls"]}
    plans = [
        Planned(
            family, name, declared["treatment"], declared["control"], declared["metric"],
            chosen.get((family, name, "treatment")), chosen.get((family, name, "control")),
        )
        for family, members in families.items() for name, declared in members.items()
    ]  # fmt: skip
    return plans + _twins(tables, plans)


def _twins(tables: Tables, plans: list[Planned]) -> list[Planned]:
    """A twin is named after its setting and the task it still trains, because a setting may serve two contrasts."""
    twins = []
    for plan in plans:
        twin = f"{plan.treatment}.{metric(tables, plan.metric).task}.twin"
        if plan.family != "primary" or (tables.trials["setting"] != twin).all():
            continue
        name, arm = f"{plan.name}, twin", plan.treatment_arm
        twins.append(Planned("controls", name, arm, arm, plan.metric, plan.treatment, twin, plan.control))
    return twins


def differences(tables: Tables, treatment: str, control: str, column: str) -> tuple[pd.DataFrame, str]:
    """Treatment minus control, replicates x photos, for pairs that both sides have; in words, what was left out."""
    sides = [_measured(tables, setting, column) for setting in (treatment, control)]
    paired = sides[0] - sides[1]  # aligned by replicate and photo; NaN where either side has none
    if paired.empty:
        return paired, ""
    usable = paired.where(np.isfinite(paired))
    # A whole training without numbers is left out as a replicate; a photo that fails in some, as a photo.
    kept = usable.dropna(axis="index", how="all").dropna(axis="columns", how="any")
    left_out = []
    if len(kept) < len(paired):
        gone = ", ".join(str(number) for number in sorted(set(paired.index) - set(kept.index)))
        left_out.append(f"replicate {gone} left out, since one side has no numbers for it")
    if kept.shape[1] < paired.shape[1]:
        left_out.append(
            f"{paired.shape[1] - kept.shape[1]} of {paired.shape[1]} photos left out: not measured everywhere"
        )
    return kept, "; ".join(left_out)


@lru_cache(maxsize=128)
def _measured(tables: Tables, setting: str, column: str) -> pd.DataFrame:
    photos = tables.photos.loc[tables.photos["setting"] == setting, ["replicate", "photo", column]]
    photos = photos.drop_duplicates(["replicate", "photo"], keep="last")
    return photos.pivot(index="replicate", columns="photo", values=column).astype("float64")


def _row(tables: Tables, plan: Planned, family_size: int) -> dict[str, Any]:
    measured = metric(tables, plan.metric)
    margin = tables.study["margin"].get(plan.metric)
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    row |= {
        "family": plan.family, "contrast": plan.name, "treatment": plan.treatment, "control": plan.control,
        "treatment_arm": plan.treatment_arm, "control_arm": plan.control_arm, "metric": plan.metric,
        "label": measured.label, "unit": measured.unit, "better": measured.better,
        "margin": np.nan if margin is None else float(margin), "significant": False, "equivalent": False,
        "num_replicates": 0, "num_photos": 0, "note": _obstacle(tables, plan, measured.key),
        "replicates_needed": None, "photos_needed": None, "both_needed": None,
    }  # fmt: skip
    if row["note"] or plan.treatment is None or plan.control is None:
        return row
    difference_RP, row["note"] = differences(tables, plan.treatment, plan.control, measured.key)
    if difference_RP.empty:
        return row | {"note": "no replicate and photo was measured on both sides"}
    row["num_replicates"], row["num_photos"] = difference_RP.shape
    row |= _statistics(difference_RP.to_numpy(), measured.better, margin, family_size)
    for side, setting in (("treatment_mean", plan.treatment), ("control_mean", plan.control)):
        row[side] = float(
            _measured(tables, setting, measured.key).loc[difference_RP.index, difference_RP.columns].to_numpy().mean()
        )
    row["note"] = "; ".join(filter(None, (row["note"], _caveat(row))))
    undertuned = _undertuned(tables, plan, row["control_mean"], measured.key, measured.better, margin)
    return row | undertuned


def _statistics(difference_RP: np.ndarray, better: str, margin: float | None, num_contrasts: int) -> dict[str, Any]:
    judged = judge(difference_RP, margin)
    found = judged.found
    needed = crossed.needed(found, margin, num_contrasts)
    by_replicate_R = difference_RP.mean(axis=1)
    spread = by_replicate_R.std(ddof=1) if found.num_replicates > 1 else np.nan
    gain_R = by_replicate_R * (-1 if better == "min" else 1)
    return {
        **judged.numbers(),
        "standard_error": float(np.sqrt(found.variance)), "degrees_of_freedom": float(found.degrees_of_freedom),
        "effect_size": float(found.effect / spread) if spread > 1e-12 * abs(found.effect) else np.nan,
        "probability_of_improvement": float(((gain_R > 0) + 0.5 * (gain_R == 0)).mean()),
        "equivalent": bool(judged.equivalent),
        "replicates_needed": needed.replicates, "photos_needed": needed.photos,
        "both_needed": needed.replicates_and_photos,
    }  # fmt: skip


def _obstacle(tables: Tables, plan: Planned, column: str) -> str:
    for side, arm, setting in (
        ("treatment", plan.treatment_arm, plan.treatment),
        ("control", plan.control_arm, plan.control),
    ):
        if setting is None:
            return f"no setting of {arm} was chosen as {side}: the search has no finished trial to choose from"
        if not (tables.photos["setting"] == setting).any():
            return f"no replicate of {setting} has finished"
    if column not in tables.photos or tables.photos[column].isna().all():
        return f"{plan.metric} was never measured photo by photo"
    return ""


def _caveat(row: dict[str, Any]) -> str:
    if row["num_replicates"] < 2:
        return "one replicate only: chance between trainings cannot be told from an effect"
    if row["num_replicates"] < MIN_REPLICATES:
        return "two replicates only: an interval made from two holds the truth too seldom"
    if row["num_photos"] < 2:
        return "one photo only: nothing can be said about other photos"
    if row["standard_error"] == 0 and row["effect"] == 0:
        return "both sides agree on every photo and replicate: check that the two arms really differ"
    if row["standard_error"] == 0:
        return "the difference is the same in every photo and replicate: check how it was measured"
    return ""


def _undertuned(
    tables: Tables, plan: Planned, twin_mean: float, column: str, better: str, margin: float | None
) -> dict[str, Any]:
    """Withholds a twin that is worse than the tuned specialist by more than the margin."""
    if plan.specialist is None or margin is None:
        return {}
    specialist = _measured(tables, plan.specialist, column)
    worse_by = (twin_mean - float(specialist.to_numpy().mean())) * (1 if better == "min" else -1)
    if specialist.empty or not worse_by > margin:
        return {}
    note = f"withheld: the reference is undertuned, {worse_by:.3g} worse than {plan.specialist} (margin {margin:g})"
    return {"p": np.nan, "equivalent": False, "verdict": WITHHELD, "note": note}


def by_category(tables: Tables) -> pd.DataFrame:
    """Mean difference of every primary contrast within each category, lowest and highest replicate; descriptive."""
    columns = ["contrast", "metric", "category", "difference", "low", "high", "num_replicates", "num_photos"]
    category = tables.photos.drop_duplicates("photo").set_index("photo")["category"]
    rows = []
    for plan in planned_contrasts(tables):
        column = metric(tables, plan.metric).key
        obstacle = plan.family != "primary" or _obstacle(tables, plan, column)
        if obstacle or plan.treatment is None or plan.control is None:
            continue
        difference_RP, _ = differences(tables, plan.treatment, plan.control, column)
        for name, photos in difference_RP.T.groupby(category.reindex(difference_RP.columns)):
            mean_R = photos.mean(axis=0)
            rows.append(
                (plan.name, plan.metric, name, mean_R.mean(), mean_R.min(), mean_R.max(), len(mean_R), len(photos))
            )
    return pd.DataFrame(rows, columns=columns)
