"""From finished search trials to the settings that are confirmed: the best of each arm by what its contrast asks.

In every fold anew, from that fold's search alone. The best settings of an arm run again on another replicate before one
is chosen, because the best of many is lucky too.
"""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from study.definition.study import Contrast, Study
from study.ledger.ledger import Entry, Ledger
from trainables.config import TrialConfig
from trainables.metrics import METRICS, metric_of
from trainables.records import Record

LOSS_WEIGHTS = {"color": "color_loss_weight", "class": "class_loss_weight"}

RECHECK_REPLICATE = 1_000_000
"""Of the trials that try the best settings again: beyond all that a confirm phase will ever train."""

COMPROMISE = "compromise"
"""The criterion of a setting that is chosen for both tasks."""

CONTINUOUS = {"top1": "p_true", "top5": "p_true"}
"""What chooses in place of a metric that is 0 or 1 a photo: the same networks, with less than half of the luck."""

Finished = dict[tuple[int, str], dict[str, list[Record]]]
"""By fold and arm: of each finished search trial its last record, and that of its recheck where it has one."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which search trial's settings stand for one side of a contrast, in one fold."""

    fold: int
    family: str
    contrast: str
    side: str
    arm: str
    role: str
    """What the settings are chosen for, the same in all folds: the arm's name, or `joint.color` where an arm is chosen
    by several criteria."""
    setting: str
    """The name under which the settings are confirmed: the first role that chose the same trial in this fold."""
    metric: str
    """The criterion: a validation metric, or `compromise`."""
    source: str
    """The chosen search trial; empty where the arm has none that finished."""
    value: float | None
    """The criterion's value, mean of the search trial and its recheck."""
    num_replicates: int


def make_entry(study: Study, arm: str, settings: dict[str, Any], **fields: Any) -> Entry:
    """The ledger's entry of a trial of an arm with these settings."""
    return _entry(study, arm, study.trial_config(arm, settings), **fields)


def finished_trials(ledger: Ledger, *, with_rechecks: bool = True) -> Finished:
    """What settings are chosen from: full-budget trials of the search, with their rechecks.

    Settings whose recheck failed are left out while there are others: what failed once more is no good setting.
    """
    phases = ("search", "recheck") if with_rechecks else ("search",)
    ended = [entry for phase in phases for entry in ledger.entries(phase)]
    done = [entry for entry in ended if entry.state == "done"]
    records = ledger.all_records([entry.name for entry in done])
    found: Finished = defaultdict(dict)
    for entry in done:
        source = entry.source or entry.name
        found[entry.fold, entry.arm].setdefault(source, []).append(records[entry.name][-1])
    failed = {entry.source for entry in ended if entry.phase == "recheck" and entry.state == "failed"}
    for rivals, trials in found.items():
        others = {name: kept for name, kept in trials.items() if name not in failed}
        found[rivals] = others or trials
    return found


def select(study: Study, ledger: Ledger) -> list[Selection]:
    """The settings each side of each contrast confirms, fold by fold, by the means of search and recheck.

    Only trials that were rechecked are chosen among, where any of their arm was: the others had less to show.
    """
    finished = finished_trials(ledger)
    roles = _roles(study)
    return [one for fold in range(study.confirm.folds) for one in _select_in(study, fold, roles, finished)]


def _select_in(study: Study, fold: int, roles: dict[tuple[str, str], str], finished: Finished) -> Iterator[Selection]:
    named: dict[tuple[str, str], str] = {}
    """Under which role a trial was first chosen."""
    for family, name, side, arm, criterion in _sides(study):
        source, value = best_by(study, criterion, finished[fold, arm])
        role = roles[arm, criterion]
        yield Selection(
            fold=fold,
            family=family,
            contrast=name,
            side=side,
            arm=arm,
            role=role,
            setting=named.setdefault((arm, source), role) if source else role,
            metric=criterion,
            source=source,
            value=value,
            num_replicates=study.confirm.num_replicates,
        )


def best_by(study: Study, criterion: str, finished: dict[str, list[Record]]) -> tuple[str, float | None]:
    """The trial with the best mean of the criterion over its records; of those alone that have most records."""
    most = max(map(len, finished.values()), default=0)
    means = {
        name: sum(loss_by(study, criterion, record) for record in records) / len(records)
        for name, records in finished.items()
        if len(records) == most
    }
    if not means:
        return "", None
    name = min(means, key=lambda one: means[one] if math.isfinite(means[one]) else math.inf)
    is_max = criterion != COMPROMISE and metric_of(criterion).better == "max"
    return name, -means[name] if is_max else means[name]


def loss_by(study: Study, criterion: str, record: Record) -> float:
    """A record's loss by a criterion, smaller is better: the metric, or the compromise's sum in its own units."""
    weighed = study.compromise if criterion == COMPROMISE else {criterion: 1.0}
    return sum(
        float(record[metric]) * (1 if metric_of(metric).better == "min" else -1) / unit
        for metric, unit in weighed.items()
    )


def recheck_entries(study: Study, ledger: Ledger, arms: Sequence[str]) -> list[Entry]:
    """The trials that run the best settings of these arms again: in every fold the top ones by each criterion."""
    finished = finished_trials(ledger, with_rechecks=False)
    criteria: dict[str, list[str]] = defaultdict(list)
    for _, _, _, arm, criterion in _sides(study):
        if criterion not in criteria[arm]:
            criteria[arm].append(criterion)
    entries = []
    for (fold, arm), trials in sorted(finished.items()):
        if arm not in arms or len(trials) < 2:
            continue
        best: dict[str, None] = {}
        for criterion in criteria[arm]:
            left = dict(trials)
            for _ in range(min(study.search.rechecks, len(left))):
                name, _ = best_by(study, criterion, left)
                del left[name]
                best[name] = None
        for name in best:
            source = ledger.entry(name)
            fields = {"fold": fold, "number": source.number, "replicate": RECHECK_REPLICATE, "source": name}
            config = TrialConfig.from_dict(source.config)
            entries.append(_entry(study, arm, config, phase="recheck", searched=source.searched, **fields))
    return entries


def confirm_entries(study: Study, ledger: Ledger, selections: Sequence[Selection], num_replicates: int) -> list[Entry]:
    """The trials that train chosen settings anew, as replicates 1 to `num_replicates`."""
    chosen = {(one.fold, one.setting): one for one in selections if one.source}
    configs = {key: (one, None) for key, one in chosen.items()}
    return _confirm(study, ledger, configs, num_replicates)


def twin_entries(study: Study, ledger: Ledger, selections: Sequence[Selection], num_replicates: int) -> list[Entry]:
    """The treatments of these primary contrasts trained once more with the other task's weight at zero, where the study
    asks for twins and the control trains one task: what the twin must come close to."""
    twins: dict[tuple[int, str], tuple[Selection, str | None]] = {}
    for one in selections:
        if not (study.confirm.twins and one.family == "primary" and one.side == "treatment" and one.source):
            continue
        contrast = study.contrasts[one.contrast]
        if len(study.arm_tasks(contrast.control)) == 1:
            task = metric_of(contrast.metric).task
            twins[one.fold, f"{one.role}.{task}.twin"] = (one, task)
    return _confirm(study, ledger, twins, num_replicates)


def _confirm(
    study: Study,
    ledger: Ledger,
    chosen: Mapping[tuple[int, str], tuple[Selection, str | None]],
    num_replicates: int,
) -> list[Entry]:
    """Confirm trials by fold and setting; with a task, of the twin that trains it alone, where there is one."""
    sources: dict[str, Entry] = {}
    entries = []
    for (fold, setting), (selection, task) in chosen.items():
        if selection.source not in sources:
            sources[selection.source] = ledger.entry(selection.source)
        source = sources[selection.source]
        own = TrialConfig.from_dict(source.config)
        config = own if task is None else _twin(own, task)
        if config is None:
            continue
        fields = {"setting": setting, "source": source.name, "searched": source.searched, "fold": fold}
        entries += [
            _entry(study, selection.arm, config, phase="confirm", number=number, replicate=number, **fields)
            for number in range(1, num_replicates + 1)
        ]
    return entries


def roles_of(study: Study, arm: str) -> list[str]:
    """All that the arm's settings are chosen for, by name."""
    return list(dict.fromkeys(role for (other, _), role in _roles(study).items() if other == arm))


def _roles(study: Study) -> dict[tuple[str, str], str]:
    """By arm and criterion; an arm with one criterion has the role of its own name."""
    first: dict[str, dict[str, str]] = defaultdict(dict)
    for family, name, _, arm, criterion in _sides(study):
        first[arm].setdefault(criterion, "both" if family == "both" and criterion == COMPROMISE else name)
    return {
        (arm, criterion): arm if len(criteria) == 1 else f"{arm}.{name}"
        for arm, criteria in first.items()
        for criterion, name in criteria.items()
    }


def _sides(study: Study) -> Iterator[tuple[str, str, str, str, str]]:
    """Every side of every contrast: family, contrast, side, arm, criterion."""
    for family, contrasts in study.families.items():
        for name, contrast in contrasts.items():
            for side in ("treatment", "control"):
                is_compromise = family == "both" and side == "treatment"
                criterion = COMPROMISE if is_compromise else criterion_of(study, family, contrast)
                yield family, name, side, getattr(contrast, side), criterion


def criterion_of(study: Study, family: str, contrast: Contrast) -> str:
    """The validation metric that chooses settings for a contrast: its own.

    A control whose metric is no objective looks at the networks that the objective of the same task chose, so that it
    explains them and not others.
    """
    name = contrast.metric.partition("/")[2]
    own, task = f"val/{CONTINUOUS.get(name, name)}", metric_of(contrast.metric).task
    if own in study.objectives or (family != "controls" and "val" in METRICS[name].parts):
        return own
    return next(name for name in study.objectives if metric_of(name).task == task)


def _twin(config: TrialConfig, task: str) -> TrialConfig | None:
    """The same settings with the other task's weight at zero; None where there is no other task to drop, none that
    reaches all shared layers, or where the remaining weight is learned beside the other one."""
    dropped = LOSS_WEIGHTS["class" if task == "color" else "color"]
    stopped = config.stop_class_gradient != "none" or config.stop_color_gradient != "none"
    learned = config.task_weighting == "uncertainty"
    if getattr(config, dropped) == 0 or config.shuffle_labels or stopped or learned:
        return None
    # One task has nothing to be weighed against.
    return TrialConfig.from_dict({**dataclasses.asdict(config), dropped: 0.0, "task_weighting": "fixed"})


def _entry(study: Study, arm: str, config: TrialConfig, **fields: Any) -> Entry:
    data = dataclasses.asdict(study.data_config())
    return Entry(arm=arm, config=dataclasses.asdict(config), data=data, **fields)


def why_none(entries: list[Entry]) -> str:
    """How the trials ended where none reached its last epoch: "4 failed (3 not_finite, 1 MemoryError), 2 stopped"."""
    kinds: dict[str, int] = {}
    for entry in entries:
        if entry.state == "failed":
            kinds[entry.failure_kind] = kinds.get(entry.failure_kind, 0) + 1
    parts = []
    if kinds:
        counts = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        parts.append(f"{sum(kinds.values())} failed ({counts})")
    num_stopped = sum(entry.state == "stopped" for entry in entries)
    return ", ".join([*parts, *([f"{num_stopped} stopped early"] if num_stopped else [])])
