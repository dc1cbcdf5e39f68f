"""`tintune init` and `schema`: a study file that runs as it is, and a schema beside it."""

import json
from pathlib import Path

import pytest

from study.definition.load import parse_study
from study.definition.template import DATA, schema_text, starter
from tests.study.cli.test_main import refused
from tests.study.command_here import here


def test_the_new_file_passes_its_dry_run_unchanged(tmp_path: Path) -> None:
    done = here(tmp_path, "init", "my-study.yaml")
    assert done.returncode == 0 and "tintune launch my-study.yaml --dry-run" in done.stdout
    text = (tmp_path / "my-study.yaml").read_text()
    first, schema = text.splitlines()[0], tmp_path / "study.schema.json"
    assert first == "# yaml-language-server: $schema=study.schema.json" and schema.read_text() == schema_text()
    planned = here(tmp_path, "launch", "my-study.yaml", "--dry-run", "--json")
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["study"] == "my-study"
    # A second init must not touch what the person wrote meanwhile.
    (tmp_path / "my-study.yaml").write_text("mine")
    assert "my-study.yaml exists" in refused(tmp_path, "init", "my-study.yaml")
    assert (tmp_path / "my-study.yaml").read_text() == "mine"


@pytest.mark.parametrize("dataset", DATA)
def test_it_is_a_study_of_every_data_set_and_its_controls_wait_in_comments(dataset: str) -> None:
    text = starter(Path("new.yaml"), dataset)
    assert parse_study(text).data["dataset"] == dataset
    for word in ("no_fusion: ", "shuffled_labels: ", "controls:", "  fusion: ", "  true_labels: "):
        text = text.replace(f"# {word}", word)
    assert set(parse_study(text).families["controls"]) == {"fusion", "true_labels"}


def test_schema_prints_what_init_writes(tmp_path: Path) -> None:
    assert here(tmp_path, "schema").stdout == schema_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("new.yaml", "--dataset", "cifar"), ("'cifar'", "orchard")),
        (("nowhere/new.yaml",), ("nowhere is no folder",)),
        (("new.txt",), ("'new.txt'", "my-study.yaml")),
        (("a study.yaml",), ("'a study.yaml'", "letters, digits")),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    message = refused(tmp_path, "init", *arguments)
    assert all(word in message for word in words), message
    assert list(tmp_path.iterdir()) == []
