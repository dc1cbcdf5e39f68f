"""schema.py: the schema for editors takes every good study file and refuses the broken ones it can see."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from study.definition import document as yaml_lines
from study.definition.schema import study_schema
from study.definition.template import DATA, starter
from tests.study.definition.test_broken_files import BROKEN
from tests.study.design_study import DESIGN

CATALOG = sorted((Path(__file__).parents[3] / "study" / "catalog").glob("*.yaml"))
SCHEMA = study_schema()
GOOD = {path.stem: path.read_text() for path in CATALOG} | {"the design": DESIGN}
GOOD |= {f"starter {dataset}": starter(Path("new.yaml"), dataset) for dataset in DATA}

SEEN = (
    "unknown section", "unknown setting in base", "unknown setting in space", "unknown setting in an arm",
    "unknown key in data", "unknown key in a contrast", "unknown key in search", "unknown data set",
    "unknown optimizer", "unknown sampler", "unknown metric of a contrast", "unknown objective",
    "objective on the test pool", "objective in the wrong direction", "value of the wrong type", "range in base",
    "range of one number", "range of words", "log scale from 0", "decimals for a count", "empty choice",
    "choice of one", "choice with a value twice", "unknown distribution", "two distributions",
    "list without conditions", "condition without list", "condition on a missing setting",
)  # fmt: skip
"""Broken files of test_broken_study_files.py in which an editor marks the mistake."""


def mistakes(text: str) -> list[str]:
    plain = yaml_lines.parse(text, "study.yaml").plain()
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(plain)]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", GOOD)
def test_every_good_study_file_is_valid(name: str) -> None:
    assert mistakes(GOOD[name]) == []


@pytest.mark.parametrize("what", SEEN)
def test_a_broken_study_file_is_not(what: str) -> None:
    good, bad, *_ = BROKEN[what]
    assert mistakes(DESIGN.replace(good, bad, 1))


def test_every_setting_says_what_it_means() -> None:
    space = SCHEMA["properties"]["space"]["anyOf"][0]["properties"]
    assert space["dropout"]["description"].startswith("Share of units dropped while training")
    assert space["dropout"]["default"] == 0.0
    sections: list[dict[str, Any]] = [space, SCHEMA["properties"]["data"]["properties"]]
    assert all(one["description"] for section in sections for one in section.values())
    assert set(SCHEMA["properties"]["data"]["properties"]) >= {"dataset", "coupling"}
