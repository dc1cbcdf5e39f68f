"""Which photos speak for a side of a contrast, fold by fold, and both sides photo by photo."""

from functools import lru_cache

import pandas as pd

from analysis.statistics.contrasts import planned_contrasts
from analysis.tables import Tables, is_twin, metric, records, tasks

QUARTILES = {"low": 0.25, "median": 0.5, "high": 0.75}
"""The ends and the middle of a band that does not widen with the number of trainings behind it."""


def role_settings(tables: Tables, role: str) -> dict[int, str]:
    """The setting that was trained for a role in each fold; where nothing was chosen (a twin), the role's own name."""
    chosen = tables.selections
    roles, folds = chosen.get("role", chosen["setting"]), chosen.get("fold", pd.Series(0, index=chosen.index))
    mine = roles == role
    found = dict(zip(folds[mine].fillna(0).astype(int), chosen.loc[mine, "setting"], strict=True))
    return found or dict.fromkeys(sorted(fold_of(tables.photos).unique()), role)


@lru_cache(maxsize=2)
def role_table(tables: Tables) -> pd.DataFrame:
    """One row a role and fold: role, arm, fold, setting; in the order of the study's arms, twins last.

    A role that trained nothing of its own (in every fold its settings are another's) is left to that other one; what
    was trained and chosen by nothing, as twins are, is a role by its own name.
    """
    chosen, trials = tables.selections, tables.trials[tables.trials["phase"] == "confirm"]
    chosen = chosen[chosen["source"].fillna("").astype(str) != ""]
    rows = [
        (row.get("role") or row["setting"], row["arm"], int(fold), row["setting"])
        for row, fold in zip(records(chosen), fold_of(chosen), strict=True)
    ]
    named = {(fold, setting) for _, _, fold, setting in rows}
    trained = trials.assign(fold=fold_of(trials)).drop_duplicates(["fold", "setting"])
    rows += [
        (row["setting"], row["arm"], row["fold"], row["setting"])
        for row in records(trained)
        if (row["fold"], row["setting"]) not in named
    ]
    table = pd.DataFrame(rows, columns=["role", "arm", "fold", "setting"]).drop_duplicates(["role", "fold"])
    arms = {arm: place for place, arm in enumerate(tables.study["arms"])}
    twin, place = is_twin(table["role"]), table["arm"].map(arms).fillna(len(arms))
    table = table.assign(twin=twin, place=place).sort_values(["twin", "place", "role", "fold"], kind="stable")
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
    roles = role_table(tables)[["role", "fold", "setting"]]
    return frame.assign(fold=fold_of(frame)).merge(roles, on=["fold", "setting"])


def fold_of(frame: pd.DataFrame) -> pd.Series:
    """The fold of each row; 0 in tables without folds."""
    return frame["fold"].fillna(0).astype(int) if "fold" in frame else pd.Series(0, index=frame.index, dtype=int)


def role_photos(tables: Tables, role: str) -> pd.DataFrame:
    """All rows of the photo table that a role trained, its fold as a column."""
    settings = role_settings(tables, role)
    mine = tables.photos[tables.photos["setting"].isin(set(settings.values()))]
    mine = mine.assign(fold=fold_of(mine))
    return mine[mine["setting"] == mine["fold"].map(settings)]


def paired(tables: Tables, treatment: str, control: str, key: str, look: object = None) -> pd.DataFrame:
    """One row a fold, replicate and photo that both roles have measured: treatment, control and their difference.

    look: the look that a verdict rests on, from 1; later replicates are left out.
    """
    at = ["fold", "replicate", "photo"]
    columns = [*at, "category", "treatment", "control", "difference"]
    sides = [role_photos(tables, role) for role in (treatment, control)]
    if key not in tables.photos or any(side.empty for side in sides):
        return pd.DataFrame(columns=columns)
    both = sides[0][[*at, "category", key]].rename(columns={key: "treatment"})
    both = both.merge(sides[1][[*at, key]].rename(columns={key: "control"}), on=at)
    looks = tables.study["confirm"].get("looks") or []
    if isinstance(look, int | float) and 1 <= look <= len(looks):
        both = both[both["replicate"] <= looks[int(look) - 1]]
    both = both.dropna(subset=["treatment", "control"]).astype({"treatment": float, "control": float})
    return both.assign(difference=both["treatment"] - both["control"])[columns].reset_index(drop=True)


def parts(pairs: pd.DataFrame) -> pd.DataFrame:
    """The mean difference of each fold, or of each replicate where there is one fold: unit, difference, num_photos."""
    kind = "fold" if pairs["fold"].nunique() > 1 else "replicate"
    first = 1 if kind == "fold" else 0
    means = pairs.groupby(kind).agg(difference=("difference", "mean"), num_photos=("photo", "nunique")).reset_index()
    words = [f"{kind} {int(number) + first}" for number in means[kind]]
    return means.assign(unit=pd.Series(words, dtype="object"))[["unit", "difference", "num_photos"]]


def photo_table(tables: Tables, contrast: str) -> pd.DataFrame:
    """One row a test photo of a primary contrast: photo, category, treatment, control, difference; means over its
    replicates."""
    columns = ["photo", "category", "treatment", "control", "difference"]
    for plan in planned_contrasts(tables):
        if (plan.family, plan.name) == ("primary", contrast) and plan.treatment and plan.control:
            pairs = paired(tables, plan.treatment, plan.control, metric(tables, plan.metric).key)
            return pairs.groupby(["photo", "category"])[columns[2:]].mean().reset_index()
    return pd.DataFrame(columns=columns)


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
    for plan in planned_contrasts(tables):
        if (plan.family, plan.name) != ("primary", contrast) or not plan.treatment or not plan.control:
            continue
        sides = [role_photos(tables, role).dropna(subset=["predicted"]) for role in (plan.treatment, plan.control)]
        trained = [set(zip(side["fold"], side["replicate"], strict=True)) for side in sides]
        both = pd.MultiIndex.from_tuples(sorted(trained[0] & trained[1]), names=["fold", "replicate"])
        shares = []
        for side in sides:
            side = side[pd.MultiIndex.from_frame(side[["fold", "replicate"]]).isin(both)]
            shares.append(100 * pd.crosstab(side["category"], side["predicted"], normalize="index"))
        if any(share.empty for share in shares):
            continue
        names = sorted({name for share in shares for name in (*share.index, *share.columns)})
        first, second = (share.reindex(index=names, columns=names, fill_value=0.0).fillna(0.0) for share in shares)
        return first - second
    return pd.DataFrame()
