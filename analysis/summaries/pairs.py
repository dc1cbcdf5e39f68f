"""Both sides of a contrast: photo by photo, name by name, and the parts that the interval is made of."""

from functools import lru_cache

import pandas as pd

from analysis.statistics import folds, roles
from analysis.statistics.contrasts import Planned, contrasts, planned_contrasts
from analysis.statistics.differences import differences, folds_of, measured
from analysis.tables import Tables, is_twin, metric, records, tasks

QUARTILES = {"low": 0.25, "median": 0.5, "high": 0.75}
"""The ends and the middle of a band that does not widen with the number of trainings behind it."""


@lru_cache(maxsize=2)
def role_table(tables: Tables) -> pd.DataFrame:
    """One row a role and fold: role, arm, fold, setting; in the order of the study's arms and of the selections,
    twins last.

    A role that trained nothing of its own (in every fold its settings are another's) is left to that other one; what
    was trained and chosen by nothing, as twins are, is a role by its own name.
    """
    chosen, trials = tables.selections, tables.trials[tables.trials["phase"] == "confirm"]
    chosen = chosen[chosen["source"].fillna("").astype(str) != ""]
    chosen = chosen.assign(role=chosen["role"].fillna(chosen["setting"]))
    rows = [
        (row["role"], row["arm"], int(fold), row["setting"])
        for row, fold in zip(records(chosen), chosen["fold"], strict=True)
    ]
    named = {(fold, setting) for _, _, fold, setting in rows}
    trained = trials.drop_duplicates(["fold", "setting"])
    rows += [
        (row["setting"], row["arm"], row["fold"], row["setting"])
        for row in records(trained)
        if (row["fold"], row["setting"]) not in named
    ]
    table = pd.DataFrame(rows, columns=["role", "arm", "fold", "setting"]).drop_duplicates(["role", "fold"])
    arms = {arm: place for place, arm in enumerate(tables.study["arms"])}
    twin, place = is_twin(table["role"]), table["arm"].map(arms).fillna(len(arms))
    first = pd.Series(pd.factorize(table["role"])[0], index=table.index)
    table = table.assign(twin=twin, place=place, first=first).sort_values(["twin", "place", "first", "fold"])
    kept: list[pd.DataFrame] = []
    seen: set[tuple[int, str]] = set()
    for _, members in table.groupby("role", sort=False):
        pairs = set(zip(members["fold"], members["setting"], strict=True))
        if not pairs <= seen:
            kept.append(members)
            seen |= pairs
    table = pd.concat(kept) if kept else table
    return table[["role", "arm", "fold", "setting"]].reset_index(drop=True)


def with_roles(tables: Tables, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows that have a setting (and a fold), with the role that trained them; rows of no role are left out."""
    return frame.merge(role_table(tables)[["role", "fold", "setting"]], on=["fold", "setting"])


def unit_table(tables: Tables) -> pd.DataFrame:
    """The mean differences that a contrast rests on: one row a fold, or a replicate where there is one fold.

    Columns: family, contrast, unit, difference, num_photos; up to the look that the contrast rests on.
    """
    columns = ["family", "contrast", "unit", "difference", "num_photos"]
    rows: list[tuple[str, str, str, float, int]] = []
    found = contrasts(tables)
    for row in records(found[found["effect"].notna()]):
        key = metric(tables, row["metric"]).key
        frame, _ = differences(tables, row["treatment"], row["control"], key, row["num_replicates"])
        fold_P = folds_of(tables, frame.columns)
        mean_KR = folds.fold_means(frame.to_numpy(), fold_P)
        named = (row["family"], row["contrast"])
        if len(mean_KR) > 1:
            numbers, counts = pd.Series(fold_P).value_counts().sort_index().items(), mean_KR.mean(axis=1)
            rows += [
                (*named, f"fold {int(str(fold)) + 1}", mean, count)
                for (fold, count), mean in zip(numbers, counts, strict=True)
            ]
        else:
            rows += [
                (*named, f"replicate {number}", mean, frame.shape[1])
                for number, mean in zip(frame.index, mean_KR[0], strict=True)
            ]
    return pd.DataFrame(rows, columns=columns)


def photo_table(tables: Tables, contrast: str) -> pd.DataFrame:
    """One row a test photo of a primary contrast: photo, category, treatment, control, difference; means over the
    replicates that the contrast rests on, all that both sides have where it rests on none."""
    columns = ["photo", "category", "treatment", "control", "difference"]
    plan = planned(tables, contrast)
    if plan is None or plan.treatment is None or plan.control is None:
        return pd.DataFrame(columns=columns)
    key = metric(tables, plan.metric).key
    if key not in tables.photos:
        return pd.DataFrame(columns=columns)
    frame, _ = differences(tables, plan.treatment, plan.control, key, num_replicates(tables, contrast))
    category = tables.photos.drop_duplicates("photo").set_index("photo")["category"]
    scores = {"category": category.reindex(frame.columns)}
    for side, role in (("treatment", plan.treatment), ("control", plan.control)):
        scores[side] = measured(tables, role, key).reindex(index=frame.index, columns=frame.columns).mean()
    table = pd.DataFrame({**scores, "difference": frame.mean()})
    return table.rename_axis("photo").reset_index()[columns]


def category_table(tables: Tables, contrast: str) -> pd.DataFrame:
    """One row a category: mean difference, lower and upper quartile of its photos, num_photos; sorted by the mean."""
    photos, columns = photo_table(tables, contrast), ["category", "difference", "low", "high", "num_photos"]
    if photos.empty:
        return pd.DataFrame(columns=columns)
    by_category = photos.groupby("category")["difference"]
    table = by_category.agg(difference="mean", num_photos="count").reset_index()
    for name in ("low", "high"):
        table[name] = by_category.quantile(QUARTILES[name]).to_numpy()
    return table.sort_values("difference", ignore_index=True)[columns]


def planned(tables: Tables, contrast: str) -> Planned | None:
    """A primary contrast by its name."""
    return next((one for one in planned_contrasts(tables) if (one.family, one.name) == ("primary", contrast)), None)


def num_replicates(tables: Tables, contrast: str) -> int | None:
    """The replicates that a primary contrast rests on; None where it rests on none yet."""
    found = contrasts(tables)
    row = found[(found["family"] == "primary") & (found["contrast"] == contrast)].iloc[0]
    return int(row["num_replicates"]) or None


def naming_contrasts(tables: Tables) -> list[str]:
    """The primary contrasts on naming between two arms that both learn it."""
    return [
        name
        for name, declared in tables.study["contrasts"].items()
        if metric(tables, declared["metric"]).task == "class"
        and all("class" in tasks(tables, declared[side]) for side in ("treatment", "control"))
    ]


def confusion_table(tables: Tables, contrast: str) -> pd.DataFrame:
    """Treatment minus control: of the photos of each true name (rows) the share given each name (columns), in points.

    Over all trainings; both sides count on the folds and replicates that both have.
    """
    plan = planned(tables, contrast)
    if plan is None or plan.treatment is None or plan.control is None:
        return pd.DataFrame()
    at = ["fold", "replicate"]
    sides = [
        roles.members(tables, tables.photos, role).dropna(subset=["predicted"])
        for role in (plan.treatment, plan.control)
    ]
    shares = []
    for side, other in zip(sides, reversed(sides), strict=True):
        side = side.merge(other[at].drop_duplicates(), on=at)
        if side.empty:
            return pd.DataFrame()
        shares.append(100 * pd.crosstab(side["category"], side["predicted"], normalize="index"))
    names = sorted({name for share in shares for name in (*share.index, *share.columns)})
    first, second = (share.reindex(index=names, columns=names).fillna(0.0) for share in shares)
    return first - second
