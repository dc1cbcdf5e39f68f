"""ledger.py and files.py: what is on disk is whole, and says what was put there."""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from study.ledger.ledger import Entry, Ledger
from study.search.selection import make_entry
from study.storage.files import write_bytes, write_json
from tests.study.analytic import analytic_study


def entry(**fields: object) -> Entry:
    made = make_entry(analytic_study(), "color_only", {"learning_rate": 1e-3}, phase="search", number=0, replicate=0)
    return dataclasses.replace(made, **fields)


def test_an_entry_comes_back_as_it_was_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(entry())
    assert ledger.names() == ["color_only-search-0"]
    assert ledger.entry("color_only-search-0") == entry()


def test_a_folder_without_an_entry_is_no_trial_and_known_trials_can_be_left_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.names() == []
    for number in (1, 0):
        ledger.write(entry(number=number))
    (ledger.trials / "color_only-search-2").mkdir()
    assert ledger.names() == ["color_only-search-0", "color_only-search-1"]
    assert ledger.names(besides={"color_only-search-0"}) == ["color_only-search-1"]


def test_confirm_trials_are_named_by_setting_and_replicate() -> None:
    confirmed = entry(phase="confirm", setting="joint.color", number=3, replicate=3, arm="joint")
    assert confirmed.name == "joint.color-confirm-3"


def test_a_continued_trial_keeps_its_first_start(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(entry())
    first = ledger.start("color_only-search-0")
    again = ledger.start("color_only-search-0")
    assert first.state == "running" and again.started == first.started


@pytest.mark.parametrize("torn", ['{"epoch": 3, "val/del', "", '{"epoch": 7}', "null"])
def test_a_half_written_end_is_dropped(tmp_path: Path, torn: str) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(entry())
    ledger.write_records(entry().name, [{"epoch": 1, "x": 0.5}, {"epoch": 2, "x": 0.25}])
    path = ledger.trial_folder(entry().name) / "epochs.jsonl"
    path.write_text(path.read_text() + torn)
    assert [record["epoch"] for record in ledger.records(entry().name)] == [1, 2]


def test_a_number_that_is_not_finite_is_kept_as_such(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(entry())
    ledger.write_records(entry().name, [{"epoch": 1, "x": math.nan}])
    assert "NaN" not in (ledger.trial_folder(entry().name) / "epochs.jsonl").read_text()
    assert math.isnan(float(ledger.records(entry().name)[0]["x"]))


def test_weights_stay_only_with_a_confirmed_trial(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for number, (phase, state, stays) in enumerate(
        [("search", "done", False), ("confirm", "done", True), ("confirm", "failed", False)]
    ):
        one = entry(phase=phase, number=number, setting="color_only" if phase == "confirm" else "")
        ledger.write(one)
        ledger.checkpoint(one.name).write_bytes(b"weights")
        ledger.end(one.name, state)
        assert ledger.checkpoint(one.name).exists() is stays


def test_a_ledger_of_another_format_is_refused_by_name(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(entry())
    path = ledger.trial_folder(entry().name) / "trial.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(ValueError, match=r"format 99, this version reads 2"):
        ledger.entries()


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"x": 1})
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(path, {"x": math.nan})
    assert json.loads(path.read_text()) == {"x": 1}
    write_bytes(path, b"{}")
    assert [child.name for child in tmp_path.iterdir()] == ["file.json"]
