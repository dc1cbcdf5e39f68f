"""The answer in plain words: sentences made from the tables, for the report and for the terminal."""

from typing import Any

import pandas as pd

from analysis.statistics.contrasts import NOT_TESTABLE, WITHHELD, contrasts
from analysis.statistics.rule import EQUIVALENT, UNDECIDED
from analysis.summaries.constant_color import unlearned
from analysis.tables import Tables, metric, tasks

DOING = {"color": "colouring", "class": "naming"}
LEARNING = {"color": "Learning to colour photos as well", "class": "Learning to name photos as well"}
MINUS = "\N{MINUS SIGN}"
LOSS_WEIGHTS = {"color_loss_weight", "class_loss_weight"}


def verdict_lines(tables: Tables) -> list[str]:
    """One line a primary contrast: verdict, effect with unit, interval, adjusted p, replicates and photos."""
    found = contrasts(tables)
    primary = found[found["family"] == "primary"]
    if primary.empty:
        return ["The study declares no contrast, so there is no verdict."]
    return [f"{row['contrast']}: {sentence(tables, row)}" for _, row in primary.iterrows()]


def sentence(tables: Tables, row: pd.Series) -> str:
    """A contrast's verdict in words, with the numbers behind it."""
    subject, word = _subject(tables, row), row["verdict"]
    doing = DOING.get(metric(tables, row["metric"]).task, str(row["label"]))
    if word in (NOT_TESTABLE, WITHHELD):
        return f"What {_start_lower(subject)} does to {doing} cannot be said: {row['note']}."
    numbers = _evidence(row)
    if word == UNDECIDED:
        claim = f"Whether {_start_lower(subject)} helps or hurts {doing} is undecided{_unlearned(tables, row)}"
        return f"{claim}. {numbers} {_needed(row)}{_note(row)}"
    margin = number(row["margin"], row["unit"])
    claim = {
        EQUIVALENT: f"makes no difference to {doing} within the margin of {margin}",
        "helps by less than the margin": f"helps {doing}, but by less than the margin of {margin}",
        "hurts by less than the margin": f"hurts {doing}, but by less than the margin of {margin}",
    }.get(word, f"{word} {doing}")
    return f"{subject} {claim}{_unlearned(tables, row)}. {numbers}{_note(row)}"


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
    return [
        f"It speaks for {photos}{size} and for this network; other photos and networks may answer differently.",
        "It holds with the settings this search found; a longer or wider search may change the answer.",
        "All replicates share one search: its luck is not repeated, so the intervals do not contain it.",
        "Its intervals take luck between trainings to be roughly bell-shaped. Where one training in ten falls apart, "
        "95 % intervals held the truth in only 82 to 90 % of simulated studies.",
        "It compares results, not reasons: only the controls speak of which path carries an effect.",
    ]


def basis(tables: Tables) -> str:
    """What the answer rests on: replicates, photos, arms, data and machine, in one paragraph."""
    study, data = tables.study, tables.study["data"]
    found = contrasts(tables)
    measured = found[(found["family"] == "primary") & (found["num_replicates"] > 0)]
    parts = []
    if not measured.empty:
        parts.append(
            f"{_span(measured['num_replicates'])} replicates (fresh trainings on their own cuts of the data), "
            f"measured on {_span(measured['num_photos'])} test photos that no search trial has seen"
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
    return "Behind this, with the settings this search found: " + "; ".join(parts) + "."


def contrast_table(tables: Tables, family: str) -> pd.DataFrame:
    """The contrasts of a family as a reader wants them: numbers with units, verdict in words."""
    found = contrasts(tables)
    rows = []
    for _, row in found[found["family"] == family].iterrows():
        unit, direction = row["unit"] or "1", "lower" if row["better"] == "min" else "higher"
        rows.append(
            {
                "contrast": row["contrast"],
                "verdict": row["verdict"],
                "compared": f"{row['treatment'] or row['treatment_arm']} minus {row['control'] or row['control_arm']}",
                "metric": f"{row['metric']} [{unit}], {direction} is better",
                "difference": number(row["effect"]),
                "95 %, new photos and trainings": interval_words(row["low_95"], row["high_95"]),
                "95 %, these photos only": interval_words(row["low_95_these_photos"], row["high_95_these_photos"]),
                "adjusted p": p_words(row["p_adjusted"]),
                "90 % (against the margin)": interval_words(row["low_90"], row["high_90"]),
                "margin": number(row["margin"]),
                "effect size": number(row["effect_size"]),
                "probability of improvement": number(row["probability_of_improvement"]),
                "replicates": row["num_replicates"],
                "photos": row["num_photos"],
                "remark": _remark(row),
            }
        )
    return pd.DataFrame(rows)


def beside_each_other(table: pd.DataFrame) -> pd.DataFrame:
    """One column a contrast instead of one row: reads better on a page, both tasks side by side."""
    if table.empty:
        return table
    return table.set_index("contrast").T.rename_axis("").reset_index().astype(str)


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


def needed_words(row: pd.Series) -> str:
    """The replicates or the photos it would take to decide, whichever is possible; empty where nothing is needed."""
    if row["verdict"] != UNDECIDED:
        return ""
    ways = []
    if not pd.isna(row["replicates_needed"]):
        ways.append(f"{int(row['replicates_needed'])} replicates on these {row['num_photos']} photos")
    if not pd.isna(row["photos_needed"]):
        ways.append(f"{int(row['photos_needed'])} photos with these {row['num_replicates']} replicates")
    if not ways and isinstance(row["both_needed"], tuple):
        ways.append("{} replicates and {} photos together, neither alone".format(*row["both_needed"]))
    return ", or ".join(ways)


def _subject(tables: Tables, row: pd.Series) -> str:
    """The task that the treatment adds, where that is the arms' only difference; otherwise the arms by name."""
    sides = (row["treatment_arm"], row["control_arm"])
    arms: list[dict[str, Any]] = [tables.study["arms"].get(arm) or {} for arm in sides]
    added = tasks(tables, row["treatment_arm"]) - tasks(tables, row["control_arm"])
    only_weights = all(set(arm.get("overrides") or {}) <= LOSS_WEIGHTS for arm in arms)
    if len(added) == 1 and only_weights:
        return LEARNING[added.pop()]
    if row["treatment_arm"] == row["control_arm"]:
        return f"{row['treatment']} instead of {row['control']}"
    return f"{row['treatment_arm']} instead of {row['control_arm']}"


def _evidence(row: pd.Series) -> str:
    return (
        f"{row['label']} is {number(row['treatment_mean'], row['unit'])} with {row['treatment']} and "
        f"{number(row['control_mean'], row['unit'])} with {row['control']}: "
        f"a difference of {number(row['effect'], row['unit'])} (95 % interval {number(row['low_95'])} to "
        f"{number(row['high_95'])}, adjusted p {p_words(row['p_adjusted'])}, {row['num_replicates']} replicates, "
        f"{row['num_photos']} photos)."
    )


def _unlearned(tables: Tables, row: pd.Series) -> str:
    """What weakens any claim about colouring, said together with it: a side that has not learned to colour."""
    found = unlearned(tables) if metric(tables, row["metric"]).task == "color" else {}
    sides = [found[side] for side in dict.fromkeys((row["treatment"], row["control"])) if side in found]
    if not sides:
        return ""
    whose = "either side" if len(sides) == 2 else sides[0].setting
    constant = number(sides[0].constant, "CIEDE2000")
    return f"; but no replicate of {whose} colours better than one colour for every photo does ({constant})"


def _needed(row: pd.Series) -> str:
    ways = needed_words(row)
    if not ways:
        return "No number of replicates or photos up to a hundredfold would be sure to decide it."
    return f"To be sure of a decision it would take about {ways}."


def _lead_in_bold(words: str) -> str:
    claim, stop, rest = words.partition(". ")
    return f"**{claim}.** {rest}" if stop else f"**{claim}**"


def _remark(row: pd.Series) -> str:
    ways = needed_words(row)
    return "; ".join(filter(None, (f"to be sure of a decision: about {ways}" if ways else "", row["note"])))


def _note(row: pd.Series) -> str:
    return f" Note: {row['note']}." if row["note"] else ""


def _start_lower(words: str) -> str:
    return words[0].lower() + words[1:] if words.startswith("Learning") else words
