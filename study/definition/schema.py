"""A JSON schema of study files, from which an editor offers keys, shows their meaning and marks what cannot be.

It knows names, types, choices and the forms of a setting. What needs the whole file, such as a setting without effect,
is found by `tintune launch --dry-run` alone.
"""

from typing import Any

from pydantic import ConfigDict, TypeAdapter

from study.definition.study import Study
from trainables.config import CHOICES, DataConfig, TrialConfig
from trainables.metrics import judged, metric_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def study_schema() -> Schema:
    """The schema of a whole study file."""
    schema = Study.model_json_schema()
    sections = schema["properties"]
    config = ConfigDict(use_attribute_docstrings=True)
    known = TypeAdapter(tuple[TrialConfig, DataConfig], config=config).json_schema()["$defs"]
    trial, photos = known["TrialConfig"]["properties"], known["DataConfig"]["properties"]
    values = {name: _value(name, field) for name, field in trial.items()}
    meant = {name: _meant(field) for name, field in trial.items()}
    fixed = {name: {**_fixed(value), **meant[name]} for name, value in values.items()}
    settings = {name: {"$ref": f"#/$defs/setting.{name}", **meaning} for name, meaning in meant.items()}
    # The data's seed is the study's.
    data = {name: {**_value(name, field), **_meant(field)} for name, field in photos.items() if name != "seed"}
    _put(sections["data"], _object(data))
    _put(sections["base"], _or_nothing(_object(fixed)))
    _put(sections["space"], _or_nothing(_object(settings)))
    sections["arms"]["additionalProperties"] = _or_nothing({"$ref": "#/$defs/settings"})
    chosen = {name: metric_of(name) for name in judged("val")}
    objectives = {name: {"const": one.better, "description": one.label} for name, one in chosen.items()}
    _put(sections["objectives"], {**_object(objectives), "minProperties": 1})
    measured = judged("test")
    for section, names in (("margin", measured), ("spread", measured), ("compromise", list(chosen))):
        sections[section]["propertyNames"] = {"enum": names}
    definitions = schema["$defs"]
    definitions["Contrast"]["properties"]["metric"]["enum"] = measured
    definitions["Search"]["properties"]["enqueue"]["items"] = _object(fixed)
    definitions |= {f"setting.{name}": _setting(name, values) for name in values}
    definitions |= {"settings": _object(settings), "when": _when(values)}
    return {"$schema": DIALECT, **schema, "title": "A study of tintune"}


def _setting(name: str, values: dict[str, Schema]) -> Schema:
    """A value, a distribution, or cases; see `study/search_space/settings.py`."""
    value = values[name]
    forms: dict[str, Schema] = {
        "value": value,
        "choice": {"type": "array", "items": value, "minItems": 2, "uniqueItems": True},
    }
    if "number" in value.get("type", ()):
        ends = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
        above_zero = {**ends, "items": {"type": "number", "exclusiveMinimum": 0}}
        forms |= {"uniform": ends, "log_uniform": above_zero}
    if {"number", "integer"} & set(value.get("type", ())):
        forms["int_uniform"] = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
    when = {"when": {"$ref": "#/$defs/when"}}
    distributions = [_object({form: rule}, required=[form]) for form, rule in forms.items()]
    cases = [_object({**when, form: rule}, required=["when", form]) for form, rule in forms.items()]
    return {"anyOf": [value, *distributions, {"type": "array", "items": {"anyOf": cases}, "minItems": 1}]}


def _when(values: dict[str, Schema]) -> Schema:
    conditions = {
        name: {"anyOf": [value, {"type": "array", "items": value, "minItems": 1}]} for name, value in values.items()
    }
    return {**_object(conditions), "minProperties": 1, "description": "Other settings, each with one value or a list."}


def _fixed(value: Schema) -> Schema:
    return {"anyOf": [value, _object({"value": value}, required=["value"])]}


def _value(name: str, field: Schema) -> Schema:
    """One value of a field, from pydantic's schema of it; null stands for the default."""
    if name in CHOICES:
        return {"enum": [*CHOICES[name], None]}
    return {"type": sorted({one["type"] for one in field.get("anyOf", [field])} | {"null"})}


def _meant(field: Schema) -> Schema:
    return {key: field[key] for key in ("description", "default")}


def _object(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    rest = {"required": required} if required else {}
    return {"type": "object", "properties": properties, "additionalProperties": False, **rest}


def _or_nothing(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _put(section: Schema, content: Schema) -> None:
    """The content in place of pydantic's, which knows no more than a mapping; title and description stay."""
    for key in set(section) - {"title", "description", "default"}:
        del section[key]
    section.update(content)
