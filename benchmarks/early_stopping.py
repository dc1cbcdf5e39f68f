"""Non-dominated halving: epochs spent and hypervolume kept, beside the same search with no trial stopped.

    python benchmarks/early_stopping.py [NUM_SEEDS]

One arm with both objectives on the analytic surface, 30 trials of 60 epochs, as in `study/catalog/ncd-task-effects.yaml`.
The searcher's ArmSearch and the scheduler's rule are driven directly, with virtual slots instead of Ray. Hypervolume is
that of full-budget trials alone (no other is ever confirmed), from the point of an untrained network.
Prints a table and, last, one JSON line.
"""

import heapq
import json
import statistics
import sys
from collections.abc import Generator
from dataclasses import replace

from study.entries import make_entry
from study.proposals import ArmSearch
from study.stopping_rules import RULES, Losses, losses_of
from study.study_file import Study, parse_study
from trainables.analytic_surface import analytic_images
from trainables.records import Record
from trainables.trial import End, Trial, start

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
search: {trials_per_arm: 30, sampler: tpe}
confirm: {replicates: 2}
"""
ARM, NUM_SLOTS, NUM_SEEDS = "joint", 8, 20
UNTRAINED = (16.0, -1 / 6)
"""Losses of an untrained network: CIEDE2000 of grey, and minus the share of names right by chance."""


def search(study: Study, rule_name: str) -> tuple[int, list[Losses]]:
    """Runs the arm's search on virtual slots: epochs spent, and the losses of the trials that reached the last epoch."""
    arm_search = ArmSearch(study, ARM, [])
    build = RULES[rule_name]
    rule = None if build is None else build(study)
    images = analytic_images(study.data_config())
    objectives = study.arm_objectives(ARM)
    num_epochs, finished, num_asked = 0, [], 0
    running: list[tuple[int, int]] = []
    """When each running trial records next, and its number."""
    trials: dict[int, tuple[Generator[Record, None, End], list[Record]]] = {}
    now = 0
    entries = {}
    while running or num_asked < study.search.trials_per_arm:
        while len(running) < NUM_SLOTS and num_asked < study.search.trials_per_arm:
            settings, sampler = arm_search.ask()
            entry = make_entry(study, ARM, settings, phase="search", number=num_asked, replicate=0)
            entries[num_asked] = replace(entry, sampler=sampler, searched=settings)
            trial = Trial.from_json({"config": entry.config, "data": entry.data, "phase": "search"})
            trials[num_asked] = start(trial, images), []
            heapq.heappush(running, (now + 1, num_asked))
            num_asked += 1
        now, number = heapq.heappop(running)
        generator, records = trials[number]
        record = next(generator)
        records.append(record)
        num_epochs += 1
        epoch = int(record["epoch"])
        entry = entries[number]
        state = "running"
        if rule is not None:
            rule.note(ARM, entry.name, record)
        if epoch == study.epochs:
            state = "done"
            finished.append(losses_of(record, objectives))
        elif rule is not None and rule.decides(epoch) and not rule.goes_on(ARM, entry.name, epoch):
            state = "stopped"
        if state == "running":
            arm_search.hear(number, record)
            heapq.heappush(running, (now + 1, number))
        else:
            generator.close()
            arm_search.tell(replace(entry, state=state), records)
    return num_epochs, finished


def hypervolume(losses: list[Losses]) -> float:
    """Area between the points and that of an untrained network."""
    area, lowest = 0.0, UNTRAINED[1]
    for one, other in sorted(losses):
        if one < UNTRAINED[0] and other < lowest:
            area += (UNTRAINED[0] - one) * (lowest - other)
            lowest = other
    return area


def main() -> None:
    num_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else NUM_SEEDS
    rows = []
    for sampler in ("tpe", "random"):
        for rule in ("pareto_halving", "median"):
            shares = []
            for seed in range(num_seeds):
                study = parse_study(STUDY, overrides=[f"seed={seed}", f"search.sampler={sampler}", *sys.argv[2:]])
                (all_epochs, everything), (epochs, kept) = search(study, "none"), search(study, rule)
                shares.append((epochs / all_epochs, hypervolume(kept) / hypervolume(everything)))
            rows.append((sampler, rule, *map(statistics.mean, zip(*shares, strict=True)), min(h for _, h in shares)))
            print(*rows[-1], flush=True)


if __name__ == "__main__":
    main()
