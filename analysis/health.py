"""What a sceptical reader would check first: short findings, each with what to do about it."""

from dataclasses import dataclass

import pandas as pd

from analysis.contrasts import contrasts
from analysis.rule import UNDECIDED
from analysis.tables import Tables, is_twin, records, tasks

MIN_REPLICATES = 6
MAX_IMBALANCE = 1.25


@dataclass(frozen=True)
class Finding:
    """One thing that weakens the answer."""

    name: str
    sentence: str
    remedy: str


def findings(tables: Tables) -> list[Finding]:
    """All findings, in reading order; an empty list is good news."""
    checks = (
        _unfinished, _missing, _few_replicates, _one_sided_failures, _unequal_trials, _unequal_budgets, _mixed_budgets,
        _never_beat_constant, _small_pool, _skipped_photos,
    )  # fmt: skip
    return [finding for check in checks for finding in check(tables)]


def _unfinished(tables: Tables) -> list[Finding]:
    open_trials = tables.trials["state"].isin(["running", "queued"]).sum()
    if tables.trials.empty:
        return [Finding("no trials", "No trial has been recorded.", "Launch the study: hueristic launch.")]
    if not open_trials:
        return []
    return [
        Finding(
            "unfinished",
            f"{open_trials} of {len(tables.trials)} trials had not ended when the tables were exported.",
            "Run the same launch command again, then hueristic report.",
        )
    ]


def _missing(tables: Tables) -> list[Finding]:
    done = tables.trials[tables.trials["state"] == "done"]
    silent = [arm for arm in tables.study["arms"] if not (done["arm"] == arm).any()]
    found = []
    if silent and not tables.trials.empty:
        found.append(
            Finding(
                "missing arms",
                f"No trial of {', '.join(silent)} has finished, so nothing can be said about what it was there for.",
                "Read the failures under Trials, mend the cause and launch the study under another name.",
            )
        )
    planned = tables.study["confirm"].get("replicates")
    confirm = tables.trials[(tables.trials["phase"] == "confirm") & ~is_twin(tables.trials["setting"])]
    finished = confirm[confirm["state"] == "done"].groupby("setting")["replicate"].nunique()
    settings = dict.fromkeys([*tables.selections["setting"].dropna(), *confirm["setting"].dropna()])
    short = [f"{name} {finished.get(name, 0)}" for name in settings if planned and finished.get(name, 0) < planned]
    if short:
        found.append(
            Finding(
                "missing replicates",
                f"Of {planned} replicates per setting, fewer finished: {', '.join(short)}.",
                "Launch again if the study was interrupted. A failed trial is a result and is not trained again: read "
                "why it failed under Trials.",
            )
        )
    return found


def _few_replicates(tables: Tables) -> list[Finding]:
    found = contrasts(tables)
    few = found[(found["num_replicates"] > 0) & (found["num_replicates"] < MIN_REPLICATES)]
    return [
        Finding(
            "few replicates",
            f"{row['contrast']} rests on {row['num_replicates']} replicate{'s' if row['num_replicates'] > 1 else ''}; "
            f"fewer than {MIN_REPLICATES} rarely tell chance from an effect.",
            f"Set confirm.replicates to {MIN_REPLICATES} or more and launch again; finished trials are kept.",
        )
        for row in records(few)
    ]


def _one_sided_failures(tables: Tables) -> list[Finding]:
    arms = list(tables.study["arms"]) or sorted(tables.trials["arm"].dropna().unique())
    failed = tables.trials[tables.trials["state"] == "failed"]
    hit = [arm for arm in arms if (failed["arm"] == arm).any()]
    if len(hit) != 1 or len(arms) < 2:
        return []
    return [
        Finding(
            "failures in one arm",
            f"Trials failed in {hit[0]} only ({len(failed)}); the trials that are left may be the lucky ones.",
            "Read the messages under Trials, mend the cause and launch the study under another name.",
        )
    ]


def _unequal_trials(tables: Tables) -> list[Finding]:
    planned = tables.study["search"].get("trials_per_arm")
    search = tables.trials[tables.trials["phase"] == "search"]
    ended = search[search["state"].isin(["done", "stopped"])].groupby("arm").size()
    short = [f"{arm} {ended.get(arm, 0)}" for arm in tables.study["arms"] if planned and ended.get(arm, 0) < planned]
    if not short or search.empty:
        return []
    return [
        Finding(
            "unequal search",
            f"Of {planned} search trials per arm, fewer ended well: {', '.join(short)}.",
            "Launch again if the study was interrupted; an arm searched less looks worse than it is.",
        )
    ]


def _unequal_budgets(tables: Tables) -> list[Finding]:
    search = tables.trials[(tables.trials["phase"] == "search") & tables.trials["state"].isin(["done", "stopped"])]
    found = []
    for column, word in (("num_epochs", "epochs"), ("seconds", "device time")):
        spent = search.groupby("arm")[column].sum()
        if len(spent) < 2 or spent.min() <= 0 or spent.max() <= MAX_IMBALANCE * spent.min():
            continue
        more = 100 * (spent.max() / spent.min() - 1)
        found.append(
            Finding(
                f"unequal {word}",
                f"The search spent {more:.0f} % more {word} on {spent.idxmax()} than on {spent.idxmin()}.",
                "Compare under equal spending: the same trials per arm with early stopping off, or a time budget.",
            )
        )
    return found


def _mixed_budgets(tables: Tables) -> list[Finding]:
    planned = tables.study["epochs"]
    confirmed = tables.trials[(tables.trials["phase"] == "confirm") & (tables.trials["state"] == "done")]
    sources = tables.trials[tables.trials["trial"].isin(tables.selections["source"].dropna())]
    counted = pd.concat([confirmed, sources])
    other = counted[counted["num_epochs"] != planned] if planned else counted.iloc[:0]
    if other.empty:
        return []
    return [
        Finding(
            "mixed budgets",
            f"{len(other)} trials behind the answer did not train the study's {planned} epochs: "
            f"{', '.join(other['trial'].head(5))}.",
            "Only trials with the full number of epochs may be compared: delete the results and export again.",
        )
    ]


def _never_beat_constant(tables: Tables) -> list[Finding]:
    constant = (tables.study["data"].get("constant_color") or {}).get("delta_e")
    photos = tables.photos[~is_twin(tables.photos["setting"])]
    colors = [arm for arm in photos["arm"].dropna().unique() if "color" in tasks(tables, arm)]
    error = photos[photos["arm"].isin(colors)].groupby(["arm", "trial"])["delta_e"].mean().groupby("arm").min()
    return [
        Finding(
            "no better than one colour",
            f"No replicate of {arm} ({best:.3g}) beat painting every photo in one colour ({constant:.3g} delta E).",
            "Train longer or search wider before believing any difference: this arm has not learned to colour.",
        )
        for arm, best in error.items()
        if constant is not None and best >= constant
    ]


def _small_pool(tables: Tables) -> list[Finding]:
    found = contrasts(tables)
    undecided = found[(found["verdict"] == UNDECIDED) & found["margin"].notna()]
    stuck = undecided[undecided["replicates_needed"].isna()]
    return [
        Finding(
            "pool too small",
            f"With {row['num_photos']} test photos no number of replicates up to 1,000 could settle {row['contrast']} "
            f"to its margin of {row['margin']:g}.",
            "Add photos, raise test_share, or accept a wider margin.",
        )
        for row in records(stuck)
    ]


def _skipped_photos(tables: Tables) -> list[Finding]:
    skipped = tables.study["data"].get("skipped") or []
    if not skipped:
        return []
    names = ", ".join(str(entry.get("name")) for entry in skipped[:5])
    more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
    return [
        Finding(
            "skipped photos",
            f"{len(skipped)} photo{'s' if len(skipped) > 1 else ''} could not be read and took no part: {names}{more}.",
            "Mend or remove them: hueristic data prepare lists each with its reason.",
        )
    ]
