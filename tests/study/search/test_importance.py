"""importance.py: conditional PED-ANOVA from the ledger, on searches whose answer is planted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study.definition.load import parse_study
from study.definition.study import Study
from study.ledger.ledger import Entry, Ledger
from study.search.arm_search import ArmSearch
from study.search.importance import MIN_TRIALS, importance_rows
from tests.study.analytic import TEXT

SPACE = """\
space:
  optimizer: {choice: [adamw, sgd]}
  learning_rate:
    - {when: {optimizer: adamw}, log_uniform: [1.0e-4, 3.0e-2]}
    - {when: {optimizer: sgd}, log_uniform: [1.0e-3, 1.0]}
  dropout: {uniform: [0, 0.6]}
"""
STUDY = TEXT.replace("space:\n  learning_rate: {log_uniform: [1.0e-4, 3.0e-2]}\n", SPACE).replace(
    "base: {epochs: 6, optimizer: adamw}", "base: {epochs: 6}"
)


def searched(folder: Path, num_trials: int, score: Any, states: dict[int, str] | None = None) -> tuple[Study, Ledger]:
    """A ledger of color_only's search; score(settings) is its colour error, the same in each epoch."""
    folder.mkdir(exist_ok=True)
    study, ledger = parse_study(STUDY), Ledger(folder)
    search = ArmSearch(study, "color_only", [])
    for number in range(num_trials):
        settings, sampler = search.ask()
        state = (states or {}).get(number, "done")
        entry = Entry(
            arm="color_only", phase="search", number=number, replicate=0, state=state, config={}, data={},
            sampler=json.loads(json.dumps(sampler)), searched=settings,
        )  # fmt: skip
        epochs = range(1, 2 if state == "stopped" else 7)
        ledger.write(entry)
        ledger.write_records(entry.name, [{"epoch": e, "val/delta_e": score(settings) - 0.1 * e} for e in epochs])
    return study, ledger


def by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["setting_name"]: row for row in rows}


def test_a_planted_influence_is_beyond_chance_and_idle_settings_are_not(tmp_path: Path) -> None:
    # Best in the middle of its range: no straight line would see it.
    rows = importance_rows(*searched(tmp_path, 40, lambda one: abs(one["dropout"] - 0.3)))
    found = by_name(rows)
    assert rows[0]["setting_name"] == "dropout" and rows[0]["importance"] > 0.5
    assert found["dropout"]["importance"] > found["dropout"]["by_chance"]
    assert found["learning_rate@sgd"]["importance"] < found["learning_rate@sgd"]["by_chance"]
    assert sum(row["importance"] for row in rows) == pytest.approx(1)
    assert {(row["fold"], row["arm"], row["objective"]) for row in rows} == {(0, "color_only", "val/delta_e")}


def test_a_conditional_setting_counts_where_it_exists(tmp_path: Path) -> None:
    """With sgd the rate decides all; with adamw the same score whatever the rate."""

    def score(one: dict[str, Any]) -> float:
        return abs(np.log10(one["learning_rate"]) + 1.0) if one["optimizer"] == "sgd" else 1.2

    found = by_name(importance_rows(*searched(tmp_path, 60, score)))
    assert set(found) == {"optimizer", "dropout", "learning_rate@adamw", "learning_rate@sgd"}
    assert found["learning_rate@sgd"]["importance"] > found["learning_rate@sgd"]["by_chance"]
    assert found["learning_rate@adamw"]["importance"] <= found["learning_rate@adamw"]["by_chance"]


def test_it_is_the_best_trials_that_are_looked_at_and_not_the_worst(tmp_path: Path) -> None:
    """A high dropout makes the worst trials; among the others the optimizer makes the best."""

    def score(one: dict[str, Any]) -> float:
        return (10.0 if one["dropout"] > 0.5 else 0.0) + (one["optimizer"] == "sgd")

    rows = importance_rows(*searched(tmp_path, 40, score))
    assert rows[0]["setting_name"] == "optimizer"


def test_five_trials_stand_above_the_quantile_of_thirty_and_a_tenth_of_many(tmp_path: Path) -> None:
    rows = importance_rows(*searched(tmp_path / "thirty", 30, lambda one: one["dropout"]))
    assert {(row["num_trials"], row["quantile"]) for row in rows} == {(30, 5 / 30)}
    rows = importance_rows(*searched(tmp_path / "sixty", 60, lambda one: one["dropout"]))
    assert {row["quantile"] for row in rows} == {0.1}


def test_too_few_trials_say_nothing(tmp_path: Path) -> None:
    assert importance_rows(*searched(tmp_path / "few", MIN_TRIALS - 1, lambda one: one["dropout"])) == []
    failed = {3: "failed"}
    assert importance_rows(*searched(tmp_path / "failed", MIN_TRIALS, lambda one: one["dropout"], failed)) == []


def test_scores_are_those_of_the_last_epoch_that_all_reached_and_repeat(tmp_path: Path) -> None:
    states = {number: "stopped" for number in range(0, 20, 2)}
    study, ledger = searched(tmp_path, 20, lambda one: one["dropout"], states)
    rows = importance_rows(study, ledger)
    # Were the last epochs mixed, every trial that went on would be better by half, and dropout would count for less.
    assert {row["num_trials"] for row in rows} == {20} and rows[0]["setting_name"] == "dropout"
    assert importance_rows(study, ledger) == rows


def test_scores_that_are_not_numbers_are_left_out(tmp_path: Path) -> None:
    def score(one: dict[str, Any]) -> float:
        return float("nan") if one["optimizer"] == "sgd" else one["dropout"]

    rows = importance_rows(*searched(tmp_path, 50, score))
    assert rows and {row["num_trials"] for row in rows} < set(range(15, 40))
