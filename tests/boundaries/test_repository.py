"""What people look for in a repository is there, and says what is so."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("vendor.citation-file-format", "CITATION.cff"),
        ("vendor.github-workflows", ".github/workflows/ci.yml"),
        ("custom.github-workflows-require-timeout", ".github/workflows/ci.yml"),
    ],
)
def test_a_file_for_others_follows_their_schema(schema: str, name: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(ROOT / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_citation_names_this_version_and_what_we_stand_on() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"]
    found = {(one["authors"][0]["family-names"], one["year"]) for one in citation["references"]}
    assert found == {("Iizuka", 2016), ("Anwar", 2020), ("Khosla", 2011)}


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_a_commit_is_checked_by_what_make_lint_runs() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook["entry"] for hook in repository["hooks"]]
    assert hooks == [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


def test_the_workflow_runs_what_ci_runs_on_the_oldest_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert job["container"]["image"].startswith(f"python:{oldest}-")
    # By major version alone, so that their repairs arrive.
    assert all(re.search(r"@v\d+$", step["uses"]) for step in job["steps"] if "uses" in step)


@pytest.mark.parametrize("room", ["trainables", "study", "analysis"])
def test_a_room_says_that_it_has_types(room: str) -> None:
    assert (ROOT / room / "py.typed").exists()
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"][room]
