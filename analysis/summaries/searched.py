"""What the search saw: its settings trial by trial, where the sampler looked, and which settings went with the score.

Nothing here is evidence about a method: the sampler went where earlier trials did well. Claims come from arms.
"""

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from analysis.summaries.pairs import QUARTILES
from analysis.tables import Tables, full_trials, last_records, metric, records, tasks

OPTIMIZER_SETTINGS = {"learning_rate", "weight_decay", "momentum", "beta1", "beta2", "rho"}
"""Mean something else under another optimizer, and have another range there."""
MIN_TRIALS = 15
"""Of an arm in a fold, for importances; as where they are made."""
EVERY = "all trials"
KNOWN = ("trial", "arm", "fold", "state", "num_epochs")


@lru_cache(maxsize=1)
def search_trials(tables: Tables) -> pd.DataFrame:
    """One row a search trial: the columns of KNOWN, and one a searched setting, empty where it had none."""
    search = tables.trials[tables.trials["phase"] == "search"]
    settings = pd.DataFrame([read_settings(one) for one in search["searched"]], index=search.index)
    return search[list(KNOWN)].join(settings).reset_index(drop=True)


def setting_names(trials: pd.DataFrame) -> list[str]:
    """The searched settings among the columns of search_trials."""
    return [name for name in trials.columns if name not in (*KNOWN, "score")]


def read_settings(searched: object) -> dict[str, Any]:
    """The settings of a trial as exported; empty where there are none or they cannot be read."""
    try:
        fields = json.loads(searched) if isinstance(searched, str) else {}
    except json.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def common_epoch(tables: Tables) -> int:
    """The last epoch that every search trial reached, failed ones aside: the same budget for all. 0 without any."""
    search = search_trials(tables)
    ended = search[search["state"].isin(["done", "stopped"])]
    return int(ended["num_epochs"].min()) if not ended.empty else 0


@lru_cache(maxsize=8)
def scored_trials(tables: Tables, objective: str) -> pd.DataFrame:
    """search_trials with `score`: the objective at the common epoch; only arms that train the objective's task.

    Folds have other photos, so scores of different folds are compared only less the median of their own arm and fold.
    """
    search, task = search_trials(tables), metric(tables, objective).task
    trained = [arm for arm in search["arm"].unique() if task in ("none", *tasks(tables, arm))]
    if objective not in tables.epochs:
        return search.iloc[:0].assign(score=np.nan)
    at = tables.epochs[tables.epochs["epoch"] == common_epoch(tables)]
    scores = at[["trial", objective]].rename(columns={objective: "score"})
    return search[search["arm"].isin(trained)].merge(scores, on="trial").dropna(subset=["score"])


def seen_table(tables: Tables) -> pd.DataFrame:
    """One row an arm and searched setting: how many trials had it, and which values they tried."""
    search = search_trials(tables)
    rows = []
    for arm, members in search.groupby("arm", sort=False):
        for name in setting_names(search):
            for among, group in _groups(members, name):
                values = group[name].dropna()
                if not values.empty:
                    rows.append((arm, name, among, len(values), _values(values)))
    return pd.DataFrame(rows, columns=["arm", "setting", "among", "trials", "values tried"])


def importance_table(tables: Tables, objective: str) -> pd.DataFrame:
    """One row an arm and searched setting: its share of what all settings explain; the median over folds.

    `by chance up to` is what one setting in twenty without any influence would exceed. The numbers were made with the
    tables, by conditional PED-ANOVA; a conditional setting has its own name (learning_rate@sgd).
    """
    columns = ["arm", "setting", "share of what is explained", "by chance up to", "beyond chance", "trials"]
    found = tables.importance[tables.importance["objective"] == objective]
    if found.empty:
        return pd.DataFrame(columns=columns)
    chance = found["by_chance"] if "by_chance" in found else pd.Series(np.nan, index=found.index)
    found = found.assign(by_chance=chance, beyond=found["importance"] > chance)
    by_setting = found.groupby(["arm", "setting_name"], sort=False)
    table = by_setting.agg(
        share=("importance", "median"), chance=("by_chance", "median"), beyond=("beyond", "sum"),
        folds=("fold", "nunique"), trials=("num_trials", "median"),
    ).reset_index()  # fmt: skip
    words = [_of_folds(int(row["beyond"]), int(row["folds"])) for row in records(table)]
    table = table.assign(beyond=pd.Series(words, dtype="object"), trials=table["trials"].astype(int))
    order = {arm: place for place, arm in enumerate(tables.study["arms"])}
    table = table.sort_values("share", ascending=False, kind="stable")
    table = table.sort_values("arm", key=lambda arms: arms.map(order), kind="stable").drop(columns="folds")
    return table.set_axis(columns, axis=1).reset_index(drop=True)


def no_importance(tables: Tables, objective: str) -> str:
    """Why there is nothing to say about settings and an objective."""
    counts = scored_trials(tables, objective).groupby("arm", sort=False).size()
    words = ", ".join(f"{arm} {count}" for arm, count in counts.items()) or "none"
    return (
        f"`{objective}`: nothing can be said. It takes {MIN_TRIALS} scored search trials of an arm in a fold, so "
        f"that its best five are a third of them at most; scored were {words}."
    )


def best_so_far_table(tables: Tables, objective: str) -> pd.DataFrame:
    """The best score of an arm's first n trials, of those with the full number of epochs: arm, num_trials, median over
    folds, lower and upper quartile, num_folds."""
    columns = ["arm", "num_trials", "median", "low", "high", "num_folds"]
    search, measured = tables.trials[tables.trials["phase"] == "search"], metric(tables, objective)
    trained = [arm for arm in search["arm"].dropna().unique() if measured.task in ("none", *tasks(tables, arm))]
    search = search[search["arm"].isin(trained)]
    if search.empty or objective not in tables.epochs:
        return pd.DataFrame(columns=columns)
    full = set(full_trials(tables)["trial"])
    last = last_records(tables).set_index("trial")[objective]
    score = search["trial"].map(last).where(search["trial"].isin(full))
    search = search.assign(score=score if measured.better == "min" else -score)
    by_search = search.groupby(["arm", "fold"], sort=False)
    best = by_search["score"].cummin().groupby([search["arm"], search["fold"]], sort=False).ffill()
    best = best if measured.better == "min" else -best
    found = search.assign(best=best, number=by_search.cumcount() + 1).dropna(subset=["best"])
    by_number = found.groupby(["arm", "number"], sort=False)["best"]
    spread = pd.DataFrame({name: by_number.quantile(at) for name, at in QUARTILES.items()})
    spread = spread.assign(num_folds=by_number.count()).reset_index().rename(columns={"number": "num_trials"})
    return spread[columns]


def choice_table(tables: Tables, objective: str) -> pd.DataFrame:
    """One row an arm and value of each choice: what became of its trials; their scores at the common epoch."""
    columns = ["arm", "setting", "value", "trials", "done", "stopped", "failed", "best", "median"]
    search, scored = search_trials(tables), scored_trials(tables, objective)
    better, rows = metric(tables, objective).better, []
    for name in setting_names(search):
        if not _is_choice(search[name].dropna()):
            continue
        for (arm, value), members in search.groupby(["arm", name], sort=True):
            ends = [int((members["state"] == state).sum()) for state in ("done", "stopped", "failed")]
            score = scored.loc[scored["trial"].isin(members["trial"]), "score"]
            best = score.min() if better == "min" else score.max()
            rows.append((arm, name, _word(value), len(members), *ends, best, score.median()))
    return pd.DataFrame(rows, columns=columns)


def best_settings_table(tables: Tables) -> pd.DataFrame:
    """Every setting that was confirmed: its values, and the command that trains its first replicate again."""
    columns = ["fold", "setting", "arm", "settings found", "reproduce with"]
    searched = dict(zip(tables.trials["trial"], tables.trials["searched"], strict=True))
    confirmed = tables.trials[(tables.trials["phase"] == "confirm") & (tables.trials["replicate"] == 1)]
    trial_of = dict(zip(zip(confirmed["setting"], confirmed["fold"], strict=True), confirmed["trial"], strict=True))
    chosen = tables.selections[tables.selections["source"].fillna("").astype(bool)]
    chosen = chosen.drop_duplicates(["fold", "setting"])
    rows = [
        (
            row["fold"] + 1, row["setting"], row["arm"], settings_in_words(searched.get(row["source"])),
            f"tintune reproduce {tables.study_dir} {trial_of.get((row['setting'], row['fold']), row['source'])}",
        )
        for row in records(chosen)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    return table if table["fold"].nunique() > 1 else table.drop(columns="fold")


def ranges(tables: Tables, arm: str, settings: dict[str, Any]) -> dict[str, tuple[float, float, bool]]:
    """Lowest and highest value, and whether logarithmic, of each numeric setting that a trial with these drew.

    From the study's space and the arm's overrides; of a conditional setting, the first case that applies. What the
    tables do not describe is left out.
    """
    described = tables.study["arms"].get(arm) or {}
    space = {**(tables.study.get("space") or {}), **(described.get("overrides") or {})}
    found = {}
    for name, raw in space.items():
        cases = raw if isinstance(raw, list) else [raw]
        case = next((one for one in cases if isinstance(one, dict) and _applies(one, settings)), {})
        for kind in ("uniform", "log_uniform"):
            if kind in case and isinstance(settings.get(name), int | float):
                low, high = (float(end) for end in case[kind])
                found[name] = (low, high, kind == "log_uniform")
    return found


def _applies(case: dict[str, Any], settings: dict[str, Any]) -> bool:
    conditions = case.get("when") or {}
    return all(
        settings.get(name) in (wanted if isinstance(wanted, list) else [wanted]) for name, wanted in conditions.items()
    )


def settings_in_words(searched: object) -> str:
    """Settings as a reader wants them; an arm that searches nothing has none."""
    fields = read_settings(searched)
    return ", ".join(f"{name} {_word(value)}" for name, value in fields.items()) or "none searched"


def _groups(members: pd.DataFrame, name: str) -> list[tuple[str, pd.DataFrame]]:
    """The trials among which a setting means one thing, with the words for them."""
    having = members[members[name].notna()]
    if name in OPTIMIZER_SETTINGS and "optimizer" in members and having["optimizer"].nunique() > 1:
        return [(f"optimizer {value}", group) for value, group in having.groupby("optimizer", sort=True)]
    return [(EVERY if len(having) == len(members) else "trials that have it", having)]


def _is_choice(values: pd.Series) -> bool:
    return not values.empty and (not pd.api.types.is_float(values.iloc[0]) or values.nunique() <= 3)


def _values(values: pd.Series) -> str:
    if _is_choice(values):
        return ", ".join(f"{_word(value)} ({count})" for value, count in values.value_counts().items())
    low, middle, high = values.astype(float).quantile([0, 0.5, 1])
    return f"{low:.3g} to {high:.3g}, half of them below {middle:.3g}"


def _of_folds(count: int, folds: int) -> str:
    if folds == 1:
        return "yes" if count else "no"
    return f"in {count} of {folds} folds"


def _word(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
