"""What differs between two versions of a study, and a study's smallest version."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from study.definition import document as yaml_lines
from study.definition.load import parse_study
from study.definition.study import Study
from study.search_space.settings import DEFAULTS

GROWING = ("search.trials_per_arm",)
"""Numbers that may be raised in a study that has begun: what is done stays what it is. Looks and replicates are not
among them: an interval says what it says only if nobody could have looked and then gone on."""

ABSENT = "absent"
"""Stands for the value of a field that a study has not."""

SMALLEST_WIDTH = 0.125
SMALLEST_IMAGE = 32
SMALLEST_POOLED_IMAGE = 40
"""Where the file names `pooling`, which has no effect on smaller photos."""


@dataclass(frozen=True)
class Differences:
    """Sentences such as "search.trials_per_arm: 30 -> 40", by what may be done about them."""

    refused: list[str]
    """A study that has begun cannot become this one."""
    growth: list[str]
    """More trials."""
    placement: list[str]
    """Where trials run and photos lie, which changes no result (the photos' digest is compared elsewhere)."""


def differences(old_document: str, new_document: str) -> Differences:
    """Every field that differs between two study files; defaults count as written out, comments not at all."""
    found = Differences([], [], [])
    for name, old, new in field_differences(old_document, new_document):
        text = f"{name}: {_word(old)} -> {_word(new)}"
        if name in GROWING and new > old:
            found.growth.append(text)
        elif name in ("data.root", "data.split_file") or name.startswith("resources."):
            found.placement.append(text)
        else:
            found.refused.append(text)
    return found


def field_differences(old_document: str, new_document: str) -> list[tuple[str, Any, Any]]:
    """Every field that differs, with both values; ABSENT where a file has no such field."""
    old, new = (_flat(_written_out(parse_study(text))) for text in (old_document, new_document))
    names = sorted(old.keys() | new.keys())
    pairs = [(name, old.get(name, ABSENT), new.get(name, ABSENT)) for name in names]
    return [(name, before, after) for name, before, after in pairs if before != after]


def smallest(study: Study) -> Study:
    """The same arms, space and contrasts with two trials per arm, two replicates or folds, one epoch, a tiny network.

    The data set stays as it is, but for its image size.
    """
    plain = study.model_dump(exclude_unset=True)
    search = plain["search"]
    search["trials_per_arm"] = min(2, study.search.trials_per_arm)
    if "enqueue" in search:
        search["enqueue"] = search["enqueue"][: search["trials_per_arm"]]
    if "min_epochs" in search:
        search["min_epochs"] = 1
    plain["confirm"] |= {"replicates": 2} if study.confirm.folds == 1 else {"folds": 2, "looks": [1]}
    sections = (study.base, study.space, *study.arms.values())
    image_size = SMALLEST_POOLED_IMAGE if any("pooling" in one for one in sections) else SMALLEST_IMAGE
    plain["data"]["image_size"] = min(image_size, study.data_config().image_size)
    plain["base"] = {**plain.get("base", {}), "epochs": 1}
    is_width_free = all("width" not in settings for settings in (study.space, *study.arms.values()))
    if is_width_free:
        plain["base"]["width"] = SMALLEST_WIDTH
    return parse_study(yaml_lines.dump(plain), f"smallest {study.name}")


def _written_out(study: Study) -> dict[str, Any]:
    data = {
        field: value
        for field, value in asdict(study.data_config()).items()
        if field not in ("seed", "root", "split_file")
    }
    return {**study.model_dump(), "data": {**data, **study.data}, "base": {**DEFAULTS, **study.base}}


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def _word(value: Any) -> str:
    return ABSENT if value == ABSENT else repr(value)
