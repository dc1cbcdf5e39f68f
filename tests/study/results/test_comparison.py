"""comparison.py: two finished studies side by side, and what of them may not be compared."""

import json
from pathlib import Path
from typing import Any

import pytest

from study.results.comparison import compare, read_side
from tests.study.analytic import TEXT
from tests.study.cli.test_main import refused
from tests.study.command_here import here
from tests.study.finished_study import finished_study

SAME_PHOTOS = (
    TEXT.replace("name: analytic", "name: wider")
    .replace("test/delta_e: 0.5", "test/delta_e: 2.0")
    .replace("replicates: 3", "replicates: 4")
    .replace("naming: {treatment: joint, control: class_only, metric: test/top1}",
             "naming: {treatment: joint, control: class_only, metric: test/top1}\n"
             "  sharp: {treatment: joint, control: color_only, metric: test/psnr}")
    .replace("test/top1: 0.03}", "test/top1: 0.03, test/psnr: 1}")
)  # fmt: skip
OTHER_PHOTOS = TEXT.replace("name: analytic", "name: other\nseed: 1").replace(
    "dataset: analytic", "dataset: analytic, image_size: 64"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three finished studies of formulas."""
    folder = tmp_path_factory.mktemp("compared")
    for text in (TEXT, SAME_PHOTOS, OTHER_PHOTOS):
        finished_study(folder, text)
    return folder


def compared(folder: Path, b: str) -> dict[str, Any]:
    return compare(read_side(folder / "analytic"), read_side(folder / b))


def test_every_field_that_differs_is_named_with_both_values(folder: Path) -> None:
    found = compared(folder, "wider")
    assert {row["field"]: (row["a"], row["b"]) for row in found["in_file"]} == {
        "name": ("analytic", "wider"),
        "confirm.replicates": (3, 4),
        "contrasts.sharp.control": ("absent", "color_only"),
        "contrasts.sharp.metric": ("absent", "test/psnr"),
        "contrasts.sharp.question": ("absent", ""),
        "contrasts.sharp.treatment": ("absent", "joint"),
        "margin.test/delta_e": (0.5, 2.0),
        "margin.test/psnr": ("absent", 1.0),
    }
    assert found["outside"] == [] and found["not_comparable"] == []


def test_verdicts_stand_beside_each_other_as_each_report_has_them(folder: Path) -> None:
    found = {row["contrast"]: row for row in compared(folder, "wider")["contrasts"]}
    for key, name in (("a", "analytic"), ("b", "wider")):
        verdict = json.loads((folder / name / "report" / "verdict.json").read_text())
        for row in verdict["contrasts"]:
            assert found[row["contrast"]][key].items() <= row.items()
    assert found["naming"]["comparable"] and found["naming"]["why_not"] == ""
    assert "other margin (0.5 and 2.0)" in found["color"]["why_not"] and not found["color"]["comparable"]
    assert found["sharp"]["a"] is None and found["sharp"]["why_not"] == "only one study has it"


def test_settings_and_cost_are_those_of_the_ledger(folder: Path) -> None:
    found = compared(folder, "wider")
    trial = next(row for row in found["settings"] if (row["contrast"], row["side"]) == ("color", "control"))["a"]
    entry = json.loads((folder / "analytic" / "trials" / trial["trial"] / "trial.json").read_text())
    assert trial["settings"] == entry["searched"] and "learning_rate" in trial["settings"]
    # 12 search trials; joint confirms two settings, the other arms one each: 4 x 3 and 4 x 4 trials, of 6 epochs.
    assert (found["cost"]["a"]["trials"], found["cost"]["a"]["epochs"]) == (24, 144)
    assert found["cost"]["b"]["epochs"] == 6 * found["cost"]["b"]["trials"]


def test_other_photos_and_sizes_forbid_the_comparison(folder: Path) -> None:
    found = compared(folder, "other")
    words = " ".join(found["not_comparable"])
    assert "Other image size (128 and 64 px)" in words and "Other test photos (seed)" in words
    assert not any(row["comparable"] for row in found["contrasts"])
    assert {"what": "photos' digest", "a": "analytic-0", "b": "analytic-1"} in found["outside"]


def test_a_study_with_itself_differs_in_nothing(folder: Path) -> None:
    found = compared(folder, "analytic")
    assert (found["in_file"], found["outside"], found["not_comparable"]) == ([], [], [])
    assert all(row["comparable"] and row["a"] == row["b"] for row in found["contrasts"])


def test_the_command_prints_tables_and_json(folder: Path) -> None:
    table = here(folder, "compare", "analytic", "other")
    assert table.returncode == 0, table.stderr
    assert all(
        word in table.stdout for word in ("What differs", "May not be compared", "Chosen settings", "device hours")
    )
    document = json.loads(here(folder, "compare", "analytic", "wider", "--json").stdout)
    assert document == json.loads(json.dumps(compared(folder, "wider"), default=str))


def test_a_study_without_report_is_refused_with_the_command_that_writes_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "study.yaml").write_text(TEXT)
    message = refused(tmp_path, "compare", folder / "analytic", "begun")
    assert "tintune report begun" in message
    assert "no study.yaml" in refused(tmp_path, "compare", folder / "analytic", "nothing")
