"""Where a script would read, `--json` prints JSON and nothing else on stdout, with the numbers of the tables."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study.terminal import plain
from tests.study.cli.test_main import make_photos, refused
from tests.study.command_here import here
from tests.study.commands import write_study
from tests.study.finished_study import finished_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished study of formulas in it."""
    folder = tmp_path_factory.mktemp("json")
    finished_study(folder)
    return folder


def printed(folder: Path, *arguments: str | Path) -> dict[str, Any]:
    """All of stdout, read as JSON."""
    done = here(folder, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_status_counts_the_trials_of_the_ledger(folder: Path) -> None:
    document = printed(folder, "status", "analytic")
    assert document["study"] == "analytic" and document["folder"] == str(folder / "analytic")
    rows = {(row["phase"], row["setting"]): row for row in document["trials"]}
    ends = rows["search", "joint"]
    # Four search trials of six epochs, none stopped early; three replicates of each confirmed setting.
    assert (ends["done"], ends["failed"], ends["epochs"]) == (4, 0, 24)
    assert rows["confirm", "color_only"]["done"] == 3


def test_report_prints_the_verdict_it_wrote(folder: Path) -> None:
    document = printed(folder, "report", "analytic")
    page = Path(document.pop("report"))
    assert page.is_file()
    assert document == json.loads((page.parent / "verdict.json").read_text())


def test_reproduce_says_same(folder: Path) -> None:
    document = printed(folder, "reproduce", "analytic", "joint-search-1")
    assert (document["same"], document["num_records"], document["first_difference"]) == (True, 6, [])


def test_a_plan_counts_what_a_launch_would_train(tmp_path: Path) -> None:
    document = printed(tmp_path, "launch", write_study(tmp_path), "--dry-run")
    confirm = [row for row in document["plan"] if row["phase"] == "confirm"]
    assert sum(row["epochs"] for row in document["plan"]) == 144
    assert [(row["arm"], row["trials"], row["exact"]) for row in confirm] == [
        ("joint", 6, False), ("color_only", 3, True), ("class_only", 3, True)
    ]  # fmt: skip
    assert document["folder"] == str(tmp_path / "studies" / "analytic")
    assert "goes with --dry-run" in refused(tmp_path, "launch", tmp_path / "study.yaml", "--json")


def test_data_commands_count_the_photos_and_write_the_page(tmp_path: Path) -> None:
    make_photos(tmp_path, {"Apple": 6, "Pear": 6})
    # A person is told of it, and that must not stand among the JSON.
    (tmp_path / "photos" / "Apple" / "broken.png").write_bytes(b"")
    options = ("folder", "--source", "photos", "--image-size", "16")
    prepared = printed(tmp_path, "data", "prepare", *options)
    assert prepared["num_photos"] == 12 == sum(prepared["cut"].values()) and prepared["classes"] == ["Apple", "Pear"]
    assert (Path(prepared["prepared"]) / "manifest.json").is_file()
    checked = printed(tmp_path, "data", "check", *options)
    assert [row["num_files"] for row in checked["classes"]] == [7, 6] and Path(checked["page"]).is_file()


def test_a_number_that_is_not_finite_is_null() -> None:
    document = {"path": Path("a"), "pair": (np.float32(0.5), float("nan")), 3: float("inf")}
    assert plain(document) == {"path": "a", "pair": [0.5, None], "3": None}
