"""Whether the trials behind the answer were run as planned, and alike in every arm."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis.tables import Tables, is_twin

MAX_IMBALANCE = 1.25


@dataclass(frozen=True)
class Finding:
    """One thing that weakens the answer."""

    name: str
    sentence: str
    remedy: str


def unfinished(tables: Tables) -> Iterator[Finding]:
    open_trials = tables.trials["state"].isin(["running", "queued"]).sum()
    if tables.trials.empty:
        yield Finding("no trials", "No trial has been recorded.", "Launch the study: tintune launch.")
    if not open_trials:
        return
    yield Finding(
        "unfinished",
        f"{open_trials} of {len(tables.trials)} trials had not ended when the tables were exported.",
        "Run the same launch command again, then tintune report.",
    )


def missing(tables: Tables) -> Iterator[Finding]:
    done = tables.trials[tables.trials["state"] == "done"]
    silent = [arm for arm in tables.study["arms"] if not (done["arm"] == arm).any()]
    if silent and not tables.trials.empty:
        yield Finding(
            "missing arms",
            f"No trial of {', '.join(silent)} has finished, so nothing can be said about what it was there for.",
            "Read the failures under Training dynamics, mend the cause and launch the study under another name.",
        )
    planned = tables.study["confirm"].get("replicates")
    confirm = tables.trials[(tables.trials["phase"] == "confirm") & ~is_twin(tables.trials["setting"])]
    finished = confirm[confirm["state"] == "done"].groupby("setting")["replicate"].nunique()
    settings = dict.fromkeys([*tables.selections["setting"].dropna(), *confirm["setting"].dropna()])
    short = [f"{name} {finished.get(name, 0)}" for name in settings if planned and finished.get(name, 0) < planned]
    if short:
        yield Finding(
            "missing replicates",
            f"Of {planned} replicates per setting, fewer finished: {', '.join(short)}.",
            "Launch again if the study was interrupted. A failed trial is a result and is not trained again: read "
            "why it failed under Training dynamics.",
        )


def one_sided_failures(tables: Tables) -> Iterator[Finding]:
    arms = list(tables.study["arms"]) or sorted(tables.trials["arm"].dropna().unique())
    failed = tables.trials[tables.trials["state"] == "failed"]
    hit = [arm for arm in arms if (failed["arm"] == arm).any()]
    if len(hit) != 1 or len(arms) < 2:
        return
    yield Finding(
        "failures in one arm",
        f"Trials failed in {hit[0]} only ({len(failed)}); the trials that are left may be the lucky ones.",
        "Read the messages under Training dynamics, mend the cause and launch the study under another name.",
    )


def unequal_trials(tables: Tables) -> Iterator[Finding]:
    planned = tables.study["search"].get("trials_per_arm")
    search = tables.trials[tables.trials["phase"] == "search"]
    ended = search[search["state"].isin(["done", "stopped"])].groupby("arm").size()
    short = [f"{arm} {ended.get(arm, 0)}" for arm in tables.study["arms"] if planned and ended.get(arm, 0) < planned]
    if not short or search.empty:
        return
    yield Finding(
        "unequal search",
        f"Of {planned} search trials per arm, fewer ended well: {', '.join(short)}.",
        "Launch again if the study was interrupted; an arm searched less looks worse than it is.",
    )


def unequal_budgets(tables: Tables) -> Iterator[Finding]:
    search = tables.trials[(tables.trials["phase"] == "search") & tables.trials["state"].isin(["done", "stopped"])]
    for column, word in (("num_epochs", "epochs"), ("seconds", "device time")):
        spent = search.groupby("arm")[column].sum()
        if len(spent) < 2 or spent.min() <= 0 or spent.max() <= MAX_IMBALANCE * spent.min():
            continue
        more = 100 * (spent.max() / spent.min() - 1)
        yield Finding(
            f"unequal {word}",
            f"The search spent {more:.0f} % more {word} on {spent.idxmax()} than on {spent.idxmin()}.",
            "Compare under equal spending: the same trials per arm with early stopping off, or a time budget.",
        )


def mixed_budgets(tables: Tables) -> Iterator[Finding]:
    planned = tables.study["epochs"]
    confirmed = tables.trials[(tables.trials["phase"] == "confirm") & (tables.trials["state"] == "done")]
    sources = tables.trials[tables.trials["trial"].isin(tables.selections["source"].dropna())]
    counted = pd.concat([confirmed, sources])
    other = counted[counted["num_epochs"] != planned] if planned else counted.iloc[:0]
    if other.empty:
        return
    yield Finding(
        "mixed budgets",
        f"{len(other)} trials behind the answer did not train the study's {planned} epochs: "
        f"{', '.join(other['trial'].head(5))}.",
        "Only trials with the full number of epochs may be compared: delete the results and export again.",
    )
