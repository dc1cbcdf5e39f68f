"""The compromise between both tasks: fronts of what no other trial beats in both, and the area they dominate.

x is the colour objective, y the naming objective. Arms that train one task have no meaningful score on the other.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.contrasts import planned_contrasts
from analysis.summaries.verdict import interval_words, number
from analysis.tables import Metric, Tables, is_twin, metric, tasks

SPECIALISTS = "two networks, one task each"


@dataclass(frozen=True)
class Axes:
    """The two objectives of a study that has one for each task."""

    x: Metric
    y: Metric
    reference: tuple[float, float]
    """What costs nothing to reach: one colour for every photo, a name drawn at random."""


def axes(tables: Tables) -> Axes | None:
    """The first objective of each task; None where a task has none, or what costs nothing to reach is not known."""
    found = [metric(tables, name) for name in tables.study["objectives"]]
    x, y = (next((one for one in found if one.task == task), None) for task in ("color", "class"))
    data = tables.study["data"]
    free_x = (data.get("constant_color") or {}).get(x.key) if x else None
    chance = {"top1": 1, "top5": 5}.get(y.key) if y else None
    if x is None or y is None or free_x is None or chance is None or not data.get("num_classes"):
        return None
    return Axes(x, y, (float(free_x), min(1.0, chance / data["num_classes"])))


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
    """Area that the confirmed settings of each arm dominate on the test pool, replicate by replicate, and its interval.

    The interval is Student's over replicates, R - 1 degrees of freedom: for new trainings on these photos. The last
    row pairs the specialists of the primary contrasts, as if each task had a network of its own.
    """
    columns = ["arm", "settings", "hypervolume", "low_95", "high_95", "num_replicates"]
    plane = axes(tables)
    if plane is None or not {plane.x.key, plane.y.key} <= set(tables.photos.columns):
        return pd.DataFrame(columns=columns)
    photos = tables.photos[~is_twin(tables.photos["setting"])]
    means = photos.groupby(["arm", "setting", "replicate"])[[plane.x.key, plane.y.key]].mean().reset_index()
    # Only replicates that every confirmed setting finished: a front of fewer settings is smaller for that alone.
    finished = means.groupby("replicate")["setting"].nunique()
    means = means[means["replicate"].isin(finished[finished == means["setting"].nunique()].index)]
    rows = []
    for arm, members in means.groupby("arm", sort=False):
        if {plane.x.task, plane.y.task} <= tasks(tables, str(arm)):
            points = {int(str(r)): group[[plane.x.key, plane.y.key]] for r, group in members.groupby("replicate")}
            rows.append((arm, ", ".join(members["setting"].unique()), *_spread(points, plane)))
    pair = _specialists(tables, means, plane)
    if pair:
        rows.append((SPECIALISTS, pair[0], *_spread(pair[1], plane)))
    return pd.DataFrame(rows, columns=columns)


def reference_sentence(tables: Tables) -> str:
    """What the areas are measured from, or why there are none."""
    plane = axes(tables)
    if plane is None:
        return (
            "No hypervolume: it needs an objective for each task, the constant-colour predictor's score and the number "
            "of categories, and the tables lack one of them."
        )
    x, y = (number(value, one.unit) for value, one in zip(plane.reference, (plane.x, plane.y), strict=True))
    unit = " x ".join(filter(None, (plane.x.unit, plane.y.unit)))
    return f"Measured from {plane.x.label} {x} and {plane.y.label} {y}; unit {unit}, more is better."


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """hypervolume_table as a reader wants it, the interval in one column."""
    interval = list(map(interval_words, table["low_95"], table["high_95"]))
    shown = table.drop(columns=["low_95", "high_95"]).rename(columns={"num_replicates": "replicates"})
    shown.insert(3, "95 %, these photos only", interval)
    return shown


def _specialists(tables: Tables, means: pd.DataFrame, plane: Axes) -> tuple[str, dict[int, pd.DataFrame]] | None:
    sides: dict[str, str] = {}
    for plan in planned_contrasts(tables):
        measured = metric(tables, plan.metric)
        if plan.family == "primary" and plan.control and tasks(tables, plan.control_arm) == {measured.task}:
            sides.setdefault(measured.task, plan.control)
    if set(sides) != {plane.x.task, plane.y.task}:
        return None
    of_sides = [
        means[means["setting"] == sides[one.task]].set_index("replicate")[one.key] for one in (plane.x, plane.y)
    ]
    both = pd.concat(of_sides, axis=1).dropna()
    return f"{sides['color']} and {sides['class']}", {int(r): both.loc[[r]] for r in both.index}


def _spread(points: dict[int, pd.DataFrame], plane: Axes) -> tuple[float, float, float, int]:
    reference = tuple(as_losses(np.array([plane.reference]), plane)[0])
    areas_R = np.array([hypervolume(as_losses(frame.to_numpy(), plane), reference) for frame in points.values()])
    R = len(areas_R)
    mean = float(areas_R.mean()) if R else np.nan
    half = stats.t.ppf(0.975, R - 1) * areas_R.std(ddof=1) / np.sqrt(R) if R > 1 else np.nan
    return mean, mean - half, mean + half, R


def as_losses(points_N2: np.ndarray, plane: Axes) -> np.ndarray:
    """Both objectives with smaller as better."""
    return points_N2 * [1 if one.better == "min" else -1 for one in (plane.x, plane.y)]
