"""Photos that are shown because a rule says so, never because somebody liked them; scores by category."""

from functools import lru_cache

import numpy as np
import pandas as pd

from analysis.page.show import Pictures
from analysis.summaries.pairs import num_replicates, photo_table, with_roles
from analysis.summaries.pictures import color_key, compared, side_by_side, with_pictures
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

NUM_EVEN = 8


def example_table(tables: Tables) -> pd.DataFrame:
    """Three photos for each primary contrast, by the mean difference over replicates: best, median and worst.

    Ties, frequent where a photo is named rightly or wrongly in every replicate, go to the name first in order.
    """
    columns = ["contrast", "metric", "rule", "photo", "category", "treatment", "control", "difference", "replicates"]
    rows = []
    for contrast, declared in tables.study["contrasts"].items():
        better = metric(tables, declared["metric"]).better
        by_photo = photo_table(tables, contrast)
        by_photo = by_photo[by_photo["photo"].isin(shown_among(tables, list(by_photo["photo"])))]
        if by_photo.empty:
            continue
        ordered = by_photo.sort_values(["difference", "photo"], ascending=[better == "min", True])
        for rule, place in zip(RULES, (0, len(ordered) // 2, len(ordered) - 1), strict=True):
            one = ordered.iloc[place][["photo", "category", "treatment", "control", "difference"]]
            rows.append((contrast, declared["metric"], rule, *one, num_replicates(tables, contrast)))
    return pd.DataFrame(rows, columns=columns)


def best_median_worst(tables: Tables, roles: list[str] | None = None) -> pd.DataFrame:
    """The test photos with the lowest, middle and highest colour error, averaged over the roles (all that colour).

    One row a photo, one column a role: its mean over replicates. No role is favoured by the choice.
    """
    photos, key = coloured(tables), color_key(tables)
    photos = photos if roles is None else photos[photos["role"].isin(roles)]
    photos = photos[photos["photo"].isin(shown_among(tables, list(photos["photo"].unique())))]
    empty = pd.DataFrame(columns=["rule", "photo", "category"])
    if photos.empty or key not in photos:
        return empty
    by_photo = photos.pivot_table(index=["photo", "category"], columns="role", values=key, aggfunc="mean").dropna()
    if by_photo.empty:
        return empty
    order = by_photo.mean(axis=1).sort_values(kind="stable").index
    chosen = [order[0], order[len(order) // 2], order[-1]]
    table = by_photo.loc[chosen].reset_index().rename_axis(columns=None)
    return table.assign(rule=["best", "median", "worst"])[["rule", *table.columns]]


def first_rows(tables: Tables) -> Pictures | None:
    """Three photos by rule (best, median, worst), each in grey, in truth and as each compared arm paints it."""
    roles = compared(tables)
    chosen = best_median_worst(tables, roles)
    rows = [side_by_side(tables, photo, roles) for photo in chosen["photo"]]
    rows = [row for row in rows if row]
    return Pictures(rows) if rows else None


def shown_among(tables: Tables, photos: list[str]) -> list[str]:
    """Of these photos those with pictures, where there are any: of a very large pool only some have."""
    known = with_pictures(tables)
    return [photo for photo in photos if photo in known] or photos


def category_scores(tables: Tables) -> pd.DataFrame:
    """PSNR and SSIM of every role that colours, by category and over all test photos: means over all trainings."""
    photos = coloured(tables)
    if photos.empty or not {"psnr", "ssim"} <= set(photos.columns) or photos["psnr"].isna().all():
        return pd.DataFrame(columns=["category", "photos"])
    num_photos = photos.groupby("category")["photo"].nunique()
    wide = {}
    for role, members in photos.groupby("role", sort=True):
        for key, label in (("psnr", "PSNR [dB]"), ("ssim", "SSIM")):
            means = members.groupby("category")[key].mean()
            means["all test photos"] = members[key].mean()
            wide[f"{role}: {label}"] = means
    table = pd.DataFrame(wide).rename_axis("category").reset_index()
    whole = table["category"] == "all test photos"
    table = pd.concat([table[whole], table[~whole]], ignore_index=True)
    num_photos["all test photos"] = photos["photo"].nunique()
    table.insert(1, "photos", table["category"].map(num_photos))
    return table


def beside_published(tables: Tables) -> pd.DataFrame:
    """Whole-set means of published colorizers, then the means of this study's roles over its test photos."""
    means = coloured(tables).groupby("role")[["psnr", "ssim"]].mean().dropna().reset_index()
    ours = means.set_axis(PUBLISHED_NCD.columns, axis=1)
    ours["colorizer"] += " (this study, its test photos)"
    return pd.concat([PUBLISHED_NCD, ours], ignore_index=True)


def colorfulness_table(tables: Tables) -> pd.DataFrame:
    """How colourful each role paints beside the truth, and its error: a mean error alone rewards grey.

    Colourfulness after Hasler and Suesstrunk (2003); chroma is the painting's mean chroma over the truth's.
    """
    columns = ["setting", "colourfulness painted", "of the truth", "chroma over the truth's", "trainings", "photos"]
    photos = coloured(tables)
    if photos.empty or not {"colorfulness", "true_colorfulness"} <= set(photos.columns):
        return pd.DataFrame(columns=columns)
    photos = photos.dropna(subset=["colorfulness"])
    ratio = photos.get("chroma_ratio", pd.Series(np.nan, index=photos.index))
    means = photos.assign(ratio=ratio).groupby("role", sort=False)
    table = means[["colorfulness", "true_colorfulness", "ratio"]].mean()
    table = table.assign(trainings=means["trial"].nunique(), photos=means["photo"].nunique()).reset_index()
    return table.set_axis(columns, axis=1)


@lru_cache(maxsize=1)
def coloured(tables: Tables) -> pd.DataFrame:
    """Photos as coloured by the roles of arms that train colour, twins left out."""
    photos = tables.photos[~is_twin(tables.photos["setting"])]
    arms = [arm for arm in photos["arm"].dropna().unique() if "color" in tasks(tables, arm)]
    return with_roles(tables, photos[photos["arm"].isin(arms)])


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


def words_of(row: dict[str, object]) -> str:
    """Which rule chose a photo, for its caption."""
    return f"**{row['rule']}**: {row['photo']}"
