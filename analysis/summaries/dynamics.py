"""How the two tasks pull at the layers they share while a network learns: diagnostics of training, not evidence.

Gradient cosine, length ratio and affinity correlate poorly with what a task gains in the end (Azorin et al. 2023; Elich
et al. 2023), so no sentence of a verdict rests on this file. Twins and arms that share no trained layer have none.
"""

from dataclasses import dataclass, replace

import pandas as pd

from analysis.summaries.pairs import QUARTILES, role_table, with_roles
from analysis.summaries.verdict import number
from analysis.tables import Tables, is_twin, metric, tasks


@dataclass(frozen=True)
class Diagnostic:
    """A column of the epochs, and how to read it."""

    label: str
    unit: str
    neutral: float
    """The value that speaks for neither side."""

    @property
    def axis(self) -> str:
        return f"{self.label} [{self.unit}]"


DIAGNOSTICS: dict[str, Diagnostic] = {
    "diagnostics/gradient_cosine": Diagnostic("Cosine between the two gradients", "1", 0.0),
    "diagnostics/gradient_ratio": Diagnostic("Length of the naming gradient over the colouring one", "1", 1.0),
    "diagnostics/affinity_class_on_color": Diagnostic("Colour loss that a step on naming saves", "share", 0.0),
    "diagnostics/affinity_color_on_class": Diagnostic("Class loss that a step on colouring saves", "share", 0.0),
    "diagnostics/affinity_color_on_color": Diagnostic("Colour loss that a step on colouring saves", "share", 0.0),
    "diagnostics/affinity_class_on_class": Diagnostic("Class loss that a step on naming saves", "share", 0.0),
}
"""What `base.diagnostics_every` records: four that are drawn, and two to read the affinities before them by."""

DRAWN = tuple(DIAGNOSTICS)[:4]

WEIGHT_RATIO = "weight_ratio"
"""Learned weight of naming over that of colouring; a column made here."""


def diagnostics_table(tables: Tables) -> pd.DataFrame:
    """One row a confirmed setting, diagnostic and epoch: median and quartiles over its trainings."""
    columns = ["diagnostic", "setting", "arm", "epoch", "median", "low", "high", "num_trainings"]
    found = [learning_curve_table(tables, name).assign(diagnostic=name) for name in DIAGNOSTICS]
    found = [table for table in found if not table.empty]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def summary_table(tables: Tables) -> pd.DataFrame:
    """One row a confirmed setting: how often its gradients opposed each other, and each diagnostic over all epochs.

    A training counts with its mean over the epochs that were looked at; shown is the median with the lowest and the
    highest.
    """
    columns = ["setting", "trainings", "epochs looked at", "gradients opposed"]
    confirmed = tables.trials[(tables.trials["phase"] == "confirm") & ~is_twin(tables.trials["setting"])]
    names = [name for name in DIAGNOSTICS if name in tables.epochs]
    if not names or confirmed.empty:
        return pd.DataFrame(columns=columns)
    looked = tables.epochs[["trial", "epoch", *names]].dropna(subset=names, how="all")
    looked = looked.merge(with_roles(tables, confirmed)[["trial", "role"]], on="trial")
    rows = []
    for setting, members in looked.groupby("role", sort=True):
        by_trial = members.groupby("trial")[names].mean()
        cosine = members[names[0]].dropna()
        opposed = f"{(cosine < 0).mean():.0%}" if len(cosine) else ""
        row = {"setting": setting, "trainings": len(by_trial), "epochs looked at": members["epoch"].nunique()}
        spreads = {DIAGNOSTICS[name].label: _spread(by_trial[name]) for name in names}
        rows.append({**row, "gradients opposed": opposed, **spreads})
    return pd.DataFrame(rows)


def _spread(values: pd.Series) -> str:
    known = values.dropna()
    if known.empty:
        return ""
    return f"{number(known.median())} ({number(known.min())} to {number(known.max())})"


def with_weight_ratio(tables: Tables) -> Tables:
    """The same tables with the learned weight of naming over that of colouring beside the records."""
    epochs = tables.epochs
    if not {"train/class_weight", "train/color_weight"} <= set(epochs.columns):
        return tables
    ratio = epochs["train/class_weight"] / epochs["train/color_weight"]
    return replace(tables, epochs=epochs.assign(**{WEIGHT_RATIO: ratio}))


def learning_curve_table(tables: Tables, metric_name: str) -> pd.DataFrame:
    """Median and quartiles over the trainings of every confirmed setting by epoch; only arms that train the task.

    Quartiles, because the lowest and the highest lie the farther apart the more trainings there are.
    """
    columns = ["setting", "arm", "epoch", "median", "low", "high", "num_trainings"]
    measured = metric(tables, metric_name)
    confirmed = tables.trials[(tables.trials["phase"] == "confirm") & ~is_twin(tables.trials["setting"])]
    arms = [arm for arm in confirmed["arm"].dropna().unique() if measured.task in ("none", *tasks(tables, arm))]
    confirmed = confirmed[confirmed["arm"].isin(arms)]
    if metric_name not in tables.epochs or confirmed.empty:
        return pd.DataFrame(columns=columns)
    confirmed = with_roles(tables, confirmed).drop(columns="setting").rename(columns={"role": "setting"})
    records = tables.epochs[["trial", "epoch", metric_name]].merge(confirmed[["trial", "setting", "arm"]], on="trial")
    records = records.dropna(subset=[metric_name])
    if records.empty:
        return pd.DataFrame(columns=columns)
    curves = records.groupby(["setting", "arm", "epoch"], sort=True)[metric_name]
    found = pd.DataFrame({name: curves.quantile(at) for name, at in QUARTILES.items()})
    found = found.assign(num_trainings=curves.count()).reset_index()[columns]
    order = {role: place for place, role in enumerate(role_table(tables)["role"].unique())}
    return found.sort_values("setting", key=lambda roles: roles.map(order), kind="stable", ignore_index=True)
