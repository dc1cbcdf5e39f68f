"""A study file read, checked as a whole, and refused in sentences: the line, the rule, the value, the choices.

study = load_study(pathlib.Path("study/catalog/quickstart.yaml"), ["base.epochs=2"])
space = study.arm_space("joint")
config = study.trial_config("joint", sample(space, optuna_trial))
"""

import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from study.definition import document as yaml_lines
from study.definition.document import dotted
from study.definition.question_checks import question_problems
from study.definition.setting_checks import form_problems, setting_problems
from study.definition.study import Study
from study.errors import Path, Problem, nearest
from study.storage.path import StoragePath, storage_path

RULES = {
    "int_type": "be a whole number",
    "float_type": "be a number",
    "bool_type": "be true or false",
    "string_type": "be text",
    "dict_type": "be a mapping of `key: value`",
    "model_type": "be a mapping of `key: value`",
    "list_type": "be a list",
    "finite_number": "be finite",
    "greater_than_equal": "be at least {ge}",
    "greater_than": "be above {gt}",
    "less_than": "be below {lt}",
    "string_pattern_mismatch": "be letters, digits, - and _, at most 64, the first a letter or digit",
    "string_too_short": "not be empty",
    "too_short": "have at least {min_length} entry",
}
"""What a value must do, by pydantic's type of error."""


def find_problems(study: Study) -> list[Problem]:
    """Everything wrong with the study, in the order of the file; later checks wait until earlier ones pass."""
    return [*form_problems(study), *(setting_problems(study) or question_problems(study))]


def load_study(path: StoragePath | str, overrides: Sequence[str] = ()) -> Study:
    """The checked study in the file, with `key.path=value` overrides applied; a StudyFileError says what is wrong."""
    path = storage_path(path)
    return parse_study(yaml_lines.read_text(path), str(path), overrides)


def parse_study(text: str, name: str = "study.yaml", overrides: Sequence[str] = ()) -> Study:
    """The checked study in a text; `name` is what errors call it."""
    document = yaml_lines.parse(text, name)
    document.plain()
    for change in overrides:
        yaml_lines.override(document, change, closed=("arms", "contrasts", "controls"))
    plain = document.plain()
    try:
        study = Study.model_validate(plain)
    except ValidationError as error:
        raise document.errors(problems_of(error, Study)) from None
    if problems := find_problems(study):
        raise document.errors(problems)
    study._document = yaml_lines.dump(document.tree) if overrides else text
    return study


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """One problem for each thing pydantic found, in its order."""
    problems: list[Problem] = []
    for found in error.errors(include_url=False):
        context: dict[str, Any] = {
            key: f"{value:g}" if isinstance(value, float) else value for key, value in found.get("ctx", {}).items()
        }
        kind, path, value = found["type"], tuple(found["loc"]), found["input"]
        name = dotted(path)
        if kind == "extra_forbidden":
            known = [*_model_at(model, path[:-1]).model_fields]
            problems.append(Problem(path, f"unknown key {name!r}. {nearest(path[-1], known)}"))
        elif kind == "missing":
            meaning = _model_at(model, path[:-1]).model_fields[str(path[-1])].description or ""
            problems.append(Problem(path, f"{name!r} is missing; add it. {meaning}".strip()))
        elif kind == "literal_error":
            known = re.findall(r"'([^']*)'", context["expected"])
            problems.append(Problem(path, f"{name}: unknown value {value!r}. {nearest(value, known)}"))
        else:
            rule = RULES.get(kind)
            text = (
                f"{name} must {rule.format(**context)}, but got {_short(value)}."
                if rule
                else f"{name}: {found['msg']}."
            )
            problems.append(Problem(path, text))
    return problems


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The section's model that a path leads to, through mappings of sections; the last one before plain values."""
    annotation: Any = None
    for key in path:
        if annotation is None and key in model.model_fields:
            annotation = model.model_fields[str(key)].annotation
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model, annotation = annotation, None
    return model
