"""Which roles colour no better than leaving photos grey or painting them all in one colour."""

from dataclasses import dataclass

from analysis.statistics import folds, trivial_rules
from analysis.statistics.differences import folds_of, measured
from analysis.tables import Metric, Tables, metric, records, tasks


@dataclass(frozen=True)
class Unlearned:
    """A confirmed role none of whose replicates beat the better trivial rule; means over the same test photos."""

    role: str
    best: float
    """Of its best replicate."""
    mean: float
    """Over its replicates."""
    rule: str
    """The trivial rule, in words."""
    trivial: float
    of: Metric
    """What was compared."""


WORDS = {trivial_rules.GREY: "leaving photos grey", trivial_rules.ONE_COLOR: "one colour for every photo"}


def unlearned(tables: Tables) -> dict[str, Unlearned]:
    """Those roles by name; twins, and arms that do not train colour, are not asked."""
    of, found = _color_metric(tables), {}
    arms = {row["role"]: row["arm"] for row in records(tables.selections.dropna(subset=["role"]))}
    for role, arm in arms.items():
        scores = measured(tables, role, of.key).dropna(axis="columns") if "color" in tasks(tables, arm) else None
        if scores is None or scores.empty:
            continue
        free = trivial_rules.yardstick(tables, of, scores.columns)
        if free is None:
            continue
        mean_R = folds.fold_means(scores.to_numpy(), folds_of(tables, scores.columns)).mean(axis=0)
        if not any(free.beaten_by(float(mean)) for mean in mean_R):
            best = mean_R.min() if of.better == "min" else mean_R.max()
            words = WORDS[free.rule]
            found[role] = Unlearned(role, float(best), float(mean_R.mean()), words, free.trivial, of)
    return found


def _color_metric(tables: Tables) -> Metric:
    """What the study judges colour by, where trivial rules are known for it; else the whole photo's difference."""
    declared = [metric(tables, one["metric"]) for one in tables.study["contrasts"].values()]
    known = [one for one in declared if one.task == "color" and one.key in trivial_rules.MEASURED]
    return known[0] if known else metric(tables, "test/delta_e")
