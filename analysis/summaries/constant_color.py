"""Which settings colour no better than a predictor that paints every photo in one colour."""

from dataclasses import dataclass

from analysis.tables import Tables, is_twin, records, tasks


@dataclass(frozen=True)
class Unlearned:
    """A confirmed setting none of whose replicates beat the constant colour; CIEDE2000, means over test photos."""

    setting: str
    best: float
    """Of its best replicate."""
    mean: float
    """Over its replicates."""
    constant: float


def unlearned(tables: Tables) -> dict[str, Unlearned]:
    """Those settings by name; twins, and arms that do not train colour, are not asked."""
    constant = (tables.study["data"].get("constant_color") or {}).get("delta_e")
    if constant is None:
        return {}
    colors = [arm for arm in tables.photos["arm"].dropna().unique() if "color" in tasks(tables, arm)]
    photos = tables.photos[tables.photos["arm"].isin(colors) & ~is_twin(tables.photos["setting"])]
    errors = photos.groupby(["setting", "trial"])["delta_e"].mean().groupby("setting").agg(["min", "mean"])
    return {
        row["setting"]: Unlearned(row["setting"], row["min"], row["mean"], constant)
        for row in records(errors.reset_index())
        if row["min"] >= constant
    }
