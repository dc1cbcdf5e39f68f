"""What makes a well-formed study wrong before anything is measured: names, data, settings, and arms."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from study.errors import Path, Problem, SettingError, nearest
from study.search_space.scenarios import Scenario, idle_cases, impossible_trials, impossible_values
from study.search_space.settings import DEFAULTS, KINDS, parse_setting
from study.search_space.space import Space
from trainables.config import DataConfig

if TYPE_CHECKING:
    from study.definition.study import Study


NEVER_SEARCHED = ("epochs", "device", "precision", "num_threads", "checkpoint_seconds", "diagnostics_every")
"""Settings that say how long and on what a trial is computed, and what is looked at: a study fixes them in `base`."""


def form_problems(study: "Study") -> list[Problem]:
    """Names that cannot be names, and data that cannot be data."""
    return [*_names(study), *_data(study)]


def setting_problems(study: "Study") -> list[Problem]:
    """What is wrong with the settings: each alone, then where their conditions lead, then the arms."""
    for check in (_settings, _spaces, _arms):
        if problems := list(check(study)):
            return problems
    return []


def _names(study: "Study") -> Iterator[Problem]:
    """Arms and contrasts name folders and tables: `trials/<arm>-<phase>-<n>`, setting `<arm>.<contrast>`."""
    for section, names in (("arms", study.arms), ("contrasts", study.contrasts), ("controls", study.controls)):
        for name in names:
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
                rule = "be lower-case letters, digits and _, at most 40, the first a letter"
                yield Problem((section, name), f"the name of {section}.{name} must {rule}.")
    for section, names in (("contrasts", study.contrasts), ("controls", study.controls)):
        if "both" in names:
            yield Problem(
                (section, "both"), "the name 'both' is kept for the compromise's setting; choose another one."
            )
    for name in study.controls.keys() & study.contrasts.keys():
        yield Problem(("controls", name), f"the name {name!r} is a contrast already; give this control another one.")


def _data(study: "Study") -> Iterator[Problem]:
    known = DataConfig.__dataclass_fields__
    for field in study.data:
        if field == "seed":
            yield Problem(("data", field), "data.seed is the study's own; write `seed: ...` at the top of the file.")
            return
        if field == "folds":
            yield Problem(
                ("data", field), "data.folds follows from the study's confirm; write `confirm: {folds: ...}`."
            )
            return
        if field not in known:
            yield Problem(("data", field), f"unknown key {field!r} in data. {nearest(field, known)}")
            return
    try:
        study.data_config()
    except ValueError as error:
        named = [word for word in re.findall(r"\w+", str(error)) if word in study.data]
        path = ("confirm", "folds") if str(error).startswith("folds") else ("data", *named[:1])
        yield Problem(path, f"{path[0]}: {error}" if path[0] == "data" else f"confirm.{error}")


def _settings(study: "Study") -> Iterator[Problem]:
    """Each setting on its own: known, well written, in a place where it has an effect."""
    sections: list[tuple[Path, Mapping[str, Any]]] = [(("base",), study.base), (("space",), study.space)]
    sections += [(("arms", arm), settings) for arm, settings in study.arms.items()]
    for path, section in sections:
        for field, raw in section.items():
            yield from _setting(study, (*path, field), field, raw)
    for field in study.base.keys() & study.space.keys():
        yield Problem(("space", field), f"{field} is fixed in base and searched in space; remove one of them.")
    for section_name, section in (("base", study.base), ("space", study.space)):
        for field in section:
            if all(field in settings for settings in study.arms.values()):
                yield Problem(
                    (section_name, field),
                    f"{field} has no effect in {section_name}, because every arm overrides it; remove it.",
                )


def _setting(study: "Study", path: Path, field: str, raw: Any) -> Iterator[Problem]:
    section = path[0]
    if field not in DEFAULTS:
        where = f"arm {path[1]!r}" if section == "arms" else section
        yield Problem(path, f"unknown setting {field!r} in {where}. {nearest(field, DEFAULTS)}")
        return
    is_fixed = not isinstance(raw, dict | list) or (isinstance(raw, dict) and list(raw) == ["value"])
    if section == "base" and not is_fixed:
        yield Problem(
            path, f"base.{field} must be a single value; search it in space, or in an arm ({', '.join(KINDS)})."
        )
    elif field in NEVER_SEARCHED and (not is_fixed or (section != "base" and field == "epochs")):
        yield Problem(
            path, f"{field} must be one value in base, the same for every arm, and is never searched; move it."
        )
    else:
        try:
            refused = list(impossible_values(field, parse_setting(field, raw)))
        except SettingError as error:
            refused = [error]
        yield from (Problem((*path, *error.path), str(error)) for error in refused)


def _spaces(study: "Study") -> Iterator[Problem]:
    """The conditions of each arm, and every kind of trial they lead to."""
    found: dict[str, tuple[Space, list[Scenario]]] = {}
    errors: list[tuple[str, SettingError]] = []
    for arm in study.arms:
        try:
            found[arm] = study.arm_space(arm), study.arm_scenarios(arm)
        except SettingError as error:
            errors.append((arm, error))
    if errors:
        yield from _by_arm(study, errors)
        return
    for section, arms in (("space", list(study.arms)), *(("arms", [arm]) for arm in study.arms)):
        settings = study.space if section == "space" else study.arms[arms[0]]
        for field, raw in settings.items():
            cases = parse_setting(field, raw)
            here = [found[arm] for arm in arms if section == "arms" or field not in study.arms[arm]]
            here = [pair for pair in here if field in pair[0].cases]
            path: Path = ("space", field) if section == "space" else ("arms", arms[0], field)
            yield from (Problem((*path, *idle.path), str(idle)) for idle in idle_cases(field, cases, here))
    image_size = _image_size(study)
    impossible = [(arm, error) for arm, pair in found.items() for error in impossible_trials(*pair, image_size)]
    yield from _by_arm(study, impossible)


def _image_size(study: "Study") -> int | None:
    """Side of the photos in pixels; None where the data are wrong, as `_data` says."""
    try:
        return study.data_config().image_size
    except ValueError:
        return None


def _arms(study: "Study") -> Iterator[Problem]:
    """Each arm trains something, searches something, and differs from the others."""
    seen: dict[str, str] = {}
    for arm in study.arms:
        path = ("arms", arm)
        space = study.arm_space(arm)
        twin = seen.setdefault(repr((sorted(space.known().items(), key=str), sorted(space.cases.items()))), arm)
        if twin != arm:
            yield Problem(
                path, f"arms {twin!r} and {arm!r} are the same; change a setting in one of them, or remove it."
            )
        if not space.searched and study.search.trials_per_arm > 1:
            text = f"arm {arm!r} searches nothing, so its {study.search.trials_per_arm} trials would be the same"
            yield Problem(path, f"{text}; search a setting in it, or set search.trials_per_arm to 1.")
        try:
            tasks = study.arm_tasks(arm)
        except SettingError as error:
            yield _at(study, arm, error)
            continue
        if not tasks:
            yield Problem(path, f"arm {arm!r} trains only shuffled labels; give it a color_loss_weight above 0.")


def _by_arm(study: "Study", errors: list[tuple[str, SettingError]]) -> Iterator[Problem]:
    """The errors, one that several arms share only once."""
    seen = set()
    for arm, error in errors:
        problem = _at(study, arm, error)
        if (problem.path, str(error)) not in seen:
            seen.add((problem.path, str(error)))
            yield problem


def _at(study: "Study", arm: str, error: SettingError) -> Problem:
    """The error at the setting's line, wherever the arm takes it from, naming the arm if the line is not in it."""
    field, rest = error.path[:1], error.path[1:]
    path = study.arm_settings(arm)[str(field[0])][0] if field else ("arms", arm)
    text = str(error)
    if path[0] != "arms":
        text = f"{text.removesuffix('.')} (arm {arm!r})."
    return Problem((*path, *rest), text)
