"""The answer in plain words: sentences made from the tables, for the report and for the terminal."""

from typing import Any

import pandas as pd

from analysis.statistics import rule, trivial_rules
from analysis.statistics.contrasts import contrasts
from analysis.statistics.roles import design
from analysis.summaries.unlearned import unlearned
from analysis.tables import Tables, metric, tasks

DOING = {"color": "colouring", "class": "naming"}
DOING_PART = {"delta_e_inside": "colouring the object", "delta_e_outside": "colouring around the object"}
LEARNING = {"color": "Learning to colour photos as well", "class": "Learning to name photos as well"}
MINUS = "\N{MINUS SIGN}"
LOSS_WEIGHTS = {"color_loss_weight", "class_loss_weight"}

CLASS_USE = "class_use"
CLASS_USE_WORDS = {
    rule.HELPS_MORE: "uses the class more, by more than the margin",
    rule.HELPS: "uses the class more",
    rule.NOT_WORSE: "does not use the class less by as much as the margin",
    rule.EQUIVALENT: "uses the class alike within the margin",
    rule.NOT_BETTER: "does not use the class more by as much as the margin",
    rule.HURTS: "uses the class less",
    rule.HURTS_MORE: "uses the class less, by more than the margin",
}
"""To depend more on the class is neither good nor bad."""

SHARED_LUCK = (
    "Folds share most of their training photos, and luck that they share is not in the interval: where a tenth of the "
    "search's variance was shared, 95 % intervals held the truth in 91 to 93 % of simulated studies, at a quarter in "
    "86 to 91 %."
)
FAILED_SEARCHES = (
    "Where one search in ten goes wrong in one arm alone, 7 % of simulated families made a false claim instead of at "
    "most 5.5 %. A fold whose search went wrong is named under Health."
)


def verdict_lines(tables: Tables) -> list[str]:
    """One line a primary contrast: verdict, effect with unit, interval, and what they rest on."""
    found = contrasts(tables)
    primary = found[found["family"] == "primary"]
    if primary.empty:
        return ["The study declares no contrast, so there is no verdict."]
    return [f"{row['contrast']}: {sentence(tables, row)}" for _, row in primary.iterrows()]


def sentence(tables: Tables, row: pd.Series) -> str:
    """A contrast's verdict in words, with the numbers behind it."""
    of = metric(tables, row["metric"])
    subject, word = _subject(tables, row), row["verdict"]
    what = f"What {_start_lower(subject)} does to {_doing(tables, row)}"
    if of.key == CLASS_USE:
        subject = f"In {row['treatment']} colouring"
        what = f"Whether {row['treatment']} uses the class more or less than {row['control']}"
    if word in (rule.NOT_TESTABLE, rule.WITHHELD):
        return f"{what} cannot be said: {row['note']}."
    if word == rule.NOT_YET:
        return f"{what} is not known yet: {row['note']}."
    weakness = _unlearned(tables, row)
    if word == rule.UNDECIDED:
        whether = (
            what if of.key == CLASS_USE else f"Whether {_start_lower(subject)} helps or hurts {_doing(tables, row)}"
        )
        return f"{whether} is undecided{weakness}. {_evidence(row)} {needed_words(row)}{_note(row)}"
    claim = _class_use_claim(row) if of.key == CLASS_USE else _claim(row, _doing(tables, row))
    return f"{subject} {claim}{weakness}. {_evidence(row)}{_note(row)}"


def word(row: pd.Series) -> str:
    """The verdict as a reader sees it; class use is neither helped nor hurt."""
    return _in_words(row, row["verdict"])


def also_holds(row: pd.Series) -> str:
    """The claims that hold beside the verdict and are not said by it already."""
    implied = {
        rule.HELPS_MORE: {rule.HELPS, rule.NOT_WORSE}, rule.HELPS: {rule.NOT_WORSE},
        rule.HURTS_MORE: {rule.HURTS, rule.NOT_BETTER}, rule.HURTS: {rule.NOT_BETTER},
        rule.EQUIVALENT: {rule.NOT_WORSE, rule.NOT_BETTER},
    }  # fmt: skip
    said = {row["verdict"]}.union(*(implied.get(claim, set()) for claim in row["claims"]))
    return "; ".join(_in_words(row, claim) for claim in row["claims"] if claim not in said)


def _in_words(row: pd.Series, claim: str) -> str:
    return CLASS_USE_WORDS.get(claim, claim) if row["metric"].endswith(f"/{CLASS_USE}") else claim


def summary(tables: Tables) -> list[str]:
    """The study's question answered in two or three sentences, newcomers first."""
    found = contrasts(tables)
    primary = found[found["family"] == "primary"]
    if primary.empty:
        return ["The study declares no contrast, so there is no answer."]
    return [_lead_in_bold(sentence(tables, row)) for _, row in primary.iterrows()]


def limits(tables: Tables) -> list[str]:
    """What this study cannot tell, whatever its numbers say."""
    data = tables.study["data"]
    photos = f"photos like those of {data['dataset']}" if data.get("dataset") else "photos like these"
    size = f" at {data['image_size']} pixels" if data.get("image_size") else ""
    found = [f"It speaks for {photos}{size} and for this network; other photos and networks may answer differently."]
    if design(tables).num_folds > 1:
        found += [SHARED_LUCK, FAILED_SEARCHES]
    else:
        found += [
            "It holds with the settings this search found; a longer or wider search may change the answer.",
            "All replicates share one search: its luck is not repeated, so the intervals do not contain it. A study "
            "with folds searches anew in each.",
            "Its intervals take luck between trainings to be roughly bell-shaped. Where one training in ten falls "
            "apart, 95 % intervals held the truth in only 82 to 90 % of simulated studies.",
        ]
    return [
        *found,
        "Its looks were declared beforehand and do not grow: what it left open is for another study.",
        classes_limit(tables),
        "It compares results, not reasons: only the controls speak of which path carries an effect.",
    ]


def classes_limit(tables: Tables) -> str:
    """For which classes measures of class use speak."""
    names = [str(name) for name in tables.study["data"].get("class_names") or []]
    which = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    these = f"these {len(names)} classes ({which})" if names else "the classes of these photos"
    return (
        f"Class use is measured for {these}: its intervals allow for other photos of them, not for other classes; "
        "allowing for those about doubles its standard error."
    )


def basis(tables: Tables) -> str:
    """What the answer rests on: folds, replicates, photos, arms, data and machine, in one paragraph."""
    study, data, plan = tables.study, tables.study["data"], design(tables)
    found = contrasts(tables)
    measured = found[(found["family"] == "primary") & (found["num_replicates"] > 0)]
    parts = []
    if not measured.empty:
        folds = f"{plan.num_folds} folds, each with its own search, " if plan.num_folds > 1 else ""
        parts.append(
            f"{folds}{_counted(measured['num_replicates'], 'replicate')} (fresh trainings on their own cuts of the "
            f"data){' in each' if folds else ''}, measured on {_span(measured['num_photos'])} test photos that no "
            f"search trial{' of their fold' if folds else ''} has seen"
        )
    if study["arms"]:
        parts.append(f"arms {', '.join(study['arms'])}")
    if data.get("dataset"):
        words = [str(data["dataset"])]
        words += [f"{data['num_photos']} photos"] if data.get("num_photos") else []
        words += [f"{data['num_classes']} categories"] if data.get("num_classes") else []
        parts.append("data " + ", ".join(words))
    parts += [f"{study['epochs']} epochs"] if study["epochs"] else []
    precision = f" in {study['precision']}" if study["precision"] else ""
    parts += [f"trained on {study['hardware']}{precision}"] if study["hardware"] else []
    if not parts:
        return "The tables do not say what the study consists of."
    settings = "" if plan.num_folds > 1 else ", with the settings this search found"
    return f"Behind this{settings}: " + "; ".join(parts) + "."


def contrast_table(tables: Tables, family: str) -> pd.DataFrame:
    """The contrasts of a family as a reader wants them: numbers with units, verdict in words."""
    found = contrasts(tables)
    new = "new photos, trainings and searches" if design(tables).num_folds > 1 else "new photos and trainings"
    rows = []
    for _, row in found[found["family"] == family].iterrows():
        unit, direction = row["unit"] or "1", "lower" if row["better"] == "min" else "higher"
        is_better = "" if row["metric"].endswith(f"/{CLASS_USE}") else f", {direction} is better"
        rows.append(
            {
                "contrast": row["contrast"],
                "verdict": word(row),
                "also holds": also_holds(row),
                "look": f"{row['look']} of {row['num_looks']}" if row["look"] else "none yet",
                "compared": f"{row['treatment'] or row['treatment_arm']} minus {row['control'] or row['control_arm']}",
                "metric": f"{row['metric']} [{unit}]{is_better}",
                "difference": number(row["effect"]),
                f"95 %, {new}": interval_words(row["low_95"], row["high_95"]),
                "95 %, these photos only": interval_words(row["low_95_these_photos"], row["high_95_these_photos"]),
                "against the margin": interval_words(row["low_side"], row["high_side"]),
                "margin": number(row["margin"]),
                "share of the gap": percent(row["gap_share"]),
                "photos that improve": _improvement(row),
                "effect size": number(row["effect_size"]),
                "adjusted p": p_words(row["p_adjusted"]),
                "folds": row["num_folds"],
                "replicates": row["num_replicates"],
                "photos": row["num_photos"],
                "remark": "; ".join(filter(None, (needed_words(row).rstrip("."), row["note"]))),
            }
        )
    return pd.DataFrame(rows)


def beside_each_other(table: pd.DataFrame) -> pd.DataFrame:
    """One column a contrast instead of one row: reads better on a page, both tasks side by side."""
    if table.empty:
        return table
    return table.set_index("contrast").T.rename_axis("").reset_index().astype(str)


def _counted(counts: pd.Series, noun: str) -> str:
    return f"{_span(counts)} {noun}{'' if counts.max() == 1 else 's'}"


def _span(counts: pd.Series) -> str:
    return str(counts.min()) if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def interval_words(low: float, high: float) -> str:
    return "unknown" if pd.isna(low) else f"{number(low)} to {number(high)}"


def number(value: float, unit: str = "") -> str:
    """A number with three significant digits and its unit; a share needs none."""
    if pd.isna(value):
        return "unknown"
    digits = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{digits.replace('-', MINUS)} {'' if unit == 'share' else unit}".strip()


def p_words(p: float) -> str:
    if pd.isna(p):
        return "unknown"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def percent(value: float) -> str:
    """A share in per cent; unknown where there is none."""
    return "unknown" if pd.isna(value) else f"{100 * value:.0f} %".replace("-", MINUS)


def needed_words(row: pd.Series) -> str:
    """What another study would need to decide, in a sentence; empty where this one did."""
    if row["verdict"] != rule.UNDECIDED:
        return ""
    photos, ways = row["num_photos"], []
    if not pd.isna(row["folds_needed"]):
        ways.append(f"{int(row['folds_needed'])} folds on as many photos")
    if not pd.isna(row["replicates_needed"]):
        ways.append(f"{int(row['replicates_needed'])} replicates on as many photos")
    if not pd.isna(row["photos_needed"]):
        more = f"{int(row['photos_needed']):,} test photos instead of {photos}"
        ways.append(f"{more}, in as many folds" if row["num_folds"] > 1 else f"{more}, with as many replicates")
    if not ways and isinstance(row["both_needed"], tuple):
        ways.append("{} replicates and {:,} test photos together, neither alone".format(*row["both_needed"]))
    if not ways:
        return "No other study of up to a hundredfold size would be likely to decide it at this margin."
    return f"Another study could decide it, with about {', or '.join(ways)}."


def _subject(tables: Tables, row: pd.Series) -> str:
    """The task that the treatment adds, where that is the arms' only difference; otherwise the arms by name."""
    sides = (row["treatment_arm"], row["control_arm"])
    if row["family"] == "both":
        return f"One network for both tasks ({row['treatment'] or row['treatment_arm']})"
    arms: list[dict[str, Any]] = [tables.study["arms"].get(arm) or {} for arm in sides]
    added = tasks(tables, row["treatment_arm"]) - tasks(tables, row["control_arm"])
    only_weights = all(set(arm.get("overrides") or {}) <= LOSS_WEIGHTS for arm in arms)
    if len(added) == 1 and only_weights:
        return LEARNING[added.pop()]
    if row["treatment_arm"] == row["control_arm"]:
        return f"{row['treatment']} instead of {row['control']}"
    return f"{row['treatment_arm']} instead of {row['control_arm']}"


def _doing(tables: Tables, row: pd.Series) -> str:
    of = metric(tables, row["metric"])
    return DOING_PART.get(of.key) or DOING.get(of.task, str(row["label"]))


def _claim(row: pd.Series, doing: str) -> str:
    margin, verdict = number(row["margin"], row["unit"]), row["verdict"]
    if verdict in (rule.HELPS, rule.HURTS) and rule.EQUIVALENT in row["claims"]:
        return f"{verdict} {doing}, but by less than the margin of {margin}"
    return {
        rule.HELPS_MORE: f"helps {doing} by more than the margin of {margin}",
        rule.HURTS_MORE: f"hurts {doing} by more than the margin of {margin}",
        rule.EQUIVALENT: f"makes no difference to {doing} within the margin of {margin}",
        rule.NOT_WORSE: f"does not worsen {doing} by as much as the margin of {margin}; whether it helps stays open",
        rule.NOT_BETTER: f"does not improve {doing} by as much as the margin of {margin}; whether it hurts stays open",
    }.get(verdict, f"{verdict} {doing}")


def _class_use_claim(row: pd.Series) -> str:
    little = rule.EQUIVALENT in row["claims"] and row["verdict"] in (rule.HELPS, rule.HURTS)
    than = "as in" if row["verdict"] == rule.EQUIVALENT else "than in"
    words = CLASS_USE_WORDS[row["verdict"]].replace("the margin", f"the margin of {number(row['margin'], row['unit'])}")
    aside = ", but by less than the margin," if little else "," if row["verdict"] in _BEYOND else ""
    return f"{words}{aside} {than} {row['control']}"


_BEYOND = (rule.HELPS_MORE, rule.HURTS_MORE)


def _evidence(row: pd.Series) -> str:
    folds = f"{row['num_folds']} folds, each with its own search, " if row["num_folds"] > 1 else ""
    replicates = f"{row['num_replicates']} replicate{'' if row['num_replicates'] == 1 else 's'}"
    look = f", at look {row['look']} of {row['num_looks']}" if row["num_looks"] > 1 else ""
    numbers = (
        f"{row['label']} is {number(row['treatment_mean'], row['unit'])} with {row['treatment']} and "
        f"{number(row['control_mean'], row['unit'])} with {row['control']}: "
        f"a difference of {number(row['effect'], row['unit'])} (95 % interval {number(row['low_95'])} to "
        f"{number(row['high_95'])}; {folds}{replicates}{' in each' if folds else ''}, {row['num_photos']} "
        f"photos{look})."
    )
    return " ".join(filter(None, (numbers, _effect_size(row))))


def _effect_size(row: pd.Series) -> str:
    """The difference as a share of what there is to gain, and how many photos gain."""
    if row["metric"].endswith(f"/{CLASS_USE}"):
        return ""
    parts = []
    if not pd.isna(row["gap_share"]):
        is_naming = row["trivial_rule"] == trivial_rules.FREQUENCIES
        way = f"from {_RULE_WORDS[row['trivial_rule']]} to {'no error' if is_naming else 'the colour of the category'}"
        does = "gains" if row["gap_share"] >= 0 else "loses"
        parts.append(f"It {does} {percent(abs(row['gap_share']))} of the way {way}.")
    if not pd.isna(row["improvement"]):
        parts.append(f"Of single photos {_improvement(row)} come out better.")
    return " ".join(parts)


_RULE_WORDS = {
    trivial_rules.GREY: "grey", trivial_rules.ONE_COLOR: "one colour",
    trivial_rules.FREQUENCIES: "guessing by frequency",
}  # fmt: skip


def _improvement(row: pd.Series) -> str:
    share, low, high = (row[name] for name in ("improvement", "improvement_low", "improvement_high"))
    if pd.isna(low):
        return percent(share)
    return f"{percent(share)} (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"


def _unlearned(tables: Tables, row: pd.Series) -> str:
    """What weakens any claim about colouring, said together with it: a side that has not learned to colour."""
    of = metric(tables, row["metric"])
    found = unlearned(tables) if of.task == "color" else {}
    sides = [found[side] for side in dict.fromkeys((row["treatment"], row["control"])) if side in found]
    if not sides:
        return ""
    whose = "either side" if len(sides) == 2 else sides[0].role
    trivial = number(sides[0].trivial, "CIEDE2000")
    return f"; but no replicate of {whose} colours better than {sides[0].rule} does ({trivial})"


def _lead_in_bold(words: str) -> str:
    claim, stop, rest = words.partition(". ")
    return f"**{claim}.** {rest}" if stop else f"**{claim}**"


def _note(row: pd.Series) -> str:
    return f" Note: {row['note']}." if row["note"] else ""


def _start_lower(words: str) -> str:
    return words[0].lower() + words[1:] if words.startswith(("Learning", "One")) else words
