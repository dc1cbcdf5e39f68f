"""The compromise between both tasks: fronts of what no other trial beats in both, and the area they dominate.

x is the colour objective, y the naming objective. Arms that train one task have no meaningful score on the other.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics import trivial_rules
from analysis.statistics.contrasts import planned_contrasts
from analysis.statistics.roles import design
from analysis.summaries.pairs import with_roles
from analysis.summaries.verdict import interval_words, number
from analysis.tables import Metric, Tables, is_twin, metric, tasks

SPECIALISTS = "two networks, one task each"


@dataclass(frozen=True)
class Axes:
    """The two objectives of a study that has one for each task."""

    x: Metric
    y: Metric
    reference: tuple[float, float]
    """What costs nothing to reach: the better of grey and one colour for every photo, naming by frequency."""


def objectives(tables: Tables) -> tuple[str, str] | None:
    """The study's first objective of each task, colour first; None where a task has none."""
    found = {metric(tables, name).task: name for name in reversed(tables.study["objectives"])}
    return (found["color"], found["class"]) if {"color", "class"} <= set(found) else None


def axes(tables: Tables) -> Axes | None:
    """The objectives; None where a task has none, or what costs nothing to reach is not known."""
    names = objectives(tables)
    if names is None:
        return None
    x, y = (metric(tables, name) for name in names)
    free_x, free_y = (_free(tables, one) for one in (x, y))
    return None if free_x is None or free_y is None else Axes(x, y, (free_x, free_y))


def _free(tables: Tables, of: Metric) -> float | None:
    """The best trivial rule's score on all test photos that have one."""
    known = tables.baselines.dropna(subset=[of.key]) if of.key in tables.baselines else tables.baselines.iloc[:0]
    found = trivial_rules.yardstick(tables, of, pd.Index(known["photo"].unique()))
    return None if found is None else found.trivial


def on_front(losses_N2: np.ndarray) -> np.ndarray:
    """Which of N points no other is at least as good as in both and better in one; smaller is better. NaN never is."""
    front_N = np.zeros(len(losses_N2), bool)
    order_N = np.lexsort((losses_N2[:, 1], losses_N2[:, 0]))
    lowest = np.inf
    for index in order_N[np.isfinite(losses_N2[order_N]).all(axis=1)]:
        y = losses_N2[index, 1]
        front_N[index] = y < lowest
        lowest = min(lowest, y)
    # Points that agree in both are all on the front or none.
    kept = {tuple(point) for point in losses_N2[front_N]}
    return np.array([tuple(point) in kept for point in losses_N2], dtype=bool)


def hypervolume(losses_N2: np.ndarray, reference: tuple[float, float]) -> float:
    """Area between the front and the reference point, smaller losses better; 0 where nothing beats the reference."""
    inside_N2 = losses_N2[(losses_N2 < reference).all(axis=1)]
    front_N2 = np.unique(inside_N2[on_front(inside_N2)], axis=0)  # rising in x, falling in y
    heights_N = np.append(reference[1], front_N2[:-1, 1]) - front_N2[:, 1]
    return float(((reference[0] - front_N2[:, 0]) * heights_N).sum())


def hypervolume_table(tables: Tables) -> pd.DataFrame:
    """Area that the confirmed settings of each arm dominate on the test photos, and its interval.

    One area a fold, or a replicate where there is one fold; the interval is Student's over them. The last row pairs the
    specialists of the primary contrasts, as if each task had a network of its own. num_replicates counts the areas.
    """
    columns = ["arm", "settings", "hypervolume", "low_95", "high_95", "num_replicates"]
    plane = axes(tables)
    if plane is None or not {plane.x.key, plane.y.key} <= set(tables.photos.columns):
        return pd.DataFrame(columns=columns)
    photos = with_roles(tables, tables.photos[~is_twin(tables.photos["setting"])])
    unit = "fold" if design(tables).num_folds > 1 else "replicate"
    means = photos.groupby(["arm", "role", unit])[[plane.x.key, plane.y.key]].mean()
    means = means.reset_index().rename(columns={unit: "unit"})
    # Only where every confirmed setting was trained: a front of fewer settings is smaller for that alone.
    finished = means.groupby("unit")["role"].nunique()
    means = means[means["unit"].isin(finished[finished == means["role"].nunique()].index)]
    rows = []
    for arm, members in means.groupby("arm", sort=False):
        if {plane.x.task, plane.y.task} <= tasks(tables, str(arm)):
            points = [group[[plane.x.key, plane.y.key]].to_numpy() for _, group in members.groupby("unit")]
            rows.append((arm, ", ".join(members["role"].unique()), *_spread(points, plane)))
    pair = _specialists(tables, means, plane)
    if pair:
        rows.append((SPECIALISTS, pair[0], *_spread(pair[1], plane)))
    return pd.DataFrame(rows, columns=columns)


def reference_sentence(tables: Tables) -> str:
    """What the areas are measured from, or why there are none."""
    plane = axes(tables)
    if plane is None:
        return (
            "No hypervolume: it needs an objective for each task and what painting and naming by a trivial rule would "
            "score on the test photos, and the tables lack one of them."
        )
    x, y = (number(value, one.unit) for value, one in zip(plane.reference, (plane.x, plane.y), strict=True))
    unit = " x ".join(filter(None, (plane.x.unit, plane.y.unit)))
    return f"Measured from {plane.x.label} {x} and {plane.y.label} {y}; unit {unit}, more is better."


def in_words(tables: Tables) -> pd.DataFrame:
    """hypervolume_table as a reader wants it, the interval in one column."""
    table, has_folds = hypervolume_table(tables), design(tables).num_folds > 1
    interval = list(map(interval_words, table["low_95"], table["high_95"]))
    shown = table.drop(columns=["low_95", "high_95"])
    shown = shown.rename(columns={"num_replicates": "folds" if has_folds else "replicates"})
    shown.insert(3, "95 % interval" if has_folds else "95 %, these photos only", interval)
    return shown


def _specialists(tables: Tables, means: pd.DataFrame, plane: Axes) -> tuple[str, list[np.ndarray]] | None:
    sides: dict[str, str] = {}
    for plan in planned_contrasts(tables):
        measured = metric(tables, plan.metric)
        if plan.family == "primary" and plan.control and tasks(tables, plan.control_arm) == {measured.task}:
            sides.setdefault(measured.task, plan.control)
    if set(sides) != {plane.x.task, plane.y.task}:
        return None
    of_sides = [means[means["role"] == sides[one.task]].set_index("unit")[one.key] for one in (plane.x, plane.y)]
    both = pd.concat(of_sides, axis=1).dropna()
    return f"{sides['color']} and {sides['class']}", [both.loc[[unit]].to_numpy() for unit in both.index]


def _spread(points: list[np.ndarray], plane: Axes) -> tuple[float, float, float, int]:
    reference = tuple(as_losses(np.array([plane.reference]), plane)[0])
    areas_R = np.array([hypervolume(as_losses(one, plane), reference) for one in points])
    R = len(areas_R)
    mean = float(areas_R.mean()) if R else np.nan
    half = stats.t.ppf(0.975, R - 1) * areas_R.std(ddof=1) / np.sqrt(R) if R > 1 else np.nan
    return mean, mean - half, mean + half, R


def as_losses(points_N2: np.ndarray, plane: Axes) -> np.ndarray:
    """Both objectives with smaller as better."""
    return points_N2 * [1 if one.better == "min" else -1 for one in (plane.x, plane.y)]
