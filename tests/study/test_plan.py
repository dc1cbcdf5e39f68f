"""plan.py: trials, epochs and device time that a launch would take."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from study.definition.load import parse_study
from study.definition.study import Study
from study.plan import Estimate, estimate, plan_table
from study.results.status import duration
from tests.study.analytic import TEXT, analytic_study

ORCHARD = TEXT.replace(
    "{dataset: analytic}", "{dataset: orchard, image_size: 32, num_classes: 3, photos_per_class: 16, coupling: 1}"
).replace("epochs: 6,", "epochs: 6, width: 0.125, batch_size: 8,")


def rows(study: Study, found: Estimate) -> tuple[list[list[str]], str]:
    """The table as printed: its cells row by row, and all the text."""
    printed = io.StringIO()
    Console(width=300, file=printed).print(plan_table(study, found))
    text = printed.getvalue()
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    return [row for row in cells if row[1]], text


def test_device_time_is_epochs_times_the_arm_s_seconds() -> None:
    study = analytic_study("data.epoch_seconds=2.5")
    table, text = rows(study, estimate(study))
    # 4 trials of 6 epochs of 2.5 s; joint confirms up to two settings in 3 replicates.
    assert table[0][:5] == ["joint", "search", "4", "24", "1.0 min"]
    assert table[1][:5] == ["", "confirm", "≤ 6", "36", "1.5 min"]
    assert table[3][:5] == ["", "confirm", "3", "18", "45 s"]
    assert "144 epochs at most and 6.0 min" in text


def test_twins_are_counted() -> None:
    study = analytic_study("confirm.twins=true")
    table, _ = rows(study, estimate(study))
    assert table[1][2:4] == ["≤ 12", "72"]


def test_an_epoch_of_every_arm_is_timed_on_this_machine_and_grows_with_the_photos() -> None:
    study = parse_study(ORCHARD)
    found = estimate(study)
    assert set(found.epoch_seconds) == set(study.arms) and min(found.epoch_seconds.values()) > 0
    assert "48 photos" in found.basis and "1 threads a trial" in found.basis


def test_without_the_photos_device_time_is_unknown_and_the_plan_stands(tmp_path: Path) -> None:
    text = TEXT.replace("{dataset: analytic}", f"{{dataset: folder, root: {tmp_path / 'none'}, image_size: 32}}")
    found = estimate(parse_study(text))
    table, _ = rows(parse_study(text), found)
    assert table[0][4] == "?" and "the photos are not at" in found.basis


def test_photos_are_counted_without_decoding_them(tmp_path: Path) -> None:
    for name in ("Apple", "Pear"):
        (tmp_path / name).mkdir()
        for index in range(5):
            Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / name / f"{index}.png")
    data = f"{{dataset: folder, root: {tmp_path}, image_size: 32}}"
    text = ORCHARD.split("data:")[0] + f"data: {data}\nbase:" + ORCHARD.split("base:")[1]
    assert "10 photos" in estimate(parse_study(text)).basis


@pytest.mark.parametrize(
    ("seconds", "text"), [(45.2, "45 s"), (90, "1.5 min"), (3600 * 3.44, "3.4 h"), (3600 * 1234, "1,234 h")]
)
def test_a_duration_has_two_digits_and_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_folds_multiply_searches_and_what_waits_for_an_effect_is_marked() -> None:
    text = TEXT.replace("replicates: 3", "folds: 5, looks: [1, 2]").replace("rechecks: 0", "rechecks: 2")
    text = text.replace("objectives:", "  deaf: {shuffle_labels: true, class_loss_weight: 0.01}\nobjectives:")
    text = text.replace("margin:", "controls: {ear: {treatment: joint, control: deaf, metric: test/delta_e}}\nmargin:")
    study = parse_study(text)
    table, printed = rows(study, estimate(study))
    assert [row[:3] for row in table[:3]] == [
        ["joint", "search", "20"],
        ["", "recheck", "≤ 20"],
        ["", "confirm", "≤ 20"],
    ]
    assert [row[:3] for row in table if row[0].startswith("deaf")] == [["deaf *", "search", "≤ 20"]]
    assert "5 folds, each with a search of its own, looks after 1 and 2 replicates of each" in " ".join(printed.split())
    assert "* Only where a primary contrast finds an effect" in printed
