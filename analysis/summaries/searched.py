"""What the search saw: its settings trial by trial, where the sampler looked, and which settings went with the score.

Nothing here is evidence about a method: the sampler went where earlier trials did well. Claims come from arms.
"""

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.tables import Tables, metric, records, tasks

OPTIMIZER_SETTINGS = {"learning_rate", "weight_decay", "momentum", "beta1", "beta2", "rho"}
"""Mean something else under another optimizer, and have another range there."""
MIN_TRIALS = 9
"""Fewer cannot be cut into thirds of three."""
EVERY = "all trials"


@lru_cache(maxsize=1)
def search_trials(tables: Tables) -> pd.DataFrame:
    """One row a search trial: arm, state, num_epochs, and one column a searched setting, empty where it had none."""
    search = tables.trials[tables.trials["phase"] == "search"]
    settings = pd.DataFrame([read_settings(one) for one in search["searched"]], index=search.index)
    return search[["trial", "arm", "state", "num_epochs"]].join(settings).reset_index(drop=True)


def setting_names(trials: pd.DataFrame) -> list[str]:
    """The searched settings among the columns of search_trials."""
    return [name for name in trials.columns if name not in ("trial", "arm", "state", "num_epochs")]


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
    """search_trials with `score`: the objective at the common epoch; only arms that train the objective's task."""
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
    """How much of the trials' order by the objective goes with each setting, arm by arm.

    Kruskal and Wallis's epsilon squared between the values of a setting (thirds of a range): the share of the variance
    of ranks, less what chance alone gives. A conditional setting is judged only among the trials that have it, one
    that belongs to an optimizer only within that optimizer; so unequal ranges are never mixed. `by chance up to` is
    what one setting in twenty without any influence would exceed.
    """
    columns = ["arm", "setting", "among", "trials", "share explained", "by chance up to", "beyond chance"]
    scored = scored_trials(tables, objective)
    rows = []
    for arm, members in scored.groupby("arm", sort=False):
        for name in setting_names(scored.drop(columns="score")):
            for among, group in _groups(members, name):
                found = _explained(group[name], group["score"])
                if found is not None:
                    rows.append((arm, name, among, int(group[name].notna().sum()), *found, found[0] > found[1]))
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["arm", "share explained"], ascending=[True, False], kind="stable").reset_index(drop=True)


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
    columns = ["setting", "arm", "settings found", "reproduce with"]
    searched = dict(zip(tables.trials["trial"], tables.trials["searched"], strict=True))
    confirmed = tables.trials[(tables.trials["phase"] == "confirm") & (tables.trials["replicate"] == 1)]
    trial_of = dict(zip(confirmed["setting"], confirmed["trial"], strict=True))
    chosen = tables.selections[tables.selections["source"].fillna("").astype(bool)].drop_duplicates("setting")
    rows = [
        (
            row["setting"], row["arm"], settings_in_words(searched.get(row["source"])),
            f"tintune reproduce {tables.study_dir} {trial_of.get(row['setting'], row['source'])}",
        )
        for row in records(chosen)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


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


def _explained(values: pd.Series, score: pd.Series) -> tuple[float, float] | None:
    """Epsilon squared and what chance exceeds once in twenty; None where there is too little to compare."""
    present = values.notna()
    values, score = values[present], score[present]
    if len(values) < MIN_TRIALS or values.nunique() < 2 or score.nunique() < 2:
        return None
    parts = values.astype(str) if _is_choice(values) else pd.qcut(values.astype(float).rank(), 3, labels=False)
    groups = [group.to_numpy() for _, group in score.groupby(parts.to_numpy()) if len(group) > 1]
    if len(groups) < 2:
        return None
    degrees, rest = len(groups) - 1, sum(map(len, groups)) - len(groups)
    share = (stats.kruskal(*groups).statistic - degrees) / rest
    return max(0.0, float(share)), float((stats.chi2.ppf(0.95, degrees) - degrees) / rest)


def _word(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
