"""Early stopping: epochs spent and hypervolume kept, beside the same search with no trial stopped.

    python benchmarks/early_stopping.py [--seeds 20] [--first-seed 100]

One arm with two objectives and a conditional space on the analytic surface: 30 trials of 60 epochs on 8 slots.
ArmSearch and the rules of early stopping are driven directly, with virtual slots instead of Ray, one unit of time an
epoch. The rules' defaults were chosen on seeds 0 to 19; from 100 on the seeds are fresh.
Hypervolume is that of full-budget trials alone, because no other is ever confirmed, from the point of an untrained
network. Prints a table and, last, one JSON line; its `share_epochs` and `share_hypervolume` are those of the first row.
"""

import argparse
import heapq
import json
import math
import statistics
from dataclasses import replace
from functools import cache

from study.definition.load import parse_study
from study.definition.study import Study
from study.search.arm_search import ArmSearch
from study.search.early_stopping import RULES, Losses, losses_of
from study.search.selection import make_entry
from trainables.analytic_surface import analytic_images
from trainables.trial import Trial, start

STUDY = """\
name: early-stopping
question: What does early stopping cost?
data: {dataset: analytic}
base: {epochs: 60}
space:
  optimizer: {choice: [adadelta, adam, adamw, sgd, rmsprop]}
  learning_rate:
    - {when: {optimizer: adadelta}, log_uniform: [0.03, 3.0]}
    - {when: {optimizer: adam}, log_uniform: [1.0e-4, 1.0e-2]}
    - {when: {optimizer: adamw}, log_uniform: [1.0e-4, 3.0e-2]}
    - {when: {optimizer: sgd}, log_uniform: [1.0e-3, 1.0]}
    - {when: {optimizer: rmsprop}, log_uniform: [1.0e-5, 3.0e-3]}
  dropout: {uniform: [0, 0.6]}
arms:
  joint: {class_loss_weight: {log_uniform: [1.0e-4, 1.0]}}
  color_only: {class_loss_weight: 0}
objectives: {val/delta_e: min, val/top1: max}
contrasts:
  color: {treatment: joint, control: color_only, metric: test/delta_e}
margin: {test/delta_e: 0.5}
search: {trials_per_arm: 30, rechecks: 0}
confirm: {replicates: 2}
"""
ARM, NUM_SLOTS = "joint", 8
UNTRAINED = (16.0, -1 / 6)
"""Losses of an untrained network: CIEDE2000 of grey, and minus the share of names right by chance."""
ROWS = (
    ("tpe", "pareto_halving", "min_epochs=10", "reduction_factor=2"),
    ("tpe", "pareto_halving", "min_epochs=10", "reduction_factor=3"),
    ("random", "pareto_halving", "min_epochs=10", "reduction_factor=2"),
    ("random", "pareto_halving", "min_epochs=10", "reduction_factor=3"),
    ("tpe", "median", "min_epochs=10"),
)
"""Sampler, rule and its settings. The random sampler suggests the same trials whatever is stopped."""


def search(study: Study) -> tuple[int, float]:
    """The arm's search on virtual slots: epochs spent, hypervolume of the trials that reached the last epoch."""
    arm_search, images, objectives = ArmSearch(study, ARM, []), analytic_images(study.data_config()), []
    build = RULES[study.search.early_stopping]
    rule = build(study) if build else None
    num_epochs, num_trials = 0, study.search.trials_per_arm
    entries, records, generators = [], [], []
    due: list[tuple[int, int]] = []
    """When each running trial records next, and its number."""
    now = 0
    while due or len(entries) < num_trials:
        while len(due) < NUM_SLOTS and len(entries) < num_trials:
            settings, sampler = arm_search.ask()
            entry = make_entry(study, ARM, settings, phase="search", number=len(entries), replicate=0)
            entry = replace(entry, sampler=sampler, searched=settings)
            trial = Trial.from_json({"config": entry.config, "data": entry.data, "phase": "search"})
            heapq.heappush(due, (now + 1, entry.number))
            entries.append(entry)
            records.append([])
            generators.append(start(trial, images))
        now, number = heapq.heappop(due)
        entry, record = entries[number], next(generators[number])
        records[number].append(record)
        num_epochs += 1
        epoch, goes_on = int(record["epoch"]), True
        if rule is not None:
            rule.note(entry.rivals, entry.name, record)
            goes_on = not rule.decides(epoch) or rule.goes_on(entry.rivals, entry.name, epoch)
        if goes_on and epoch < study.epochs:
            arm_search.hear(number, record)
            heapq.heappush(due, (now + 1, number))
            continue
        generators[number].close()
        arm_search.tell(replace(entry, state="done" if goes_on else "stopped"), records[number])
        if goes_on:
            objectives.append(losses_of(record, study.arm_objectives(ARM)))
    return num_epochs, hypervolume(objectives)


def hypervolume(losses: list[Losses]) -> float:
    """Area between the points and that of an untrained network."""
    area, lowest = 0.0, UNTRAINED[1]
    for one, other in sorted(losses):
        if one < UNTRAINED[0] and other < lowest:
            area += (UNTRAINED[0] - one) * (lowest - other)
            lowest = other
    return area


@cache
def undisturbed(sampler: str, seed: int) -> tuple[int, float]:
    return search(parse_study(STUDY, overrides=[f"seed={seed}", f"search.sampler={sampler}"]))


def shares(sampler: str, rule: str, *settings: str, seeds: range) -> dict[str, float]:
    """Means over seeds of epochs spent and hypervolume kept, each over that of the search without early stopping."""
    epochs, volumes = [], []
    for seed in seeds:
        changes = [f"seed={seed}", f"search.sampler={sampler}", f"search.early_stopping={rule}"]
        study = parse_study(STUDY, overrides=[*changes, *(f"search.{setting}" for setting in settings)])
        all_epochs, whole = undisturbed(sampler, seed)
        spent, kept = search(study)
        epochs.append(spent / all_epochs)
        volumes.append(kept / whole)
    error = statistics.stdev(volumes) / math.sqrt(len(seeds)) if len(seeds) > 1 else math.nan
    return {
        "share_epochs": round(statistics.mean(epochs), 3),
        "share_hypervolume": round(statistics.mean(volumes), 3),
        "standard_error": round(error, 3),
        "lowest_hypervolume": round(min(volumes), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=100)
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    print(f"{f'seeds {seeds[0]} to {seeds[-1]}':58}{'epochs':>8}{'hypervolume':>13}{'s.e.':>7}{'lowest':>8}")
    rows = {}
    for row in ROWS:
        name = ", ".join(row)
        rows[name] = shares(*row, seeds=seeds)
        epochs, volume, error, lowest = rows[name].values()
        print(f"{name:58}{epochs:8.3f}{volume:13.3f}{error:7.3f}{lowest:8.3f}", flush=True)
    first = next(iter(rows.values()))
    print(json.dumps({"benchmark": "early_stopping", "seeds": [seeds[0], seeds[-1]], **first, "rows": rows}))


if __name__ == "__main__":
    main()
