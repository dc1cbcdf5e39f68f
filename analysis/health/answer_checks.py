"""Whether photos, replicates and settings can carry the answer that was drawn from them."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.health.trial_checks import MIND, NOTE, WEAKENS, Finding
from analysis.statistics import folds, rule
from analysis.statistics.contrasts import contrasts, planned_contrasts
from analysis.statistics.differences import differences, folds_of
from analysis.statistics.roles import design
from analysis.summaries.pareto import hypervolume_table
from analysis.summaries.searched import ranges, read_settings
from analysis.summaries.unlearned import unlearned
from analysis.summaries.verdict import number
from analysis.tables import Tables, metric, records

MIN_UNITS = 6
"""Folds, or replicates of a study of one fold."""
FAR_OFF = 8
"""Standard deviations from the middle one, by the median distance; bell-shaped luck falls so far off in 1 of 50 sets of
six, 1 of 200 sets of ten."""
EDGE_SHARE = 0.03
"""Of a range, at either end."""


def few_units(tables: Tables) -> Iterator[Finding]:
    """Of folds, or of replicates where there is one fold; looks do not grow, so the remedy is another study."""
    plan = design(tables)
    has_folds = plan.num_folds > 1
    word = "fold" if has_folds else "replicate"
    found = contrasts(tables)
    looked = found[found["num_replicates"] > 0]
    few = looked[looked["num_folds" if has_folds else "num_replicates"] < MIN_UNITS]
    if few.empty:
        return
    counts = [(row["contrast"], row["num_folds" if has_folds else "num_replicates"]) for row in records(few)]
    rests = ", ".join(f"{name} on {count} {word}{'' if count == 1 else 's'}" for name, count in counts)
    yield Finding(
        f"few {word}s",
        f"Fewer than {MIN_UNITS} {word}s rarely tell chance from an effect; here rest {rests}.",
        "Ask with another study of 8 or 12 folds: tintune launch --dry-run says what it will find.",
        WEAKENS,
    )


def absent_classes(tables: Tables) -> Iterator[Finding]:
    data = tables.study["data"]
    absent, is_tail = [str(name) for name in data.get("classes_without_training") or []], data.get("split") == "tail"
    if not absent and not is_tail:
        return
    names = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
    sentences = ["The tail split takes its test photos from the end of a list that is ordered by class."] * is_tail
    sentences += [f"Never trained, but tested: {names}."] * bool(absent)
    if absent and data.get("largest_top1") is not None:
        sentences.append(f"So at most {data['largest_top1']:.0%} of the test photos can be named right.")
    remedy = "Use the pool split: it keeps every category in training."
    yield Finding("class absent from training", " ".join(sentences), remedy, WEAKENS)


def unit_apart(tables: Tables) -> Iterator[Finding]:
    """The intervals take luck between folds, or trainings, to be bell-shaped: where one in ten fell far off, they
    covered 82 %."""
    word = "fold" if design(tables).num_folds > 1 else "replicate"
    looked = {row["contrast"]: row["num_replicates"] for row in records(contrasts(tables))}
    for plan in planned_contrasts(tables):
        if plan.family != "primary" or not plan.treatment or not plan.control or not looked[plan.name]:
            continue
        key = metric(tables, plan.metric).key
        frame, _ = differences(tables, plan.treatment, plan.control, key, looked[plan.name])
        mean_KR = folds.fold_means(frame.to_numpy(), folds_of(tables, frame.columns))
        means = pd.Series(mean_KR.mean(axis=1), range(1, len(mean_KR) + 1)) if len(mean_KR) > 1 else frame.mean(axis=1)
        at = _far_off(means)
        if at is not None:
            yield Finding(
                f"a {word} apart",
                f"In {plan.name}, {word} {at} differs by {number(means[at])} where the middle one differs by "
                f"{number(means.median())}; intervals made from such luck hold the truth too seldom.",
                "Look at its learning curves: a training that fell apart asks for settings that are safer.",
                WEAKENS,
            )


def search_gone_wrong(tables: Tables) -> Iterator[Finding]:
    """A fold whose chosen setting scored far worse on val than the other folds' did."""
    if design(tables).num_folds == 1:
        return
    primary = tables.selections[tables.selections["family"].isin(["primary", "both"])]
    for (role, name), rows in primary.drop_duplicates(["fold", "role"]).groupby(["role", "metric"], sort=False):
        values = rows.dropna(subset=["value"]).set_index("fold")["value"]
        is_lower_better = name == "compromise" or metric(tables, str(name)).better == "min"
        at = _far_off(values, worse=1 if is_lower_better else -1)
        if at is not None:
            yield Finding(
                "a search gone wrong",
                f"In fold {at + 1} the search for {role} chose a setting with {name} {number(values[at])}, that of the "
                f"middle fold {number(values.median())}: the fold compares how searches went, not what arms can do.",
                "Read its trials under Settings. The verdict keeps the fold, since leaving one out after looking is "
                "no test; another study with more trials per search would search better.",
                WEAKENS,
            )


def _far_off(values: pd.Series, worse: int = 0) -> Any:
    """The index of the value farthest off, where it is too far for bell-shaped luck; worse: on which side alone."""
    if len(values) < MIN_UNITS:
        return None
    off = values - values.median()
    # The median distance of a bell curve is 0.6745 standard deviations.
    spread = off.abs().median() / 0.6745
    distance = off * worse if worse else off.abs()
    return distance.idxmax() if spread > 0 and distance.max() > FAR_OFF * spread else None


def undertuned(tables: Tables) -> Iterator[Finding]:
    """A twin and its specialist train the same task alone and should do alike: where not, one is undertuned."""
    for row in records(contrasts(tables)):
        if row["verdict"] == rule.WITHHELD:
            yield Finding(
                "undertuned",
                f"{row['contrast']} is {row['note']}.",
                "Search longer in another study: the contrast of that task compares how well the arms were tuned.",
                WEAKENS,
            )


def never_beat_trivial(tables: Tables) -> Iterator[Finding]:
    for one in unlearned(tables).values():
        yield Finding(
            "no better than grey or one colour",
            f"No replicate of {one.role} beat {one.rule}: {one.best:.3g} at best and {one.mean:.3g} on average, "
            f"against {one.trivial:.3g} {one.of.unit} ({one.of.label}, as shown).",
            "Train longer or search wider before believing any difference: it has not learned to colour.",
            WEAKENS,
        )


def small_pool(tables: Tables) -> Iterator[Finding]:
    found = contrasts(tables)
    undecided = found[(found["verdict"] == rule.UNDECIDED) & found["margin"].notna()]
    stuck = records(undecided[undecided[["replicates_needed", "folds_needed"]].isna().all(axis=1)])
    if not stuck:
        return
    names = ", ".join(f"{row['contrast']} (to its margin of {row['margin']:g})" for row in stuck)
    more = "folds" if stuck[0]["num_folds"] > 1 else "replicates"
    yield Finding(
        "too few photos",
        f"With {stuck[0]['num_photos']} test photos more {more} alone could not settle {names}.",
        "Another study needs more photos, or a wider margin declared before it.",
        MIND,
    )


def at_the_edge(tables: Tables) -> Iterator[Finding]:
    edges, num_choices, has_folds = [], 0, design(tables).num_folds > 1
    searched = dict(zip(tables.trials["trial"], tables.trials["searched"], strict=True))
    for chosen in records(tables.selections.drop_duplicates(["fold", "setting"])):
        settings = read_settings(searched.get(chosen["source"]))
        for name, (low, high, logarithmic) in ranges(tables, chosen["arm"], settings).items():
            num_choices += 1
            place = _place(settings[name], low, high, logarithmic)
            if min(place, 1 - place) < EDGE_SHARE:
                where = f", fold {int(chosen['fold']) + 1}" if has_folds else ""
                edges.append(f"{name} of {chosen['setting']}{where} ({settings[name]:.3g} in {low:g} to {high:g})")
    # With folds some best lies near an end by chance: one in five of all choices is more than that.
    if not edges or (has_folds and len(edges) * 5 < num_choices):
        return
    shown = ", ".join(edges[:5]) + (f" and {len(edges) - 5} more" if len(edges) > 5 else "")
    yield Finding(
        "best setting at the edge",
        f"The search's best lies at the end of its range: {shown}.",
        "Widen that range and launch the study under another name: better settings may lie outside.",
        MIND,
    )


def _place(value: float, low: float, high: float, logarithmic: bool) -> float:
    if logarithmic:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def front_of_one(tables: Tables) -> Iterator[Finding]:
    table = hypervolume_table(tables)
    alone = table[table["num_replicates"] == 1]
    if alone.empty or design(tables).num_folds > 1:
        return
    yield Finding(
        "front on one replicate",
        f"The front of {', '.join(alone['arm'])} rests on one replicate, so its area has no interval.",
        "Another study with folds, or with more replicates, would have one.",
        NOTE,
    )


def skipped_photos(tables: Tables) -> Iterator[Finding]:
    skipped = tables.study["data"].get("skipped") or []
    if not skipped:
        return
    names = ", ".join(str(entry.get("name")) for entry in skipped[:5])
    more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
    yield Finding(
        "skipped photos",
        f"{len(skipped)} photo{'s' if len(skipped) > 1 else ''} could not be read and took no part: {names}{more}.",
        "Mend or remove them: tintune data prepare lists each with its reason.",
        NOTE,
    )
