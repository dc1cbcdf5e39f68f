"""What makes a well-formed study wrong: settings, arms, objectives and contrasts that do not fit each other."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from study.cases import DEFAULTS, KINDS, Fixed, SettingError, parse_setting
from study.problems import Path, Problem, nearest
from study.space import Space, params_of
from study.space_checks import Scenario, idle_cases, impossible_trials, impossible_values
from trainables.config import DataConfig
from trainables.metrics import METRICS, metric_of

if TYPE_CHECKING:
    from study.study_file import Contrast, Study

NEVER_SEARCHED = ("epochs", "device", "precision", "num_threads", "checkpoint_seconds", "diagnostics_every")
"""Settings that say how long and on what a trial is computed, and what is looked at: a study fixes them in `base`."""

SAMPLER_ABILITIES: dict[str, tuple[str, ...]] = {
    "tpe": ("conditional settings", "early stopping"),
    "gp": (),
    "nsga2": ("early stopping",),
    "random": ("conditional settings", "early stopping"),
}
"""What each sampler can do. Optuna's GP and NSGA-II draw settings that only some trials have at random, and GP knows
nothing of trials that were stopped; NSGA-II lets them die out."""

TASK_WORDS = {"color": "colouring", "class": "naming"}


def find_problems(study: "Study") -> list[Problem]:
    """Everything wrong with the study, in the order of the file; later checks wait until earlier ones pass."""
    for check in (_settings, _spaces, _arms):
        problems = list(check(study))
        if problems:
            return [*_names(study), *_data(study), *problems]
    return [*_names(study), *_data(study), *_measures(study), *_search(study)]


def _names(study: "Study") -> Iterator[Problem]:
    """Arms and contrasts name folders and tables: `trials/<arm>-<phase>-<n>`, setting `<arm>.<contrast>`."""
    for section, names in (("arms", study.arms), ("contrasts", study.contrasts), ("controls", study.controls)):
        for name in names:
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
                rule = "be lower-case letters, digits and _, at most 40, the first a letter"
                yield Problem((section, name), f"the name of {section}.{name} must {rule}.")
    for name in study.controls.keys() & study.contrasts.keys():
        yield Problem(("controls", name), f"the name {name!r} is a contrast already; give this control another one.")


def _data(study: "Study") -> Iterator[Problem]:
    known = DataConfig.__dataclass_fields__
    for field in study.data:
        if field == "seed":
            yield Problem(("data", field), "data.seed is the study's own; write `seed: ...` at the top of the file.")
            return
        if field not in known:
            yield Problem(("data", field), f"unknown key {field!r} in data. {nearest(field, known)}")
            return
    try:
        study.data_config()
    except ValueError as error:
        named = [word for word in re.findall(r"\w+", str(error)) if word in study.data]
        yield Problem(("data", *named[:1]), f"data: {error}")


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
    impossible = [(arm, error) for arm, pair in found.items() for error in impossible_trials(*pair)]
    yield from _by_arm(study, impossible)


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


def _measures(study: "Study") -> Iterator[Problem]:
    """Objectives and contrasts are measured on both sides, contrasts with a margin."""
    tasks = {arm: study.arm_tasks(arm) for arm in study.arms}
    for name, better in study.objectives.items():
        problem = _metric_problem(name, "val", "an objective", "search never sees the test pool")
        if problem:
            yield Problem(("objectives", name), problem)
        elif better != metric_of(name).better:
            right = metric_of(name).better
            yield Problem(
                ("objectives", name), f"{name} is better at its {right}imum, but got {better!r}; write {right}."
            )
        elif not any(metric_of(name).task in trained for trained in tasks.values()):
            word = TASK_WORDS.get(metric_of(name).task, "it")
            yield Problem(
                ("objectives", name), f"no arm can have objective {name}, because none trains {word}; remove it."
            )
    are_known = not any(_metric_problem(name, "val", "", "") for name in study.objectives)
    for arm, trained in tasks.items():
        if are_known and not any(metric_of(name).task in trained for name in study.objectives):
            words = " and ".join(TASK_WORDS[task] for task in sorted(trained))
            fitting = sorted(f"val/{metric.name}" for metric in METRICS.values() if metric.task in trained)
            yield Problem(
                ("arms", arm), f"arm {arm!r} trains {words}, but no objective measures it; add one of {fitting}."
            )
    seen: dict[tuple[frozenset[str], str], str] = {}
    for section, contrasts in (("contrasts", study.contrasts), ("controls", study.controls)):
        for name, contrast in contrasts.items():
            yield from _contrast(study, tasks, (section, name), contrast)
            key = (frozenset((contrast.treatment, contrast.control)), contrast.metric)
            if seen.setdefault(key, f"{section}.{name}") != f"{section}.{name}":
                yield Problem(
                    (section, name), f"{section}.{name} compares the same as {seen[key]}; remove one of them."
                )
    yield from _margins(study)


def _contrast(study: "Study", tasks: Mapping[str, set[str]], path: Path, contrast: "Contrast") -> Iterator[Problem]:
    name = ".".join(str(key) for key in path)
    sides = {"treatment": contrast.treatment, "control": contrast.control}
    for side, arm in sides.items():
        if arm not in study.arms:
            yield Problem((*path, side), f"{name}: {side} {arm!r} is no arm of this study. {nearest(arm, study.arms)}")
    if contrast.treatment == contrast.control:
        text = f"{name} compares arm {contrast.control!r} with itself; name another control"
        yield Problem((*path, "control"), f"{text}. Known: {sorted(study.arms)}.")
    problem = _metric_problem(contrast.metric, "test", name, "a verdict speaks about the test pool")
    if problem:
        yield Problem((*path, "metric"), problem)
        return
    task = metric_of(contrast.metric).task
    for side, arm in sides.items():
        if arm in tasks and task not in tasks[arm]:
            able = sorted(other for other, trained in tasks.items() if task in trained)
            word = TASK_WORDS.get(task, "it")
            hint = f"compare two of {able}" if len(able) > 1 else "choose another metric"
            yield Problem(
                (*path, "metric"),
                f"{name}: {contrast.metric} cannot be compared, because {side} {arm!r} does not train {word}; {hint}.",
            )
    if contrast.metric not in study.margin:
        yield Problem(
            ("margin",),
            f"margin has no entry for {contrast.metric} ({name}); add the difference below which nobody would care.",
        )


def _margins(study: "Study") -> Iterator[Problem]:
    used = {contrast.metric for family in study.families.values() for contrast in family.values()}
    used |= {f"test/{name.removeprefix('val/')}" for name in study.objectives}
    for name in study.margin:
        problem = _metric_problem(name, "test", "a margin", "it judges differences on the test pool")
        if problem or name not in used:
            rule = f"margin {name} has no effect: no contrast, control or objective measures it. {nearest(name, used)}"
            yield Problem(("margin", name), problem or rule)


def _metric_problem(name: str, part: str, what: str, why: str) -> str | None:
    """Why this is no metric of that part of the data, or None where it is one."""
    known = [f"{part}/{key}" for key, metric in METRICS.items() if metric.task != "none"]
    if name in known:
        return None
    other, _, key = name.partition("/")
    if key in METRICS and other != part and f"{part}/{key}" in known:
        return f"{what} needs a {part}/ metric, because {why}, but got {name!r}; write {part}/{key}."
    return f"{what}: unknown metric {name!r}. {nearest(name, known)}"


def _search(study: "Study") -> Iterator[Problem]:
    search = study.search
    given = search.model_fields_set
    for field in ("min_epochs", "reduction_factor", "grace_trials"):
        if field in given and search.early_stopping == "none":
            yield Problem(("search", field), f"search.{field} has no effect without early_stopping; remove it.")
    if "reduction_factor" in given and search.early_stopping == "median" and search.sampler != "tpe":
        text = "search.reduction_factor has no effect with early_stopping median and without tpe"
        yield Problem(("search", "reduction_factor"), f"{text}; remove it.")
    yield from _sampler(study)
    if "min_epochs" in given and search.min_epochs > study.epochs:
        text = f"search.min_epochs must be at most epochs, {study.epochs}, but got {search.min_epochs}"
        yield Problem(("search", "min_epochs"), f"{text}; lower it.")
    if len(search.enqueue) > search.trials_per_arm:
        yield Problem(
            ("search", "enqueue"),
            f"search.enqueue has {len(search.enqueue)} entries for {search.trials_per_arm} trials per arm; raise it.",
        )
    for index, settings in enumerate(search.enqueue):
        yield from _enqueued(study, ("search", "enqueue", index), settings)
    compared = {
        arm for family in study.families.values() for one in family.values() for arm in (one.treatment, one.control)
    }
    are_known = compared <= study.arms.keys()
    if study.confirm.twins and are_known and not any(len(study.arm_tasks(arm)) == 2 for arm in compared):
        yield Problem(
            ("confirm", "twins"), "confirm.twins has no effect, because no compared arm trains both tasks; remove it."
        )
    gpus = study.resources.gpus_per_trial
    if gpus is not None and gpus > 1 and gpus != int(gpus):
        text = f"resources.gpus_per_trial must be a share of one GPU or a whole number, but got {gpus:g}"
        yield Problem(("resources", "gpus_per_trial"), f"{text}; use {int(gpus)} or {int(gpus) + 1}.")


def _sampler(study: "Study") -> Iterator[Problem]:
    """The sampler can do what the study needs."""
    search = study.search
    needs = {}
    if search.early_stopping != "none":
        needs["early stopping"] = f"search.early_stopping is {search.early_stopping}"
    for arm in study.arms:
        conditional = _conditional(study.arm_scenarios(arm))
        if conditional:
            needs.setdefault("conditional settings", f"arm {arm!r} searches {conditional[0]} in some trials only")
    for need, why in needs.items():
        able = sorted(name for name, abilities in SAMPLER_ABILITIES.items() if need in abilities)
        if search.sampler not in able:
            yield Problem(
                ("search", "sampler"),
                f"search.sampler {search.sampler} cannot do {need}, but {why}; use one of {able}.",
            )


def _conditional(found: list[Scenario]) -> list[str]:
    """Optuna's names that only some trials of an arm have."""
    names = [
        {case.name for case in scenario.cases.values() if not isinstance(case.distribution, Fixed)}
        for scenario in found
    ]
    return sorted(set[str]().union(*names) - set[str].intersection(*names)) if names else []


def _enqueued(study: "Study", path: Path, settings: Mapping[str, Any]) -> Iterator[Problem]:
    for field in settings:
        searched = sorted({name for arm in study.arms for name in study.arm_space(arm).cases})
        if field not in searched:
            yield Problem(
                (*path, field), f"search.enqueue: {field!r} is searched in no arm. {nearest(field, searched)}"
            )
            return
    for arm in study.arms:
        try:
            params_of(study.arm_space(arm), settings)
        except SettingError as error:
            yield Problem((*path, *error.path), f"search.enqueue: {str(error).removesuffix('.')} (arm {arm!r}).")
            return


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
