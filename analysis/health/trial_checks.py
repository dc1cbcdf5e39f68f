"""Whether the trials behind the answer were run as planned, and alike in every arm."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis.statistics import rule
from analysis.statistics.contrasts import contrasts
from analysis.statistics.roles import design
from analysis.tables import Tables, records

MAX_IMBALANCE = 1.25
WEAKENS, MIND, NOTE = "weakens", "mind", "note"
"""Grades: it weakens the answer; keep it in mind while reading; good to know."""


@dataclass(frozen=True)
class Finding:
    """One thing that a sceptic should know of."""

    name: str
    sentence: str
    remedy: str
    grade: str
    """weakens, mind or note."""


def unfinished(tables: Tables) -> Iterator[Finding]:
    open_trials = tables.trials["state"].isin(["running", "queued"]).sum()
    if tables.trials.empty:
        yield Finding("no trials", "No trial has been recorded.", "Launch the study: tintune launch.", WEAKENS)
    if not open_trials:
        return
    yield Finding(
        "unfinished",
        f"{open_trials} of {len(tables.trials)} trials had not ended when the tables were exported.",
        "Run the same launch command again, then tintune report.",
        MIND,
    )


def missing_arms(tables: Tables) -> Iterator[Finding]:
    done = tables.trials[tables.trials["state"] == "done"]
    silent = [arm for arm in _expected_arms(tables) if not (done["arm"] == arm).any()]
    if silent and not tables.trials.empty:
        yield Finding(
            "missing arms",
            f"No trial of {', '.join(silent)} has finished, so nothing can be said about what it was there for.",
            "Read the failures under Training dynamics, mend the cause and launch the study under another name.",
            WEAKENS,
        )


def _expected_arms(tables: Tables) -> list[str]:
    """The arms of the primary contrasts, and others that have begun: controls wait for an effect to explain."""
    primary = {arm for one in tables.study["contrasts"].values() for arm in (one["treatment"], one["control"])}
    begun = set(tables.trials["arm"].dropna())
    if not tables.study["contrasts"]:
        return list(tables.study["arms"])
    return [arm for arm in tables.study["arms"] if arm in primary | begun]


def missing_trainings(tables: Tables) -> Iterator[Finding]:
    """Contrasts that a look waits for, or that lost a training; none where a study stopped because it was decided."""
    rows = [row for row in records(contrasts(tables)) if row["treatment"] and row["control"]]
    waiting = [row for row in rows if row["verdict"] == rule.NOT_YET and row["family"] in ("primary", "both")]
    if waiting:
        yield Finding(
            "missing trainings",
            "; ".join(f"{row['contrast']} waits: {row['note']}" for row in waiting) + ".",
            "Run the same launch command again if the study was interrupted; finished trials are kept.",
            MIND,
        )
    lost = [row for row in rows if row["verdict"] == rule.NOT_TESTABLE and "failed in" in row["note"]]
    if lost:
        yield Finding(
            "failed trainings",
            "; ".join(f"{row['contrast']} cannot be judged: {row['note']}" for row in lost) + ".",
            "A failed trial is a result and is not trained again: read why it failed under Training dynamics.",
            WEAKENS,
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
        WEAKENS,
    )


def unequal_trials(tables: Tables) -> Iterator[Finding]:
    planned = tables.study["search"].get("trials_per_arm")
    search = tables.trials[tables.trials["phase"] == "search"]
    planned = planned and planned * design(tables).num_folds
    ended = search[search["state"].isin(["done", "stopped"])].groupby("arm").size()
    short = [f"{arm} {ended.get(arm, 0)}" for arm in _expected_arms(tables) if planned and ended.get(arm, 0) < planned]
    if not short or search.empty:
        return
    yield Finding(
        "unequal search",
        f"Of {planned} search trials per arm, fewer ended well: {', '.join(short)}.",
        "Launch again if the study was interrupted; an arm searched less looks worse than it is.",
        MIND,
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
            MIND,
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
        WEAKENS,
    )
