"""What costs nothing to reach, on the same photos and metric: painting grey or in one colour, naming by frequency."""

from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from analysis.tables import BASELINE_COLUMNS, Metric, Tables

GREY, ONE_COLOR, CATEGORY_COLOR, FREQUENCIES = "grey", "one colour", "category's colour", "class frequencies"
TRIVIAL = {"color": (GREY, ONE_COLOR), "class": (FREQUENCIES,)}
PERFECT = {"p_true": 1.0, "top1": 1.0, "class_loss": 0.0}
MEASURED = set(BASELINE_COLUMNS) - {"fold", "photo", "rule", "colorfulness"}


@dataclass(frozen=True)
class Yardstick:
    """The best trivial rule on some photos, and what knowing the category would reach."""

    rule: str
    trivial: float
    """Mean over folds of its mean over photos."""
    informed: float
    """Colour: painting the category's colour; naming: no error at all. NaN where unknown."""
    better: str

    def beaten_by(self, mean: float) -> bool:
        return mean < self.trivial if self.better == "min" else mean > self.trivial

    def share_of_gap(self, effect: float) -> float:
        """An effect as a share of the way from the trivial to the informed, above zero where it helps; NaN without."""
        gap = self.informed - self.trivial
        reaches_down = self.better == "min"
        return effect / gap if (gap < 0) == reaches_down and gap != 0 else float("nan")


def yardstick(tables: Tables, measured: Metric, photos: pd.Index) -> Yardstick | None:
    """On exactly these photos; None where no trivial rule is known for the metric or for one of the photos."""
    rules = TRIVIAL.get(measured.task, ())
    if measured.key not in MEASURED or measured.better not in ("min", "max"):
        return None
    scores = {rule: _mean(tables, rule, measured.key, photos) for rule in rules}
    known = {rule: score for rule, score in scores.items() if pd.notna(score)}
    if not known:
        return None
    best = (min if measured.better == "min" else max)(known, key=lambda rule: known[rule])
    informed = PERFECT.get(measured.key)
    if informed is None:
        informed = _mean(tables, CATEGORY_COLOR, measured.key, photos)
    return Yardstick(best, known[best], informed, measured.better)


def _mean(tables: Tables, rule: str, key: str, photos: pd.Index) -> float:
    values = _by_rule(tables, key).get(rule)
    if values is None:
        return float("nan")
    values = values[values["photo"].isin(photos)].dropna(subset=[key])
    if values["photo"].nunique() < len(photos):
        return float("nan")
    return float(values.groupby("fold")[key].mean().mean())


@lru_cache(maxsize=16)
def _by_rule(tables: Tables, key: str) -> dict[str, pd.DataFrame]:
    baselines = tables.baselines
    if key not in baselines:
        return {}
    return {str(rule): rows for rule, rows in baselines[["fold", "photo", "rule", key]].groupby("rule")}
