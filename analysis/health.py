"""What a sceptical reader would check first: short findings, each with what to do about it."""

import math
from dataclasses import dataclass

import pandas as pd

from analysis.contrasts import contrasts, differences, planned_contrasts
from analysis.pareto import hypervolume_table
from analysis.rule import UNDECIDED
from analysis.searched import ranges, read_settings
from analysis.tables import Tables, is_twin, metric, records, tasks

MIN_REPLICATES = 6
MAX_IMBALANCE = 1.25
FAR_OFF = 8
"""Standard deviations from the middle replicate, by the median distance; bell-shaped luck falls so far off in 1 of 50
sets of six replicates, 1 of 200 sets of ten."""
EDGE_SHARE = 0.03
"""Of a range, at either end."""


@dataclass(frozen=True)
class Finding:
    """One thing that weakens the answer."""

    name: str
    sentence: str
    remedy: str


def findings(tables: Tables) -> list[Finding]:
    """All findings, in reading order; an empty list is good news."""
    checks = (
        _unfinished, _missing, _few_replicates, _absent_classes, _replicate_apart, _one_sided_failures, _unequal_trials,
        _unequal_budgets, _mixed_budgets, _never_beat_constant, _small_pool, _at_the_edge, _front_of_one,
        _skipped_photos,
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
                "Read the failures under Training dynamics, mend the cause and launch the study under another name.",
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
                "why it failed under Training dynamics.",
            )
        )
    return found


def _few_replicates(tables: Tables) -> list[Finding]:
    found = contrasts(tables)
    few = found[(found["num_replicates"] > 0) & (found["num_replicates"] < MIN_REPLICATES)]
    if few.empty:
        return []
    planned = int(tables.study["confirm"].get("replicates") or 0)
    remedy = (
        f"The study plans {planned}: run the same launch command again; finished trials are kept."
        if planned >= MIN_REPLICATES
        else f"Set confirm.replicates to {MIN_REPLICATES} or more and launch again; finished trials are kept."
    )
    counts = [f"{row['contrast']} on {_counted(row['num_replicates'], 'replicate')}" for row in records(few)]
    return [
        Finding(
            "few replicates",
            f"Fewer than {MIN_REPLICATES} replicates rarely tell chance from an effect; here rest {', '.join(counts)}.",
            remedy,
        )
    ]


def _replicate_apart(tables: Tables) -> list[Finding]:
    """The intervals take luck between trainings to be bell-shaped: where one in ten fell far off, they covered 82 %."""
    found = []
    for plan in planned_contrasts(tables):
        key = metric(tables, plan.metric).key
        if plan.family != "primary" or not plan.treatment or not plan.control or key not in tables.photos:
            continue
        mean_R = differences(tables, plan.treatment, plan.control, key)[0].mean(axis=1)
        if len(mean_R) < MIN_REPLICATES:
            continue
        off_R = (mean_R - mean_R.median()).abs()
        # The median distance of a bell curve is 0.6745 standard deviations.
        spread, farthest = off_R.median() / 0.6745, int(off_R.to_numpy().argmax())
        if spread > 0 and off_R.max() > FAR_OFF * spread:
            found.append(
                Finding(
                    "a replicate apart",
                    f"In {plan.name}, replicate {list(mean_R.index)[farthest]} differs by {mean_R.iloc[farthest]:.3g} "
                    f"where the middle one differs by {mean_R.median():.3g}; intervals made from such luck hold the "
                    "truth too seldom.",
                    "Look at its learning curves: a training that fell apart asks for settings that are safer.",
                )
            )
    return found


def _at_the_edge(tables: Tables) -> list[Finding]:
    edges = []
    searched = dict(zip(tables.trials["trial"], tables.trials["searched"], strict=True))
    for chosen in records(tables.selections.drop_duplicates("setting")):
        settings = read_settings(searched.get(chosen["source"]))
        for name, (low, high, logarithmic) in ranges(tables, chosen["arm"], settings).items():
            place = _place(settings[name], low, high, logarithmic)
            if min(place, 1 - place) < EDGE_SHARE:
                edges.append(f"{name} of {chosen['setting']} ({settings[name]:.3g} in {low:g} to {high:g})")
    if not edges:
        return []
    return [
        Finding(
            "best setting at the edge",
            f"The search's best lies at the end of its range: {', '.join(edges)}.",
            "Widen that range and launch the study under another name: better settings may lie outside.",
        )
    ]


def _place(value: float, low: float, high: float, logarithmic: bool) -> float:
    if logarithmic:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def _absent_classes(tables: Tables) -> list[Finding]:
    data = tables.study["data"]
    absent = [str(name) for name in data.get("classes_without_training") or []]
    if not absent and data.get("split") != "tail":
        return []
    which = f": {', '.join(absent)}" if absent else " (the tail split cuts a list that is ordered by class)"
    return [
        Finding(
            "class absent from training",
            f"Some categories of the test photos were never trained{which}, so no network can name them.",
            "Use the pool split: it keeps every category in training.",
        )
    ]


def _front_of_one(tables: Tables) -> list[Finding]:
    table = hypervolume_table(tables)
    alone = table[table["num_replicates"] == 1]
    if alone.empty:
        return []
    return [
        Finding(
            "front on one replicate",
            f"The front of {', '.join(alone['arm'])} rests on one replicate, so its area has no interval.",
            f"Set confirm.replicates to {MIN_REPLICATES} or more and launch again; finished trials are kept.",
        )
    ]


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


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
            "Read the messages under Training dynamics, mend the cause and launch the study under another name.",
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
