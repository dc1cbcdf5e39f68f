"""What makes a study with sound settings wrong: objectives, contrasts, margins, and how it is searched."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from study.definition.methods import EARLY_STOPPING, SAMPLERS
from study.errors import Path, Problem, SettingError, nearest
from study.search_space.distributions import Fixed
from study.search_space.scenarios import Scenario
from study.search_space.space import params_of
from trainables.metrics import METRICS, judged, metric_of

if TYPE_CHECKING:
    from study.definition.study import Contrast, Study


TASK_WORDS = {"color": "colouring", "class": "naming"}


def question_problems(study: "Study") -> list[Problem]:
    """What is measured and compared, then how it is searched and confirmed; for a study whose settings are sound."""
    return [*_measures(study), *_search(study), *_confirm(study)]


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
            fitting = sorted(name for name in judged("val") if metric_of(name).task in trained)
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
    if are_known:
        yield from _compromise(study, tasks)


def _compromise(study: "Study", tasks: Mapping[str, set[str]]) -> Iterator[Problem]:
    """It weighs objectives of both tasks, in an arm that trains both and that a primary contrast asks about."""
    if not study.compromise:
        return
    for name in study.compromise:
        if name not in study.objectives:
            yield Problem(
                ("compromise", name), f"compromise: {name} is no objective. {nearest(name, study.objectives)}"
            )
            return
    weighed = {metric_of(name).task for name in study.compromise}
    if weighed != {"color", "class"}:
        text = "compromise must weigh an objective of colouring against one of naming"
        yield Problem(("compromise",), f"{text}, but got {sorted(study.compromise)}.")
    elif not any(len(tasks.get(one.treatment, ())) > 1 for one in study.contrasts.values()):
        yield Problem(
            ("compromise",),
            "compromise has no effect, because no arm that trains both tasks is a contrast's treatment; remove it.",
        )


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
    compared = sorted({contrast.metric for family in study.families.values() for contrast in family.values()})
    for name in study.spread:
        if name not in compared:
            yield Problem(
                ("spread", name), f"spread {name} has no effect: no contrast measures it. {nearest(name, compared)}"
            )


def _metric_problem(name: str, part: str, what: str, why: str) -> str | None:
    """Why this is no metric of that part of the data, or None where it is one."""
    known = judged(part)
    if name in known:
        return None
    other, _, key = name.partition("/")
    if key in METRICS and METRICS[key].better == "none":
        return f"{what}: {name} has no better direction, so it is shown and never judged. Known: {known}."
    if key in METRICS and other != part and f"{part}/{key}" in known:
        return f"{what} needs a {part}/ metric, because {why}, but got {name!r}; write {part}/{key}."
    return f"{what}: unknown metric {name!r}. {nearest(name, known)}"


def _search(study: "Study") -> Iterator[Problem]:
    search = study.search
    given = search.model_fields_set
    for field in ("min_epochs", "reduction_factor", "grace_trials"):
        if field not in given or field in EARLY_STOPPING[search.early_stopping].settings:
            continue
        if search.early_stopping == "none":
            yield Problem(("search", field), f"search.{field} has no effect without early_stopping; remove it.")
        elif not SAMPLERS[search.sampler].sees_budgets:
            able = " or ".join(name for name, sampler in SAMPLERS.items() if sampler.sees_budgets)
            text = f"search.{field} has no effect with early_stopping {search.early_stopping} and without {able}"
            yield Problem(("search", field), f"{text}; remove it.")
    yield from _sampler(study)
    if search.rechecks == 1:
        text = "search.rechecks must be 0, or at least 2 to choose among"
        yield Problem(("search", "rechecks"), f"{text}, but got 1.")
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


def _confirm(study: "Study") -> Iterator[Problem]:
    """How many trainings there are and when they are judged is said once, in the words of the design."""
    confirm = study.confirm
    if confirm.folds == 1:
        if confirm.looks is not None:
            yield Problem(
                ("confirm", "looks"), "confirm.looks has no effect without folds; write `replicates: N`, or add folds."
            )
        if confirm.replicates is None:
            yield Problem(
                ("confirm",),
                "confirm needs `replicates: N` (one test pool), or `folds: K` and `looks: [...]`; add them.",
            )
        return
    if confirm.replicates is not None:
        yield Problem(
            ("confirm", "replicates"),
            f"confirm.replicates has no effect with {confirm.folds} folds: the last of confirm.looks says how many; "
            "remove it.",
        )
    if confirm.looks is None:
        yield Problem(("confirm",), "confirm.looks is missing; add it, such as `looks: [1, 2]`.")
    elif sorted(set(confirm.looks)) != confirm.looks:
        yield Problem(
            ("confirm", "looks"), f"confirm.looks must ascend, each look later than the last, but got {confirm.looks}."
        )
    if study.search.warm_start is not None:
        yield Problem(
            ("search", "warm_start"),
            "search.warm_start cannot be used with folds: the other study's search may have seen the photos that a "
            "fold is tested on; remove it, or use `folds: 1`.",
        )


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
        able = sorted(name for name, abilities in SAMPLERS.items() if abilities.can(need))
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
