"""What was run: trials by arm and end, their cost, every failure, and the settings that were chosen."""

import json

import pandas as pd

from analysis.tables import Tables

STATES = ("done", "stopped", "failed", "running", "queued")


def trial_table(tables: Tables) -> pd.DataFrame:
    """One row an arm and phase: how its trials ended, and what they cost in epochs and device seconds."""
    trials = tables.trials
    arms = dict.fromkeys([*tables.study["arms"], *trials["arm"].dropna()])
    phases = [phase for phase in ("search", "confirm") if (trials["phase"] == phase).any()] or ["search"]
    rows = []
    for phase in phases:
        for arm in arms:
            members = trials[(trials["phase"] == phase) & (trials["arm"] == arm)]
            ends = {state: int((members["state"] == state).sum()) for state in STATES}
            cost = {"epochs": int(members["num_epochs"].sum()), "device seconds": float(members["seconds"].sum())}
            rows.append({"phase": phase, "arm": arm, "trials": len(members), **ends, **cost})
    return pd.DataFrame(rows, columns=["phase", "arm", "trials", *STATES, "epochs", "device seconds"])


def failure_table(tables: Tables) -> pd.DataFrame:
    """Every failed trial with its kind and message."""
    columns = {"trial": "trial", "num_epochs": "epochs", "failure_kind": "kind", "failure_message": "message"}
    failed = tables.trials[tables.trials["state"] == "failed"]
    return failed[list(columns)].rename(columns=columns).reset_index(drop=True)


def stopped_table(tables: Tables) -> pd.DataFrame:
    """Trials that early stopping ended, counted by arm and by the epoch they reached."""
    stopped = tables.trials[tables.trials["state"] == "stopped"]
    counts = stopped.groupby(["arm", "num_epochs"]).size()
    return counts.rename("trials").reset_index().rename(columns={"num_epochs": "stopped after epoch"})


def chosen_table(tables: Tables) -> pd.DataFrame:
    """The setting that stood for each side of each contrast: where it came from and what the search had set.

    The search's own score of it is left out on purpose: a winner's score is too good to be a result.
    """
    columns = ["contrast", "side", "setting", "chosen from", "chosen by", "settings"]
    searched = {} if tables.trials.empty else dict(zip(tables.trials["trial"], tables.trials["searched"], strict=True))
    rows = [
        (row.contrast, row.side, row.setting, row.source, row.metric, _in_words(searched.get(row.source)))
        for row in tables.selections.itertuples()
    ]
    return pd.DataFrame(rows, columns=columns)


def _in_words(searched: object) -> str:
    try:
        fields = json.loads(searched) if isinstance(searched, str) else {}
    except json.JSONDecodeError:
        return str(searched)
    if not isinstance(fields, dict):
        return str(searched)
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in fields.items()
    )
