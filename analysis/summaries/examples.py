"""Photos that are shown because a rule says so, never because somebody liked them; scores by category."""

from typing import Any

import pandas as pd

from analysis.page.show import Pictures
from analysis.statistics.contrasts import planned_contrasts
from analysis.statistics.differences import differences
from analysis.statistics.differences import measured as measured_of
from analysis.tables import Tables, is_twin, metric, tasks

RULES = ("most helped", "middle", "most hurt")
PUBLISHED_NCD = pd.DataFrame(
    [
        ("Automatic Colorizer", 20.48, 0.863),
        ("ColorCapsNet", 18.29, 0.632),
        ("Let there be Color", 19.55, 0.792),
        ("Colorful Colorization", 20.93, 0.865),
        ("Instance-Aware", 21.12, 0.863),
        ("Real-Time User-Guided", 21.93, 0.881),
    ],
    columns=["colorizer", "PSNR [dB]", "SSIM"],
)
"""Whole-set means of Anwar et al. (2020); none of these networks was trained on NCD."""

INPUTS = ("grey", "truth")
NUM_EVEN = 8


def example_table(tables: Tables) -> pd.DataFrame:
    """Three photos for each primary contrast, by the mean difference over replicates: best, median and worst.

    Ties, frequent where a photo is named rightly or wrongly in every replicate, go to the name first in order.
    """
    columns = ["contrast", "metric", "rule", "photo", "category", "treatment", "control", "difference", "replicates"]
    category = tables.photos.drop_duplicates("photo").set_index("photo")["category"]
    rows = []
    for plan in planned_contrasts(tables):
        measured = metric(tables, plan.metric)
        known = measured.key in tables.photos and plan.treatment is not None and plan.control is not None
        if plan.family != "primary" or not known:
            continue
        difference_RP, _ = differences(tables, str(plan.treatment), str(plan.control), measured.key)
        if difference_RP.empty:
            continue
        difference_RP = difference_RP[shown_among(tables, list(difference_RP.columns))]
        mean = difference_RP.mean().rename("difference").rename_axis("photo").reset_index()
        ordered = mean.sort_values(["difference", "photo"], ascending=[measured.better == "min", True], kind="stable")
        scores = [
            measured_of(tables, str(role), measured.key).loc[difference_RP.index]
            for role in (plan.treatment, plan.control)
        ]
        for rule, place in zip(RULES, (0, len(ordered) // 2, len(ordered) - 1), strict=True):
            photo, difference = ordered.iloc[place][["photo", "difference"]]
            sides = [score[photo].mean() for score in scores]
            rows.append((plan.name, plan.metric, rule, photo, category[photo], *sides, difference, len(difference_RP)))
    return pd.DataFrame(rows, columns=columns)


def best_median_worst(tables: Tables, key: str = "delta_e") -> pd.DataFrame:
    """The test photos with the lowest, middle and highest colour error, averaged over every setting that colours.

    One row a photo, one column a setting: its mean over replicates. No setting is favoured by the choice.
    """
    photos = _coloured(tables)
    photos = photos[photos["photo"].isin(shown_among(tables, list(photos["photo"].unique())))]
    if photos.empty or key not in photos:
        return pd.DataFrame(columns=["rule", "photo", "category"])
    by_photo = photos.pivot_table(index=["photo", "category"], columns="setting", values=key, aggfunc="mean").dropna()
    if by_photo.empty:
        return pd.DataFrame(columns=["rule", "photo", "category"])
    order = by_photo.mean(axis=1).sort_values(kind="stable").index
    chosen = [order[0], order[len(order) // 2], order[-1]]
    table = by_photo.loc[chosen].reset_index().rename_axis(columns=None)
    return table.assign(rule=["best", "median", "worst"])[["rule", *table.columns]]


def shown_among(tables: Tables, photos: list[str]) -> list[str]:
    """Of these photos those with pictures, where there are any: of a very large pool only some have."""
    known = with_pictures(tables)
    return [photo for photo in photos if photo in known] or photos


def category_scores(tables: Tables) -> pd.DataFrame:
    """PSNR and SSIM of every setting that colours, by category and over the whole pool: means over all trainings."""
    photos = _coloured(tables)
    if photos.empty or not {"psnr", "ssim"} <= set(photos.columns) or photos["psnr"].isna().all():
        return pd.DataFrame(columns=["category", "photos"])
    num_photos = photos.groupby("category")["photo"].nunique()
    wide = {}
    for setting, members in photos.groupby("setting", sort=True):
        for key, label in (("psnr", "PSNR [dB]"), ("ssim", "SSIM")):
            means = members.groupby("category")[key].mean()
            means["whole pool"] = members[key].mean()
            wide[f"{setting}: {label}"] = means
    table = pd.DataFrame(wide).rename_axis("category").reset_index()
    whole = table["category"] == "whole pool"
    table = pd.concat([table[whole], table[~whole]], ignore_index=True)
    num_photos["whole pool"] = photos["photo"].nunique()
    table.insert(1, "photos", table["category"].map(num_photos))
    return table


def beside_published(tables: Tables) -> pd.DataFrame:
    """Whole-set means of published colorizers, then the whole-pool means of this study's settings."""
    photos = _coloured(tables)
    means = photos.groupby("setting")[["psnr", "ssim"]].mean().dropna().reset_index()
    ours = means.set_axis(PUBLISHED_NCD.columns, axis=1)
    ours["colorizer"] += " (this study, its test pool)"
    return pd.concat([PUBLISHED_NCD, ours], ignore_index=True)


def _coloured(tables: Tables) -> pd.DataFrame:
    """Photos as coloured by settings of arms that train colour, twins left out."""
    photos = tables.photos[~is_twin(tables.photos["setting"])]
    return photos[photos["arm"].isin([arm for arm in photos["arm"].dropna().unique() if "color" in tasks(tables, arm)])]


def with_pictures(tables: Tables) -> set[str]:
    """The test photos of which there are pictures; all of them, unless the pool is very large."""
    return set(tables.pictures["photo"]) if not tables.pictures.empty else set()


def painters(tables: Tables) -> list[str]:
    """Settings whose arms learned to colour and have pictures, in the order of the study's arms, twins last."""
    trials = tables.trials[tables.trials["phase"] == "confirm"].drop_duplicates("setting")
    shown = set(tables.pictures["setting"]) if not tables.pictures.empty else set()
    arms = list(tables.study["arms"])
    coloring = [arm for arm in arms if "color" in tasks(tables, arm)]
    known = trials[trials["setting"].isin(shown) & trials["arm"].isin(coloring)]
    order = zip(is_twin(known["setting"]), known["arm"].map(arms.index), known["setting"], strict=True)
    return [name for _, _, name in sorted(order)]


def side_by_side(tables: Tables, photo: str, settings: list[str] | None = None) -> Pictures | None:
    """Grey, truth and every setting's colouring of one photo, with its error; None where there are no pictures.

    The pictures are of replicate 1, and so are the errors below them.
    """
    if photo not in with_pictures(tables):
        return None
    members = tables.pictures[tables.pictures["photo"] == photo].drop_duplicates("setting").set_index("setting")["jpeg"]
    first = tables.photos[(tables.photos["photo"] == photo) & (tables.photos["replicate"] == 1)]
    errors = first.drop_duplicates("setting").set_index("setting")["delta_e"]
    names = [name for name in (*INPUTS, *(painters(tables) if settings is None else settings)) if name in members]
    words = [name if name in INPUTS else f"{name}: {errors.get(name, float('nan')):.1f}" for name in names]
    return Pictures([members[name] for name in names], words)


def evenly(tables: Tables) -> list[str]:
    """A few photos evenly spaced in the order of category and name: nobody chose them."""
    if tables.pictures.empty:
        return []
    known = tables.photos.drop_duplicates("photo").sort_values(["category", "photo"])["photo"]
    photos = [photo for photo in known if photo in with_pictures(tables)]
    if not photos:
        return []
    places = [round(place * (len(photos) - 1) / (NUM_EVEN - 1)) for place in range(NUM_EVEN)]
    return [photos[place] for place in dict.fromkeys(places)]


def words_of(row: dict[str, Any]) -> str:
    """Which rule chose a photo, for its caption."""
    return f"**{row['rule']}**: {row['photo']}"
