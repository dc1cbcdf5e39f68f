"""progress.py: what a study has cost and how long it takes, from its folder alone."""

import dataclasses
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from study.ledger.ledger import Ledger
from study.results.status import DeviceRow, device_rows, status_rows, status_table, time_left
from study.search.selection import make_entry
from tests.study.analytic import analytic_study


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Two search trials of joint and one of color_only, six epochs each; the last has two, a minute apart."""
    made = Ledger(tmp_path)
    for arm, number, num_epochs in (("joint", 0, 6), ("joint", 1, 6), ("color_only", 0, 2)):
        entry = make_entry(analytic_study(), arm, {"learning_rate": 1e-3, "class_loss_weight": 0.1} if arm == "joint"
                           else {"learning_rate": 1e-3}, phase="search", number=number, replicate=0)  # fmt: skip
        made.write(dataclasses.replace(entry, state="done" if num_epochs == 6 else "running"))
        start = {("joint", 0): 0, ("joint", 1): 6, ("color_only", 0): 12}[arm, number]
        made.write_records(entry.name, [
            {"epoch": epoch, "time": f"2026-01-01T00:{start + epoch - 1:02}:00+00:00", "epoch_seconds": 50.0 + number}
            for epoch in range(1, num_epochs + 1)
        ])  # fmt: skip
    return made


def test_device_time_is_the_sum_of_epochs_by_phase_and_arm(ledger: Ledger) -> None:
    assert device_rows(ledger, ledger.entries()) == [
        DeviceRow(phase="search", arm="color_only", num_epochs=2, device_seconds=100.0),
        DeviceRow(phase="search", arm="joint", num_epochs=12, device_seconds=6 * 50.0 + 6 * 51.0),
    ]


def test_the_time_left_follows_from_the_pace_of_the_records(ledger: Ledger) -> None:
    (ledger.folder / "lease.json").write_text(json.dumps({"token": "a driver's"}))
    # Of 12 trials of 6 epochs two are done and a third has 2 epochs: 58 epochs left, at one a minute.
    assert time_left(ledger, analytic_study(), ledger.entries()) == "search: about 58 min left"


def test_a_study_that_nobody_drives_says_so(ledger: Ledger) -> None:
    assert time_left(ledger, analytic_study(), ledger.entries()).startswith("nobody drives it")


def test_a_study_is_finished_once_all_is_confirmed_and_reported(ledger: Ledger) -> None:
    def left() -> str:
        return time_left(ledger, analytic_study(), ledger.entries())

    for entry in ledger.entries():
        ledger.write(dataclasses.replace(entry, state="done"))
    assert left().startswith("nobody drives it")
    source = ledger.entries()[0]
    ledger.write(dataclasses.replace(source, phase="confirm", setting="joint", replicate=1, number=1, state="done"))
    assert left().startswith("nobody drives it")
    report = ledger.folder / "report" / "report.html"
    report.parent.mkdir()
    report.write_text("")
    assert left() == f"finished; report: {report}"
    ledger.write(dataclasses.replace(source, phase="confirm", setting="joint", replicate=2, number=2, state="queued"))
    assert left().startswith("nobody drives it")


def test_status_shows_the_states_there_are_and_names_whole(ledger: Ledger) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(status_table(analytic_study(), status_rows(ledger, ledger.entries())))
    shown = console.export_text()
    assert "color_only" in shown and "arm or setting" in shown and "running" in shown
    assert "failed" not in shown and "stopped" not in shown and "queued" not in shown


def test_a_clock_that_jumped_back_breaks_nothing(ledger: Ledger) -> None:
    (ledger.folder / "lease.json").write_text(json.dumps({"token": "a driver's"}))
    records = ledger.records("color_only-search-0")
    ledger.write_records("color_only-search-0", [{**one, "time": "2025-12-31T05:00:00+00:00"} for one in records])
    assert "left" in time_left(ledger, analytic_study(), ledger.entries())
