"""Which settings of the search went with the score: conditional PED-ANOVA of every arm and fold.

PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023), as Optuna 5 extends it to settings that exist only under another
one (conditional PED-ANOVA, arXiv 2601.20800). It asks how far the values of the best trials differ from those of all
trials of the arm.
"""

import math
import warnings
from collections import defaultdict
from typing import Any

import numpy as np
import optuna
from optuna.distributions import json_to_distribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, create_trial

from study.definition.study import Study
from study.ledger.ledger import Entry, Ledger
from trainables.records import Record
from trainables.seeds import derive_seed

MIN_TRIALS = 15
"""With fewer the best five, below which PED-ANOVA is unsteady, are more than a third of all: no longer the best."""
NUM_BEST, BEST_SHARE = 5, 0.1
NUM_DEALS = 39
"""Times that the scores are dealt out anew: an idle setting exceeds the second largest of these in 2 of 40 cases."""


def importance_rows(study: Study, ledger: Ledger) -> list[dict[str, Any]]:
    """One row a fold, arm, objective and searched setting (under Optuna's name, such as `learning_rate@sgd`).

    Keys: fold, arm, objective, setting_name, importance (shares that sum to 1 over the arm's settings), by_chance (in
    the same unit: what one setting in twenty without influence would exceed), num_trials, quantile. Scores are those of
    the last epoch that all ended trials of the arm reached. Arms with fewer than MIN_TRIALS of them have no rows.
    """
    ended = [one for one in ledger.entries("search") if one.state in ("done", "stopped") and one.sampler]
    records = ledger.all_records([entry.name for entry in ended])
    groups: dict[tuple[int, str], list[Entry]] = defaultdict(list)
    for entry in ended:
        if records[entry.name]:
            groups[getattr(entry, "fold", 0), entry.arm].append(entry)
    rows = []
    for (fold, arm), entries in sorted(groups.items()):
        if arm not in study.arms or len(entries) < MIN_TRIALS:
            continue
        epoch = min(len(records[entry.name]) for entry in entries)
        at_epoch = [records[entry.name][epoch - 1] for entry in entries]
        for objective, better in study.arm_objectives(arm).items():
            loss_N = _losses(at_epoch, objective, better)
            scored = [entry for entry, loss in zip(entries, loss_N, strict=True) if math.isfinite(loss)]
            loss_N = loss_N[np.isfinite(loss_N)]
            if len(scored) < MIN_TRIALS:
                continue
            rng = np.random.default_rng(derive_seed(study.seed, "importance", arm, fold))
            quantile = max(BEST_SHARE, NUM_BEST / len(scored))
            named = {"fold": fold, "arm": arm, "objective": objective}
            counted = {"num_trials": len(scored), "quantile": quantile}
            rows += [{**named, **found, **counted} for found in _importances(scored, loss_N, quantile, rng)]
    return rows


def _losses(records: list[Record], objective: str, better: str) -> np.ndarray:
    sign = 1.0 if better == "min" else -1.0
    return np.array([sign * float(record.get(objective, math.nan)) for record in records])


def _importances(
    entries: list[Entry], loss_N: np.ndarray, quantile: float, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Each setting's share of what all settings explain, and the share that chance reaches, largest first."""
    study = optuna.create_study()
    study.add_trials([_trial(entry, loss) for entry, loss in zip(entries, loss_N, strict=True)])
    evaluator = PedAnovaImportanceEvaluator(target_quantile=quantile)

    def divergences(loss_N: np.ndarray) -> dict[str, float]:
        with warnings.catch_warnings():
            # Regimes of one trial, which are left out, and that a target is to be low, which it is.
            warnings.simplefilter("ignore")
            return evaluator.evaluate(study, target=lambda trial: float(loss_N[trial.number]))

    seen = divergences(loss_N)
    dealt = [divergences(rng.permutation(loss_N)) for _ in range(NUM_DEALS)]
    total = sum(seen.values()) or 1.0
    found = [
        {
            "setting_name": name,
            "importance": value / total,
            "by_chance": sorted(one[name] for one in dealt)[-2] / total,
        }
        for name, value in sorted(seen.items())
    ]
    return sorted(found, key=lambda one: -one["importance"])


def _trial(entry: Entry, loss: float) -> FrozenTrial:
    distributions = {name: json_to_distribution(text) for name, text in entry.sampler["distributions"].items()}
    return create_trial(value=float(loss), params=entry.sampler["params"], distributions=distributions)
