"""drive.py: which trials a study trains, in which order, and which it spares; one slot stands in for Ray."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from study.drive import drive
from study.execution.worker import LedgerTrainable
from study.ledger.ledger import Ledger
from study.results.status import time_left
from study.search.selection import RECHECK_REPLICATE
from tests.study.analytic import TEXT
from tests.study.finished_study import OneSlot, finished_study, opened_study

FOLDS = """\
name: folds
question: Does naming help to colour, and colouring to name?
data: {dataset: analytic}
base: {epochs: 6, optimizer: adamw}
space:
  learning_rate: {log_uniform: [2.0e-3, 4.0e-3]}
arms:
  joint: {class_loss_weight: {log_uniform: [5.0e-3, 2.0e-2]}}
  color_only: {class_loss_weight: 0}
  class_only: {color_loss_weight: 0, class_loss_weight: 1}
  no_fusion: {fusion: false, class_loss_weight: {log_uniform: [5.0e-3, 2.0e-2]}}
objectives: {val/delta_e: min, val/p_true: max}
compromise: {val/delta_e: 0.5, val/p_true: 0.03}
contrasts:
  color: {treatment: joint, control: color_only, metric: test/delta_e}
  naming: {treatment: joint, control: class_only, metric: test/p_true}
controls:
  fusion: {treatment: joint, control: no_fusion, metric: test/delta_e}
margin: {test/delta_e: 0.5, test/p_true: 0.5}
search: {trials_per_arm: 3, sampler: random}
confirm: {folds: 4, looks: [1, 2], twins: true}
"""


@pytest.fixture(scope="module")
def printed() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory, printed: Console) -> Ledger:
    return finished_study(tmp_path_factory.mktemp("driven"), FOLDS, printed)


def verdicts(ledger: Ledger) -> dict[str, dict[str, Any]]:
    rows = json.loads((ledger.folder / "report" / "verdict.json").read_text())["contrasts"]
    return {row["contrast"]: row for row in rows}


def test_every_fold_searches_every_arm_of_the_question(ledger: Ledger) -> None:
    counts = pd.Series([entry.rivals for entry in ledger.entries("search")]).value_counts()
    assert set(counts) == {3}
    assert {fold for fold, _ in counts.index} == {0, 1, 2, 3}


def test_no_trial_of_a_fold_sees_what_the_fold_is_tested_on(ledger: Ledger) -> None:
    photos = pd.read_parquet(ledger.folder / "results" / "photos.parquet")
    tested = photos.groupby("fold")["photo"].agg(set)
    assert sum(map(len, tested)) == 120 == len(set.union(*tested))
    assert all("test/delta_e" not in ledger.records(one.name)[-1] for one in ledger.entries() if one.phase != "confirm")


def test_the_best_settings_run_again_before_one_is_chosen(ledger: Ledger) -> None:
    again = ledger.entries("recheck")
    assert again and {entry.replicate for entry in again} == {RECHECK_REPLICATE}
    chosen = {entry.source for entry in ledger.entries("confirm")}
    assert chosen <= {entry.source for entry in again}


def test_a_contrast_that_is_settled_early_is_trained_no_further(ledger: Ledger, printed: Console) -> None:
    rows = verdicts(ledger)
    assert (rows["naming"]["look"], rows["naming"]["verdict"]) == (1, "no difference within the margin")
    named = [entry for entry in ledger.entries("confirm") if entry.setting == "class_only"]
    assert {entry.replicate for entry in named} == {1}
    assert "Look 1 of 2: " in printed.file.getvalue()  # type: ignore[attr-defined]


def test_what_explains_an_effect_is_searched_and_trained_once_there_is_one(ledger: Ledger) -> None:
    rows = verdicts(ledger)
    assert rows["color"]["verdict"].startswith("helps")
    settings = {entry.setting for entry in ledger.entries("confirm")}
    assert {"no_fusion", "joint.color.color.twin"} <= settings
    assert "joint.naming.class.twin" not in settings, "naming found no effect"
    assert rows["fusion"]["verdict"].startswith("helps") and rows["fusion"]["num_looks"] == 1
    last_of_question = max(one.ended for one in ledger.entries("confirm") if one.setting == "joint.color")
    assert min(one.started for one in ledger.entries("search") if one.arm == "no_fusion") > last_of_question


def one_question(margin: str) -> str:
    """Colouring alone is asked about, and naming is weighed so heavily that it does nothing to it."""
    joint, naming = (
        "{class_loss_weight: {log_uniform: [5.0e-3, 2.0e-2]}}",
        "  naming: {treatment: joint, control: class",
    )
    text = FOLDS.replace(f"joint: {joint}", "joint: {class_loss_weight: 30}").replace("compromise:", "# compromise:")
    text = text.replace(naming, f"# {naming}").replace(", test/p_true: 0.5", "").replace("name: folds", "name: none")
    return text.replace("  class_only", "#  class_only").replace("test/delta_e: 0.5", f"test/delta_e: {margin}")


def test_what_the_first_look_leaves_open_is_trained_on_to_the_second(tmp_path: Path) -> None:
    ledger = finished_study(tmp_path, one_question(margin="0.001"))
    color = verdicts(ledger)["color"]
    assert (color["look"], color["num_looks"], color["num_replicates"]) == (2, 2, 2)
    assert {(entry.fold, entry.replicate) for entry in ledger.entries("confirm")} == {
        (fold, replicate) for fold in range(4) for replicate in (1, 2)
    }


def test_without_an_effect_nothing_is_spent_on_explaining_one(tmp_path: Path) -> None:
    none = one_question(margin="0.5")
    console = Console(file=io.StringIO(), width=200)
    ledger = finished_study(tmp_path, none, console)
    assert {entry.arm for entry in ledger.entries()} == {"joint", "color_only"}
    assert not any(entry.setting.endswith(".twin") for entry in ledger.entries())
    assert "controls and twins are not trained" in console.file.getvalue()  # type: ignore[attr-defined]
    fusion = verdicts(ledger)["fusion"]
    assert (fusion["verdict"], fusion["settled"]) == ("not testable", True)
    assert fusion["note"] == "not trained: no primary contrast found an effect that it could explain"


def test_one_network_is_judged_on_both_tasks(ledger: Ledger) -> None:
    rows = verdicts(ledger)
    both = [rows["both, color"], rows["both, naming"]]
    assert {row["treatment"] for row in both} == {"joint.both"} and {row["family"] for row in both} == {"both"}


@pytest.fixture(scope="module")
def order(ledger: Ledger) -> list[str]:
    """The trials in the order in which they began."""
    return [entry.name for entry in sorted(ledger.entries(), key=lambda one: one.started)]


@pytest.mark.parametrize(
    "began",
    [
        "search-f01-1",
        "recheck-f03",
        "confirm-f02-1",
        "joint.color-confirm-f03",
        "no_fusion-search-f02-1",
        "twin-confirm",
    ],
)
def test_an_interrupted_study_ends_as_if_never_stopped(
    ledger: Ledger, order: list[str], tmp_path: Path, began: str
) -> None:
    stop_after = next(number for number, name in enumerate(order) if began in name)
    study, mine, handed = opened_study(tmp_path, FOLDS)
    with pytest.raises(KeyboardInterrupt):
        drive(OneSlot(study, handed, stop_after), Console(quiet=True))  # type: ignore[arg-type]
    stopped = {entry.name: entry for entry in mine.entries() if entry.finished}
    assert not time_left(mine, study, mine.entries()).startswith("finished")
    drive(OneSlot(study, handed), Console(quiet=True))  # type: ignore[arg-type]
    assert {name: mine.entry(name) for name in stopped} == stopped
    assert mine.names() == ledger.names()
    own, other = verdicts(mine), verdicts(ledger)
    assert {name: row["effect"] for name, row in own.items()} == {name: row["effect"] for name, row in other.items()}


def test_controls_that_all_fail_do_not_stop_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = LedgerTrainable.step

    def failing(self: LedgerTrainable) -> dict[str, Any]:
        if not self.name_in_ledger.startswith("no_fusion"):
            return step(self)
        return {
            "done": True,
            "end": "failed",
            "failure_kind": "not_finite",
            "failure_message": "train/color_loss is nan",
        }

    monkeypatch.setattr(LedgerTrainable, "step", failing)
    console = Console(file=io.StringIO(), width=200)
    ledger = finished_study(tmp_path, FOLDS, console)
    assert "no_fusion in fold 1, 2, 3, 4: no search trial" in console.file.getvalue()  # type: ignore[attr-defined]
    assert any(entry.setting == "joint.color.color.twin" for entry in ledger.entries("confirm"))
    fusion = verdicts(ledger)["fusion"]
    assert fusion["verdict"] == "not testable" and "no setting of no_fusion was chosen" in fusion["note"]


def test_a_study_without_folds_has_one_look(tmp_path: Path) -> None:
    rows = verdicts(finished_study(tmp_path, TEXT))
    assert {(row["num_looks"], row["look"]) for row in rows.values()} == {(1, 1)}
