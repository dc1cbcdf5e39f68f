"""Whether photos, replicates and settings can carry the answer that was drawn from them."""

import math
from collections.abc import Iterator

from analysis.health.trial_checks import Finding
from analysis.statistics.contrasts import contrasts, differences, planned_contrasts
from analysis.statistics.rule import UNDECIDED
from analysis.summaries.constant_color import unlearned
from analysis.summaries.pareto import hypervolume_table
from analysis.summaries.searched import ranges, read_settings
from analysis.tables import Tables, metric, records

MIN_REPLICATES = 6
FAR_OFF = 8
"""Standard deviations from the middle replicate, by the median distance; bell-shaped luck falls so far off in 1 of 50
sets of six replicates, 1 of 200 sets of ten."""
EDGE_SHARE = 0.03
"""Of a range, at either end."""


def few_replicates(tables: Tables) -> Iterator[Finding]:
    found = contrasts(tables)
    few = found[(found["num_replicates"] > 0) & (found["num_replicates"] < MIN_REPLICATES)]
    if few.empty:
        return
    planned = int(tables.study["confirm"].get("replicates") or 0)
    remedy = (
        f"The study plans {planned}: run the same launch command again; finished trials are kept."
        if planned >= MIN_REPLICATES
        else f"Set confirm.replicates to {MIN_REPLICATES} or more and launch again; finished trials are kept."
    )
    counts = [
        f"{row['contrast']} on {row['num_replicates']} replicate{'' if row['num_replicates'] == 1 else 's'}"
        for row in records(few)
    ]
    yield Finding(
        "few replicates",
        f"Fewer than {MIN_REPLICATES} replicates rarely tell chance from an effect; here rest {', '.join(counts)}.",
        remedy,
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
    yield Finding("class absent from training", " ".join(sentences), remedy)


def replicate_apart(tables: Tables) -> Iterator[Finding]:
    """The intervals take luck between trainings to be bell-shaped: where one in ten fell far off, they covered 82 %."""
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
            yield Finding(
                "a replicate apart",
                f"In {plan.name}, replicate {list(mean_R.index)[farthest]} differs by {mean_R.iloc[farthest]:.3g} "
                f"where the middle one differs by {mean_R.median():.3g}; intervals made from such luck hold the "
                "truth too seldom.",
                "Look at its learning curves: a training that fell apart asks for settings that are safer.",
            )


def never_beat_constant(tables: Tables) -> Iterator[Finding]:
    for one in unlearned(tables).values():
        yield Finding(
            "no better than one colour",
            f"No replicate of {one.setting} beat painting every photo in one colour: {one.best:.3g} at best and "
            f"{one.mean:.3g} on average, against {one.constant:.3g} CIEDE2000.",
            "Train longer or search wider before believing any difference: it has not learned to colour.",
        )


def small_pool(tables: Tables) -> Iterator[Finding]:
    found = contrasts(tables)
    undecided = found[(found["verdict"] == UNDECIDED) & found["margin"].notna()]
    stuck = records(undecided[undecided["replicates_needed"].isna()])
    if not stuck:
        return
    names = ", ".join(f"{row['contrast']} (to its margin of {row['margin']:g})" for row in stuck)
    yield Finding(
        "pool too small",
        f"With {stuck[0]['num_photos']} test photos no number of replicates up to 1,000 could settle {names}.",
        "Add photos, raise test_share, or accept a wider margin.",
    )


def at_the_edge(tables: Tables) -> Iterator[Finding]:
    edges = []
    searched = dict(zip(tables.trials["trial"], tables.trials["searched"], strict=True))
    for chosen in records(tables.selections.drop_duplicates("setting")):
        settings = read_settings(searched.get(chosen["source"]))
        for name, (low, high, logarithmic) in ranges(tables, chosen["arm"], settings).items():
            place = _place(settings[name], low, high, logarithmic)
            if min(place, 1 - place) < EDGE_SHARE:
                edges.append(f"{name} of {chosen['setting']} ({settings[name]:.3g} in {low:g} to {high:g})")
    if not edges:
        return
    yield Finding(
        "best setting at the edge",
        f"The search's best lies at the end of its range: {', '.join(edges)}.",
        "Widen that range and launch the study under another name: better settings may lie outside.",
    )


def _place(value: float, low: float, high: float, logarithmic: bool) -> float:
    if logarithmic:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def front_of_one(tables: Tables) -> Iterator[Finding]:
    table = hypervolume_table(tables)
    alone = table[table["num_replicates"] == 1]
    if alone.empty:
        return
    yield Finding(
        "front on one replicate",
        f"The front of {', '.join(alone['arm'])} rests on one replicate, so its area has no interval.",
        f"Set confirm.replicates to {MIN_REPLICATES} or more and launch again; finished trials are kept.",
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
    )
