"""From the study file to the ledger's entries: search trials as they are suggested, confirm trials all at once."""

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from study.definition.study import Contrast, Study
from study.ledger.ledger import Entry, Ledger
from trainables.config import TrialConfig
from trainables.metrics import metric_of

LOSS_WEIGHTS = {"color": "color_loss_weight", "class": "class_loss_weight"}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which search trial's settings stand for one side of a contrast."""

    family: str
    contrast: str
    side: str
    arm: str
    metric: str
    """The validation metric that chose."""
    source: str
    """The chosen search trial; empty where the arm has none that finished."""
    value: float | None
    setting: str
    """The name under which the settings are confirmed."""


def make_entry(study: Study, arm: str, settings: dict[str, Any], **fields: Any) -> Entry:
    """The ledger's entry of a trial of an arm with these settings."""
    return _entry(study, arm, study.trial_config(arm, settings), **fields)


def select(study: Study, ledger: Ledger) -> list[Selection]:
    """The settings each contrast confirms: its arms' best on validation, last epoch, full-budget trials only.

    An arm whose contrasts agree on one trial confirms it under the arm's name; where they differ, each under
    `arm.contrast`.
    """
    finished: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    done = [entry for entry in ledger.entries("search") if entry.state == "done"]
    records = ledger.all_records([entry.name for entry in done])
    for entry in done:
        finished[entry.arm].append((entry.name, records[entry.name][-1]))
    found: list[tuple[str, str, str, Contrast]] = [
        (family, name, side, contrast)
        for family, contrasts in study.families.items()
        for name, contrast in contrasts.items()
        for side in ("treatment", "control")
    ]
    selections = []
    # For each arm, its chosen trials with the contrast that chose each first.
    first_contrast: dict[str, dict[str, str]] = defaultdict(dict)
    for family, name, side, contrast in found:
        arm: str = getattr(contrast, side)
        metric = "val/" + contrast.metric.partition("/")[2]
        source, value = best_of(finished[arm], metric)
        first_contrast[arm].setdefault(source, name)
        fields = {"family": family, "contrast": name, "side": side, "arm": arm, "metric": metric}
        selections.append(Selection(**fields, source=source, value=value, setting=arm))
    return [
        one
        if len(first_contrast[one.arm]) == 1
        else dataclasses.replace(one, setting=f"{one.arm}.{first_contrast[one.arm][one.source]}")
        for one in selections
    ]


def confirm_entries(study: Study, ledger: Ledger, selections: list[Selection]) -> list[Entry]:
    """All trials of the confirm phase: every chosen setting, and its twin where asked, as replicates 1 to n."""
    configs: dict[str, tuple[str, str, TrialConfig, dict[str, Any]]] = {}
    for selection in selections:
        if not selection.source:
            continue
        source = ledger.entry(selection.source)
        config = TrialConfig.from_dict(source.config)
        configs[selection.setting] = (selection.arm, selection.source, config, source.searched)
        if study.confirm.twins and selection.family == "primary":
            task = metric_of(selection.metric).task
            twin = _twin(config, task)
            if twin is not None:
                configs[f"{selection.setting}.{task}.twin"] = (selection.arm, selection.source, twin, source.searched)
    entries = []
    for setting, (arm, source_name, config, searched) in configs.items():
        for replicate in range(1, study.confirm.replicates + 1):
            fields = {"number": replicate, "replicate": replicate, "setting": setting, "source": source_name}
            entries.append(_entry(study, arm, config, phase="confirm", searched=searched, **fields))
    return entries


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


def best_of(finished: list[tuple[str, dict[str, Any]]], metric: str) -> tuple[str, float | None]:
    """The trial with the best value; the first of several."""
    if not finished:
        return "", None
    sign = 1 if metric_of(metric).better == "min" else -1
    name, record = min(finished, key=lambda one: sign * float(one[1][metric]))
    return name, float(record[metric])


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
