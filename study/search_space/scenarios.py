"""Everywhere the conditions of a space can lead, and whether each place makes a trial.

A scenario is one value for each deciding setting (one that some condition names) and the one case that then applies to
every other setting. Scenarios are enumerated; the ends of the ranges within one are tried pair by pair.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from study.errors import SettingError, nearest
from study.search_space.distributions import Choice, Fixed, Range, Scalar
from study.search_space.settings import DEFAULTS, Case
from study.search_space.space import Space
from trainables.config import TrialConfig

MAX_SCENARIOS = 2000
"""More combinations of deciding settings than this are refused: nobody can check such a study."""


@dataclass(frozen=True)
class Scenario:
    """The values of the deciding settings (and of all fixed ones), and the case that applies to each setting."""

    known: Mapping[str, Scalar]
    cases: Mapping[str, Case]


def scenarios(space: Space) -> list[Scenario]:
    """Every scenario of the space. A gap, an overlap, or a condition on a range of decimals is a SettingError."""
    deciding = {name for cases in space.cases.values() for case in cases for name, _ in case.when}
    found = [Scenario(space.known(), {})]
    for field, cases in space.cases.items():
        extended = []
        for scenario in found:
            case = _one_case(field, cases, scenario.known)
            chosen = {**scenario.cases, field: case}
            if field in deciding:
                values = _countable(field, case)
                extended += [Scenario({**scenario.known, field: value}, chosen) for value in values]
            else:
                extended.append(Scenario(scenario.known, chosen))
        if len(extended) > MAX_SCENARIOS:
            raise SettingError(
                (field,),
                f"the conditions lead to more than {MAX_SCENARIOS} combinations at {field}; use fewer conditions.",
            )
        found = extended
    return found


def values_of(space: Space, found: list[Scenario], field: str) -> list[Scalar]:
    """The values the setting can take; of a range its two ends."""
    if field not in space.cases:
        return [space.known()[field]]
    return list(dict.fromkeys(end for scenario in found for end in scenario.cases[field].distribution.ends()))


def tasks_of(space: Space, found: list[Scenario]) -> set[str]:
    """The tasks that all trials of the space train on true labels; one that only some train is a SettingError."""
    tasks = set()
    for task in ("color", "class"):
        field = f"{task}_loss_weight"
        weights = values_of(space, found, field)
        if any(weight == 0 for weight in weights):
            if any(weight != 0 for weight in weights):
                raise SettingError(
                    (field,),
                    f"{field} can be 0 as well as above it, so only some trials would train the task; "
                    "start above 0, or give 0 an arm of its own.",
                )
        else:
            tasks.add(task)
    shuffled = values_of(space, found, "shuffle_labels")
    if len(shuffled) > 1:
        raise SettingError(
            ("shuffle_labels",), "shuffle_labels can be true and false within one arm; fix it and compare two arms."
        )
    return tasks - {"class"} if shuffled == [True] else tasks


def impossible_values(field: str, cases: tuple[Case, ...]) -> Iterator[SettingError]:
    """The values of a setting that TrialConfig refuses whatever the other settings are."""
    for index, case in enumerate(cases):
        for value in case.distribution.ends():
            try:
                TrialConfig.from_dict({field: value})
            except ValueError as error:
                # Its other refusals are about two settings together: see `impossible_trials`.
                if str(error).startswith((f"{field} must ", f"Unknown {field} ")):
                    yield SettingError((index,) if case.when else (), str(error))
                    break


def impossible_trials(space: Space, found: list[Scenario], image_size: int | None) -> Iterator[SettingError]:
    """Each kind of trial that TrialConfig refuses, at the setting that its message names first; None: whatever the size
    of its photos."""
    seen = set()
    for scenario in found:
        for settings in _corners(scenario):
            try:
                config = TrialConfig.from_dict({**space.fixed, **settings})
                if image_size is not None:
                    config.check_photos(image_size)
            except ValueError as error:
                message = str(error)
                fields = [word for word in re.findall(r"\w+", message) if word in DEFAULTS]
                field = next((name for name in fields if name in space.fixed or name in space.cases), None)
                if (field, *fields[-1:]) in seen:
                    continue
                seen.add((field, *fields[-1:]))
                clash = len(set(fields)) > 1 and any(name in space.cases for name in fields)
                remedy = " Remove it, or use cases, {when: {...}}, that never combine the two." if clash else ""
                yield SettingError((field,) if field else (), message + remedy)


def idle_cases(
    field: str, cases: tuple[Case, ...], found: list[tuple[Space, list[Scenario]]]
) -> Iterator[SettingError]:
    """The cases of a setting that apply in no scenario of any of these spaces."""
    used = {scenario.cases[field] for _, arm in found for scenario in arm if field in scenario.cases}
    for index, case in enumerate(cases):
        if case.when and case not in used:
            for other, values in case.when:
                possible = sorted({str(value) for space, arm in found for value in values_of(space, arm, other)})
                if not any(str(value) in possible for value in values):
                    hint = f"{other} is never {values[0]!r}. {nearest(values[0], possible)}"
                    break
            else:
                hint = "Its conditions are never true together; remove it."
            yield SettingError((index,), f"a case of {field} can never apply: {hint}")


def _one_case(field: str, cases: tuple[Case, ...], known: Mapping[str, Scalar]) -> Case:
    applying = [index for index, case in enumerate(cases) if case.applies(known)]
    if len(applying) == 1:
        return cases[applying[0]]
    others = sorted({name for case in cases for name, _ in case.when})
    where = ", ".join(f"{name}: {_yaml_word(known[name])}" for name in others)
    if applying:
        raise SettingError(
            (field, applying[1]),
            f"two cases of {field} overlap: both apply to {{{where}}}; narrow one of their conditions.",
        )
    raise SettingError(
        (field,),
        f"{field} has no case for {{{where}}}; add {{when: {{{where}}}, ...}} (`value: null` keeps its default).",
    )


def _countable(field: str, case: Case) -> tuple[Scalar, ...]:
    match case.distribution:
        case Fixed() | Choice():
            return case.distribution.ends()
        case Range(low, high, whole=True) if high - low < MAX_SCENARIOS:
            return tuple(range(int(low), int(high) + 1))
    raise SettingError(
        (field,), f"{field} decides over other settings, so it must be a choice or int_uniform, not a range."
    )


def _corners(scenario: Scenario) -> Iterator[dict[str, Scalar]]:
    """Settings that bring together every two ends of any two settings."""
    ends = {
        field: (scenario.known[field],) if field in scenario.known else case.distribution.ends()
        for field, case in scenario.cases.items()
    }
    first = {field: values[0] for field, values in ends.items()}
    yield first
    others = {field: values[1:] for field, values in ends.items() if len(values) > 1}
    yield from ({**first, field: value} for field, values in others.items() for value in values)
    for one, other in itertools.combinations(others, 2):
        for values in itertools.product(others[one], others[other]):
            yield {**first, one: values[0], other: values[1]}


def _yaml_word(value: Scalar) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
