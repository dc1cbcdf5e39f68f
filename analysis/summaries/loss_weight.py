"""How both tasks answer to the weight between their losses, optimizer by optimizer.

The weight is that of naming over that of colouring. Search trials with the full number of epochs show the shape, on
validation photos of one replicate; confirmed settings show how far replicates spread.
"""

import numpy as np
import pandas as pd

from analysis.tables import Tables, full_trials, last_records, tasks

MAX_BINS = 6
TRIALS_PER_BIN = 5


def weighted_trials(tables: Tables) -> pd.DataFrame:
    """Finished full-budget trials of arms that train both tasks: weight, optimizer, setting, last record's scores.

    Where the weights are learned, the config has only those they start from, so such trials are left out.
    """
    done, objectives = full_trials(tables), [name for name in tables.study["objectives"] if name in tables.epochs]
    columns = ["trial", "arm", "phase", "setting", "replicate", "optimizer", "weight", *objectives]
    needed = ["config/class_loss_weight", "config/color_loss_weight"]
    if not set(needed) <= set(done.columns):
        return pd.DataFrame(columns=columns)
    if "config/task_weighting" in done:
        done = done[done["config/task_weighting"] != "uncertainty"]
    both = [arm for arm in done["arm"].unique() if {"color", "class"} <= tasks(tables, arm)]
    done = done[done["arm"].isin(both)]
    optimizer = done.get("config/optimizer", "unknown")
    done = done.assign(weight=done[needed[0]] / done[needed[1]].replace(0, np.nan), optimizer=optimizer)
    last = last_records(tables)[["trial", *objectives]]
    return done.merge(last, on="trial").loc[lambda frame: frame["weight"] > 0, columns]


def response_arms(tables: Tables) -> list[str]:
    """The arms that tried more than one weight, treatments of the primary contrasts first."""
    found = weighted_trials(tables)
    varied = found.groupby("arm")["weight"].nunique()
    first = [declared["treatment"] for declared in tables.study["contrasts"].values()]
    order = dict.fromkeys([*first, *varied.index])
    return [arm for arm in order if varied.get(arm, 0) > 1]


def response_table(tables: Tables, arm: str) -> pd.DataFrame:
    """One row an optimizer, span of weights and objective: trials, median, lowest and highest, at the last epoch.

    Spans are equal on the logarithmic scale, the same for all optimizers of the arm; `lowest` and `highest` are the
    weights that trials of the optimizer tried within.
    """
    columns = ["optimizer", "weight_low", "weight_high", "lowest", "highest", "objective", "num_trials"]
    columns += ["median", "low", "high"]
    found = weighted_trials(tables)
    found = found[(found["arm"] == arm) & (found["phase"] == "search")]
    objectives = [name for name in tables.study["objectives"] if name in found]
    if found.empty or not objectives:
        return pd.DataFrame(columns=columns)
    num_bins = int(np.clip(len(found) // TRIALS_PER_BIN, 1, MAX_BINS))
    low, high = found["weight"].min(), found["weight"].max()
    edges = np.geomspace(low, high, num_bins + 1) if high > low else np.array([low, high])
    spans = np.clip(np.searchsorted(edges, found["weight"], side="right") - 1, 0, len(edges) - 2)
    rows = []
    for (optimizer, at), members in found.groupby(["optimizer", spans], sort=True):
        span = int(str(at))
        for objective in objectives:
            values = members[objective].dropna()
            if not values.empty:
                tried = members.loc[values.index, "weight"]
                spread = (len(values), values.median(), values.min(), values.max())
                rows.append((optimizer, edges[span], edges[span + 1], tried.min(), tried.max(), objective, *spread))
    return pd.DataFrame(rows, columns=columns)


def confirmed_table(tables: Tables, arm: str) -> pd.DataFrame:
    """One row a confirmed setting and objective: its weight; mean, lowest and highest replicate."""
    columns = ["setting", "optimizer", "weight", "objective", "num_replicates", "mean", "low", "high"]
    found = weighted_trials(tables)
    found = found[(found["arm"] == arm) & (found["phase"] == "confirm")]
    rows = []
    for (setting, optimizer, weight), members in found.groupby(["setting", "optimizer", "weight"], sort=True):
        for objective in tables.study["objectives"]:
            values = members[objective].dropna() if objective in members else pd.Series(dtype=float)
            if not values.empty:
                spread = (len(values), values.mean(), values.min(), values.max())
                rows.append((setting, optimizer, weight, objective, *spread))
    return pd.DataFrame(rows, columns=columns)
