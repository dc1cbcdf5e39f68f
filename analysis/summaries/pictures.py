"""Small pictures of test photos: side by side, with features of other photos, and epoch by epoch."""

from functools import lru_cache

import numpy as np
import pandas as pd

from analysis.page.show import Picture, Pictures
from analysis.statistics import roles
from analysis.statistics.contrasts import planned_contrasts
from analysis.summaries.pairs import role_table
from analysis.tables import Tables, metric, tasks

INPUTS = ("grey", "truth")


def color_key(tables: Tables) -> str:
    """The colour metric of the photo table that the study's first colour contrast is decided on; delta_e without."""
    for declared in tables.study["contrasts"].values():
        measured = metric(tables, declared["metric"])
        if measured.task == "color" and measured.key in tables.photos:
            return measured.key
    return "delta_e"


@lru_cache(maxsize=1)
def with_pictures(tables: Tables) -> frozenset[str]:
    """The test photos of which there are pictures; all of them, unless the pool is very large."""
    return frozenset(tables.pictures["photo"]) if not tables.pictures.empty else frozenset()


def painters(tables: Tables) -> list[str]:
    """Roles whose arms learned to colour and have pictures, in the order of the study's arms, twins last."""
    pictured = set(tables.pictures["setting"]) if not tables.pictures.empty else set()
    table = role_table(tables)
    known = table[table["setting"].isin(pictured)].drop_duplicates("role")
    return [role for role, arm in zip(known["role"], known["arm"], strict=True) if "color" in tasks(tables, arm)]


def compared(tables: Tables) -> list[str]:
    """Of the painters those that the primary contrasts compare, one an arm."""
    known = painters(tables)
    arms: dict[str, str] = {}
    for plan in planned_contrasts(tables):
        if plan.family == "primary":
            for arm, role in ((plan.treatment_arm, plan.treatment), (plan.control_arm, plan.control)):
                if role in known:
                    arms.setdefault(arm, role)
    return list(arms.values()) or known[:2]


@lru_cache(maxsize=1)
def _pictures_by_photo(tables: Tables) -> dict[str, pd.DataFrame]:
    pictures = tables.pictures
    by_photo = pictures.assign(variant=pictures["variant"].fillna("")).groupby("photo", sort=False)
    return {str(photo): members for photo, members in by_photo}


def side_by_side(tables: Tables, photo: str, shown: list[str] | None = None) -> list[Picture]:
    """Grey, truth and every role's colouring of one photo, with its error; nothing where there are no pictures.

    The pictures are of replicate 1, and so are the errors below them.
    """
    if photo not in with_pictures(tables):
        return []
    members = _pictures_by_photo(tables)[photo]
    members = members[members["variant"] == ""]
    fold, key = int(members["fold"].max()), color_key(tables)
    jpegs = dict(zip(members["setting"], members["jpeg"], strict=True))
    first = tables.photos[(tables.photos["photo"] == photo) & (tables.photos["replicate"] == 1)]
    errors = dict(zip(first["setting"], first[key], strict=True)) if key in first else {}
    row = [Picture(jpegs[name], name) for name in INPUTS if name in jpegs]
    for role in painters(tables) if shown is None else shown:
        setting = roles.settings_of(tables, role).get(fold, role)
        error = errors.get(setting, np.nan)
        row.append(Picture(jpegs.get(setting), role, f"{error:.1f}" if np.isfinite(error) else ""))
    return row


def variant_rows(tables: Tables, beginning: str) -> dict[str, Pictures]:
    """Of each role that has them, its pictures whose variant begins so ("epoch", "features"), a row a photo.

    Each row starts with the truth and ends with the final painting; the mean vector stands among the features.
    """
    if tables.pictures.empty or "variant" not in tables.pictures:
        return {}
    shown: dict[str, Pictures] = {}
    for role in painters(tables):
        settings, rows = roles.settings_of(tables, role), []
        for members in _pictures_by_photo(tables).values():
            mine = members[[settings.get(fold) == setting for fold, setting in _at(members)]]
            others = mine[
                mine["variant"].str.startswith((beginning, "mean ") if beginning == "features" else beginning)
            ]
            if others.empty:
                continue
            order = sorted(others["variant"], key=_place)
            jpegs = dict(zip(mine["variant"], mine["jpeg"], strict=True))
            truth = dict(zip(members["setting"], members["jpeg"], strict=True)).get("truth")
            own = [] if beginning == "epoch" else [Picture(jpegs.get(""), "own features")]
            rows.append([Picture(truth, "truth"), *own, *(Picture(jpegs[one], one) for one in order)])
        if rows:
            shown[role] = Pictures(rows)
    return shown


def _at(members: pd.DataFrame) -> list[tuple[int, str]]:
    return list(zip(members["fold"], members["setting"], strict=True))


def _place(variant: str) -> tuple[int, str]:
    """Epochs in their order, whatever else by name."""
    last = variant.rpartition(" ")[2]
    return (int(last) if last.isdigit() else 0, variant)
