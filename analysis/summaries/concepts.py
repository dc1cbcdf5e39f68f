"""Does colouring use the class? Errors of the same networks on the same photos, with features of other photos fused.

Letters: R replicates, P photos. Errors are mean CIEDE2000 of a photo. Settings are those confirmed, twins left out.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.rule import MIN_REPLICATES, SIGNIFICANCE, Judged, holm, judge
from analysis.summaries.verdict import number, p_words
from analysis.tables import Tables, is_twin, records, tasks

METRIC = "test/delta_e"
"""Its margin is the yardstick: all errors here are of this kind."""

OWN = "delta_e"
MEAN, SAME_CLASS, OTHER_CLASS = (f"delta_e_{donor}_features" for donor in ("mean", "same_class", "other_class"))
INSIDE, OUTSIDE = "delta_e_inside", "delta_e_outside"
FEATURES = {
    OWN: "its own features",
    MEAN: "the mean of all test photos' features",
    SAME_CLASS: "another photo's, same class",
    OTHER_CLASS: "another photo's, another class",
}

USES, USES_LITTLE = "uses the class", "uses the class, but by less than the margin"
USES_NOT, UNDECIDED, UNTESTED = "does not use the class by as much as the margin", "undecided", "not testable"
CONTRARY = "is better with features of another class: check how it was measured"

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
    """One row a setting: error with features of another class minus error with those of the same class.

    Columns: setting, arm, effect, low/high_95, low/high_90, low/high_95_these_photos, p, p_adjusted (Holm's, over the
    settings), num_replicates, num_photos, margin, verdict.
    """
    margin = tables.study["margin"].get(METRIC)
    rows = []
    for setting, arm in _settings(tables, SAME_CLASS, OTHER_CLASS):
        same_RP, other_RP = complete(tables, setting, SAME_CLASS, OTHER_CLASS)
        judged = judge(other_RP - same_RP, margin)
        rows.append({"setting": setting, "arm": arm} | _row(judged) | {"equivalent": bool(judged.equivalent)})
    columns = [
        "setting", "arm", "effect", "low_95", "high_95", "low_90", "high_90", "low_95_these_photos",
        "high_95_these_photos", "p", "num_replicates", "num_photos", "equivalent",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    p_adjusted = pd.Series(holm(table["p"].to_numpy(np.float64)), dtype="float64")
    words = [_verdict(row, p) for row, p in zip(records(table), p_adjusted, strict=True)]
    return table.assign(margin=np.nan if margin is None else float(margin), p_adjusted=p_adjusted, verdict=words)


def feature_table(tables: Tables) -> pd.DataFrame:
    """One row a setting and kind of features: mean error, and how much more it is than with the photo's own features.

    Columns: setting, features (a column of the photo table), error, low/high_95 of the error, harm, harm_low/high_95,
    num_replicates, num_photos.
    """
    rows = []
    for setting, _ in _settings(tables, *FEATURES):
        own_RP, *others = complete(tables, setting, *FEATURES)
        for features, error_RP in zip(FEATURES, (own_RP, *others), strict=True):
            error, harm = judge(error_RP, None), judge(error_RP - own_RP, None)
            rows.append(
                {
                    "setting": setting, "features": features, "error": float(error.found.effect),
                    "low_95": float(error.low_95), "high_95": float(error.high_95),
                    "harm": float(harm.found.effect), "harm_low_95": float(harm.low_95),
                    "harm_high_95": float(harm.high_95), "num_replicates": error.found.num_replicates,
                    "num_photos": error.found.num_photos,
                }
            )  # fmt: skip
    columns = ["setting", "features", "error", "low_95", "high_95", "harm", "harm_low_95", "harm_high_95"]
    return pd.DataFrame(rows, columns=[*columns, "num_replicates", "num_photos"])


def named_right_table(tables: Tables) -> pd.DataFrame:
    """One row a setting of an arm that names: error where the class was named wrong minus where it was named right.

    Columns: setting, right, wrong (mean errors), share_right, effect, low/high_95, num_replicates, num_photos.
    """
    rows = []
    for setting, arm in _settings(tables, OWN, "top1"):
        if tasks(tables, arm) != {"color", "class"}:
            continue
        error_RP, right_RP = complete(tables, setting, OWN, "top1")
        is_right_RP = right_RP > 0.5
        judged = judge(split_difference(error_RP, ~is_right_RP), None)
        right, wrong = (_mean(error_RP[part_RP]) for part_RP in (is_right_RP, ~is_right_RP))
        share = {"right": right, "wrong": wrong, "share_right": _mean(is_right_RP)}
        rows.append({"setting": setting} | share | _row(judged))
    columns = ["setting", "right", "wrong", "share_right", "effect", "low_95", "high_95"]
    return pd.DataFrame(rows, columns=[*columns, "num_replicates", "num_photos"])


def region_table(tables: Tables) -> pd.DataFrame:
    """One row a setting: mean error inside and outside the object, over the photos where the two can be told apart.

    Columns: setting, inside, outside, effect (inside minus outside), low/high_95, num_replicates, num_photos,
    of_photos (all that were measured).
    """
    rows = []
    for setting, _ in _settings(tables, INSIDE, OUTSIDE):
        inside_RP, outside_RP = complete(tables, setting, INSIDE, OUTSIDE)
        means = {"inside": _mean(inside_RP), "outside": _mean(outside_RP)}
        of_photos = tables.photos.loc[tables.photos["setting"] == setting, "photo"].nunique()
        rows.append({"setting": setting} | means | _row(judge(inside_RP - outside_RP, None)) | {"of_photos": of_photos})
    columns = ["setting", "inside", "outside", "effect", "low_95", "high_95", "num_replicates", "num_photos"]
    return pd.DataFrame(rows, columns=[*columns, "of_photos"])


def sentences(tables: Tables) -> list[str]:
    """Whether colouring uses the class, one sentence a setting; what is missing where nothing can be said."""
    table = statistic_table(tables)
    return [_sentence(row) for row in records(table)] or [NOT_MEASURED]


def complete(tables: Tables, setting: str, *columns: str) -> list[np.ndarray]:
    """Each column of a setting as R x P, for the replicates and photos where all of them have a number."""
    photos = tables.photos[tables.photos["setting"] == setting].drop_duplicates(["replicate", "photo"], keep="last")
    wide = [
        photos.pivot(index="replicate", columns="photo", values=name).astype("float64").sort_index() for name in columns
    ]
    is_there = pd.DataFrame(np.logical_and.reduce([np.isfinite(one) for one in wide]), wide[0].index, wide[0].columns)
    is_there = is_there[is_there.any(axis="columns")]
    kept = is_there.columns[is_there.all()]
    return [one.loc[is_there.index, kept].to_numpy() for one in wide]


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


def _settings(tables: Tables, *columns: str) -> list[tuple[str, str]]:
    """Settings with a number in each of these columns, of arms that colour, in the study's order."""
    photos = tables.photos[~is_twin(tables.photos["setting"])]
    if not set(columns) <= set(photos.columns):
        return []
    found = photos.loc[photos[list(columns)].notna().all(axis="columns"), ["arm", "setting"]].drop_duplicates()
    order = {arm: index for index, arm in enumerate(tables.study["arms"])}
    members = [(row["setting"], row["arm"]) for row in records(found) if "color" in tasks(tables, row["arm"])]
    return sorted(members, key=lambda one: (order.get(one[1], len(order)), one[0]))


def _row(judged: Judged) -> dict[str, Any]:
    counts = {"num_replicates": judged.found.num_replicates, "num_photos": judged.found.num_photos}
    return {**judged.numbers(), **counts}


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan


def _verdict(row: dict[str, Any], p_adjusted: float) -> str:
    if not np.isfinite(p_adjusted):
        return UNTESTED
    if p_adjusted < SIGNIFICANCE and row["effect"] > 0:
        return USES_LITTLE if row["equivalent"] else USES
    if row["equivalent"]:
        return USES_NOT
    return CONTRARY if p_adjusted < SIGNIFICANCE else UNDECIDED


def _sentence(row: dict[str, Any]) -> str:
    setting, word = row["setting"], row["verdict"]
    evidence = (
        "Error with the features of a photo of another class minus that with those of another photo of the same "
        f"class: {number(row['effect'], 'CIEDE2000')} (95 % interval {number(row['low_95'])} to "
        f"{number(row['high_95'])}, adjusted p {p_words(row['p_adjusted'])}, {row['num_replicates']} replicates, "
        f"{row['num_photos']} photos; margin {number(row['margin'])})."
    )
    if word == UNTESTED:
        why = (
            f"only {row['num_replicates']} of the {MIN_REPLICATES} replicates that an interval needs have finished"
            if row["num_replicates"] < MIN_REPLICATES
            else "fewer than two test photos have another photo of their class"
        )
        return f"**Whether colouring in {setting} uses the class cannot be said**: {why}."
    if word == UNDECIDED:
        return f"**Whether colouring in {setting} uses the class is undecided.** {evidence}"
    return f"**Colouring in {setting} {word}.** {evidence}"
