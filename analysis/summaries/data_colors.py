"""The colours of the data set itself, and what painting by rule would cost: the yardsticks for every colour error."""

import pandas as pd

from analysis.tables import Tables, is_twin, tasks

WHOLE = "whole set"
NEAR_WHITE = "near white"


def missing(tables: Tables) -> str:
    """Why there are no colours to show, with the command that shows them; empty where there are."""
    if tables.colors:
        return ""
    dataset = tables.study["data"].get("dataset")
    if dataset == "analytic":
        return "This study computes a formula and has no photos."
    target = f"{tables.study_dir}/study.yaml"
    return (
        "The colours of the photos were not looked at, because the prepared photos were not on the machine that "
        f"exported the tables. Where they are: `tintune data colors {target}`, or export there again: "
        f"`tintune report {tables.study_dir}`."
    )


def in_words(tables: Tables) -> str:
    """What the data set's colours predict of a network that hedges."""
    whole = tables.colors["whole"]
    mean, error = whole["mean"], whole["delta_e"]
    worse = error["one colour"] > error["no colour"]
    return (
        f"**A network that hedges would paint everything {mean['name']}.** That is {error['one colour']:.1f} CIEDE2000 "
        f"off, {'more' if worse else 'less'} than leaving the photos grey ({error['no colour']:.1f}). Whoever knows "
        f"how light a pixel is and nothing else comes down to {error['one colour a lightness']:.1f}; whoever knows the "
        f"category too, to {error['one colour a category and lightness']:.1f}: that is what naming has to offer to "
        "colouring."
    )


def rule_table(tables: Tables) -> pd.DataFrame:
    """What painting by rule costs on all photos, beside the confirmed settings on the test pool."""
    columns = ["painted", "CIEDE2000", "which is"]
    errors = tables.colors["whole"]["delta_e"]
    rows = [(name, error, tables.colors["predictors"][name]) for name, error in errors.items()]
    photos = tables.photos[~is_twin(tables.photos["setting"])]
    for (setting, arm), members in photos.groupby(["setting", "arm"], sort=False):
        if "color" in tasks(tables, str(arm)):
            words = f"a network, mean over {members['replicate'].nunique()} replicates, on the test pool"
            rows.append((setting, members["delta_e"].mean(), words))
    return pd.DataFrame(rows, columns=columns).sort_values("CIEDE2000", ascending=False, ignore_index=True)


def category_table(tables: Tables) -> pd.DataFrame:
    """One row a category, the whole set first."""
    rows = [
        (
            one["category"] or WHOLE,
            one["num_photos"],
            f"{one['near_white']:.0%}",
            ", ".join(f"{swatch['name']} {swatch['share']:.0%}" for swatch in one["dominant"]),
            f"{one['mean']['name']} ({one['mean']['hex']})",
            one["delta_e"]["one colour"],
            one["delta_e"]["one colour a lightness"],
            one["delta_e"]["one colour a category and lightness"],
        )
        for one in (tables.colors["whole"], *tables.colors["categories"])
    ]
    columns = ["category", "photos", NEAR_WHITE, "dominant colours", "mean colour", "one colour", "one a lightness"]
    return pd.DataFrame(rows, columns=[*columns, "one a category and lightness"])


def swatch_table(tables: Tables) -> pd.DataFrame:
    """One row a category and colour: its share of all pixels, near white last."""
    rows = []
    for one in (tables.colors["whole"], *tables.colors["categories"]):
        name = one["category"] or WHOLE
        seen = 1 - one["near_white"]
        rows += [(name, swatch["name"], swatch["hex"], swatch["share"] * seen) for swatch in one["dominant"]]
        rows.append((name, NEAR_WHITE, "#ffffff", one["near_white"]))
    return pd.DataFrame(rows, columns=["category", "colour", "hex", "share"])
