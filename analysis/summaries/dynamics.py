"""How the two tasks pull at the layers they share while a network learns: diagnostics of training, not evidence.

Gradient cosine, length ratio and affinity correlate poorly with what a task gains in the end (Azorin et al. 2023; Elich
et al. 2023), so no sentence of a verdict rests on this file. Twins and arms that share no trained layer have none.
"""

from dataclasses import dataclass, replace

import pandas as pd

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
    """One row a confirmed setting, diagnostic and epoch: median, lowest and highest replicate."""
    columns = ["diagnostic", "setting", "arm", "epoch", "median", "low", "high", "num_replicates"]
    found = [learning_curve_table(tables, name).assign(diagnostic=name) for name in DIAGNOSTICS]
    found = [table for table in found if not table.empty]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def summary_table(tables: Tables) -> pd.DataFrame:
    """One row a confirmed setting: how often its gradients opposed each other, and each diagnostic over all epochs.

    A replicate counts with its mean over the epochs that were looked at; shown is the median replicate with the lowest
    and the highest.
    """
    columns = ["setting", "replicates", "epochs looked at", "gradients opposed"]
    confirmed = tables.trials[(tables.trials["phase"] == "confirm") & ~is_twin(tables.trials["setting"])]
    names = [name for name in DIAGNOSTICS if name in tables.epochs]
    if not names or confirmed.empty:
        return pd.DataFrame(columns=columns)
    looked = tables.epochs[["trial", "epoch", *names]].dropna(subset=names, how="all")
    looked = looked.merge(confirmed[["trial", "setting"]], on="trial")
    rows = []
    for setting, members in looked.groupby("setting", sort=True):
        by_trial = members.groupby("trial")[names].mean()
        cosine = members[names[0]].dropna()
        opposed = f"{(cosine < 0).mean():.0%}" if len(cosine) else ""
        row = {"setting": setting, "replicates": len(by_trial), "epochs looked at": members["epoch"].nunique()}
        spreads = {DIAGNOSTICS[name].label: _spread(by_trial[name]) for name in names}
        rows.append({**row, "gradients opposed": opposed, **spreads})
    return pd.DataFrame(rows)


def _spread(values: pd.Series) -> str:
    known = values.dropna()
    return f"{known.median():.2g} ({known.min():.2g} to {known.max():.2g})" if len(known) else ""


def with_weight_ratio(tables: Tables) -> Tables:
    """The same tables with the learned weight of naming over that of colouring beside the records."""
    epochs = tables.epochs
    if not {"train/class_weight", "train/color_weight"} <= set(epochs.columns):
        return tables
    ratio = epochs["train/class_weight"] / epochs["train/color_weight"]
    return replace(tables, epochs=epochs.assign(**{WEIGHT_RATIO: ratio}))


def learning_curve_table(tables: Tables, metric_name: str) -> pd.DataFrame:
    """Median, lowest and highest replicate of every confirmed setting by epoch; only arms that train the task."""
    columns = ["setting", "arm", "epoch", "median", "low", "high", "num_replicates"]
    measured = metric(tables, metric_name)
    confirmed = tables.trials[(tables.trials["phase"] == "confirm") & ~is_twin(tables.trials["setting"])]
    arms = [arm for arm in confirmed["arm"].dropna().unique() if measured.task in ("none", *tasks(tables, arm))]
    confirmed = confirmed[confirmed["arm"].isin(arms)]
    if metric_name not in tables.epochs or confirmed.empty:
        return pd.DataFrame(columns=columns)
    records = tables.epochs[["trial", "epoch", metric_name]].merge(confirmed[["trial", "setting", "arm"]], on="trial")
    records = records.dropna(subset=[metric_name])
    curves = records.groupby(["setting", "arm", "epoch"], sort=True)[metric_name]
    return curves.agg(median="median", low="min", high="max", num_replicates="count").reset_index()[columns]
