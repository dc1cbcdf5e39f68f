"""Pictures for photos that a rule has chosen: grey, truth, and what every setting painted."""

from typing import Any

import pandas as pd

from analysis.notebook import Pictures
from analysis.tables import Tables, is_twin, tasks

INPUTS = ("grey", "truth")
NUM_EVEN = 8


def with_pictures(tables: Tables) -> set[str]:
    """The test photos of which there are pictures; all of them, unless the pool is very large."""
    return set(tables.pictures["photo"]) if not tables.pictures.empty else set()


def painters(tables: Tables) -> list[str]:
    """Settings whose arms learned to colour and have pictures, in the order of the study's arms, twins last."""
    trials = tables.trials[tables.trials["phase"] == "confirm"].drop_duplicates("setting")
    shown = set(tables.pictures["setting"]) if not tables.pictures.empty else set()
    arms = list(tables.study["arms"])
    known = trials[
        trials["setting"].isin(shown) & trials["arm"].isin([arm for arm in arms if "color" in tasks(tables, arm)])
    ]
    twin = dict(zip(known["setting"], is_twin(known["setting"]), strict=True))
    return sorted(known["setting"], key=lambda name: (twin[name], arms.index(_arm(known, name)), name))


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
    last = len(photos) - 1
    return (
        list(dict.fromkeys(photos[round(place * last / (NUM_EVEN - 1))] for place in range(NUM_EVEN))) if photos else []
    )


def words_of(row: dict[str, Any]) -> str:
    """Which rule chose a photo, for its caption."""
    return f"**{row['rule']}**: {row['photo']}"


def _arm(known: pd.DataFrame, setting: str) -> str:
    return str(known.loc[known["setting"] == setting, "arm"].iloc[0])
