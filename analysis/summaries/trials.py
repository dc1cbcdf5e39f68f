"""What was run: trials by arm and end, their cost, every failure, and the settings that were chosen."""

import pandas as pd

from analysis.statistics.roles import design
from analysis.summaries.searched import settings_in_words
from analysis.tables import Tables, records

STATES = ("done", "stopped", "failed", "running", "queued")
PHASES = ("search", "recheck", "confirm")


def trial_table(tables: Tables) -> pd.DataFrame:
    """One row an arm and phase: how its trials ended, and what they cost in epochs and device seconds."""
    trials = tables.trials
    arms = dict.fromkeys([*tables.study["arms"], *trials["arm"].dropna()])
    phases = [phase for phase in PHASES if (trials["phase"] == phase).any()] or ["search"]
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


def failure_counts(tables: Tables) -> pd.DataFrame:
    """Failures by kind, message and arm, the most frequent first; numbers within a message do not tell it apart."""
    columns = ["kind", "message", "arm", "trials"]
    failed = tables.trials[tables.trials["state"] == "failed"]
    message = failed["failure_message"].fillna("").astype(str)
    alike = message.str.replace(r"\d+", "#", regex=True)
    failed = failed.assign(message=message, alike=alike, kind=failed["failure_kind"].fillna("").astype(str))
    counts = failed.groupby(["kind", "alike", "arm"], sort=True)["message"].agg(["first", "size"]).reset_index()
    table = counts[["kind", "first", "arm", "size"]].set_axis(columns, axis=1)
    return table.sort_values("trials", ascending=False, kind="stable").reset_index(drop=True)


def stopped_table(tables: Tables) -> pd.DataFrame:
    """Trials that early stopping ended, counted by arm and by the epoch they reached."""
    stopped = tables.trials[tables.trials["state"] == "stopped"]
    counts = stopped.groupby(["arm", "num_epochs"]).size()
    return counts.rename("trials").reset_index().rename(columns={"num_epochs": "stopped after epoch"})


def stop_reason(tables: Tables) -> str:
    """The rule that ended trials early, in a sentence."""
    search = tables.study["search"]
    if search.get("early_stopping") in (None, "none"):
        return "This study stops no trial early."
    factor, first = search.get("reduction_factor"), search.get("min_epochs")
    if not factor or not first:
        return f"Early stopping: {search['early_stopping']}."
    return (
        f"At epoch {first}, then whenever the epochs have grown {factor}-fold, a trial goes on only if it stands in "
        f"the best 1/{factor} of its own arm's trials that got there, on validation photos; the others are stopped."
    )


def cost_table(tables: Tables) -> pd.DataFrame:
    """One row a phase and arm, then all: trials, epochs, device-hours, and what early stopping saved.

    Saved are the epochs that stopped trials did not train, at the mean seconds an epoch of their own arm and phase. A
    trial's hours are those of its epochs, validation and test included; with GPU hours where the study gives a trial
    GPUs, or a share of one.
    """
    columns = ["phase", "arm", "trials", "epochs", "device hours", "epochs saved", "device hours saved"]
    gpus = tables.study["resources"].get("gpus_per_trial")
    planned, rows = tables.study["epochs"] or 0, []
    for (phase, arm), members in tables.trials.groupby(["phase", "arm"], sort=False):
        epochs, seconds = int(members["num_epochs"].sum()), float(members["seconds"].sum())
        stopped = members[members["state"] == "stopped"]
        saved = int((planned - stopped["num_epochs"]).clip(lower=0).sum())
        hours_saved = saved * seconds / epochs / 3600 if epochs else 0.0
        rows.append((phase, arm, len(members), epochs, seconds / 3600, saved, hours_saved))
    table = pd.DataFrame(rows, columns=columns)
    if table.empty:
        return table
    total = pd.DataFrame([("all", "all", *table[columns[2:]].sum())], columns=columns)
    total = total.astype({name: int for name in ("trials", "epochs", "epochs saved")})
    table = pd.concat([table, total], ignore_index=True)
    if gpus:
        table.insert(columns.index("device hours") + 1, "GPU hours", table["device hours"] * gpus)
    return table


def cost_sentence(tables: Tables) -> str:
    """What the study cost so far, in a sentence."""
    table = cost_table(tables)
    if table.empty:
        return "Nothing was trained yet."
    total = table.iloc[-1]
    saved = total["device hours saved"] / (total["device hours"] + total["device hours saved"] or 1)
    stopped = f" Early stopping saved about {saved:.0%} of what full trials would have cost." if saved else ""
    gpu = f" on {total['GPU hours']:.2g} GPU-hours" if "GPU hours" in table else ""
    return (
        f"{total['trials']:,} trials trained {total['epochs']:,} epochs in {total['device hours']:.2g} hours of "
        f"training{gpu} (summed over trials, waiting left out).{stopped}"
    )


def chosen_table(tables: Tables) -> pd.DataFrame:
    """The setting that stood for each side of each contrast: where it came from and what the search had set.

    With folds one row a role and fold, whatever contrasts it serves, with the name it was trained under where another
    role chose the same trial. The search's own score of it is left out on purpose: a winner's score is too good to be
    a result.
    """
    if design(tables).num_folds > 1:
        return _chosen_by_fold(tables)
    columns = ["contrast", "side", "setting", "chosen from", "chosen by", "settings"]
    searched = dict(zip(tables.trials["trial"], tables.trials["searched"], strict=True))
    rows = [
        (row["contrast"], row["side"], row["setting"], row["source"], row["metric"],
         settings_in_words(searched.get(row["source"])))
        for row in records(tables.selections)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _chosen_by_fold(tables: Tables) -> pd.DataFrame:
    columns = ["role", "fold", "trained as", "chosen from", "chosen by", "settings"]
    searched = dict(zip(tables.trials["trial"], tables.trials["searched"], strict=True))
    chosen = tables.selections.drop_duplicates(["role", "fold"]).sort_values(["role", "fold"], kind="stable")
    rows = [
        (row["role"], int(row["fold"]) + 1, row["setting"], row["source"] or "nothing", row["metric"],
         settings_in_words(searched.get(row["source"])))
        for row in records(chosen)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)
