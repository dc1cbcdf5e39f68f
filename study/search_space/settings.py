"""One setting as a study file writes it: a value, a range, or cases with conditions on other settings.

A setting of a study file is one of

    dropout: 0.3                                fixed (as is {value: 0.3}); null keeps TrialConfig's default
    dropout: {choice: [0, 0.3]}                 one of a few
    dropout: {uniform: [0, 0.6]}                a range; also log_uniform, and int_uniform (both ends included)
    learning_rate:                              cases, each with a condition on other settings
      - {when: {optimizer: adamw}, log_uniform: [1.0e-4, 3.0e-2]}
      - {when: {optimizer: [sgd, adadelta]}, value: null}

Exactly one case must apply wherever the conditions' settings can lead: no gap and no overlap, so that a setting
never takes a value nobody wrote. A case that keeps the default says so with `value: null`.

Optuna sees an unconditional setting under its field name and a conditional one under the name of its case:
`learning_rate@adamw`, `dropout@adam+adamw`, `residual@extra_convolutions=1+2`, so that its ranges never mix.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from study.errors import Path, SettingError, nearest
from study.search_space.distributions import Choice, Distribution, Fixed, Range, Scalar, same
from trainables.config import TrialConfig

DEFAULTS: dict[str, Scalar] = dataclasses.asdict(TrialConfig())
"""TrialConfig's own defaults by field."""

KINDS = ("choice", "uniform", "log_uniform", "int_uniform", "value")


@dataclass(frozen=True)
class Case:
    """A distribution and the condition under which it applies: each named setting has one of the values."""

    name: str
    """Optuna's name of the setting in this case."""
    when: tuple[tuple[str, tuple[Scalar, ...]], ...]
    distribution: Distribution

    def applies(self, known: Mapping[str, Scalar]) -> bool:
        return all(any(same(known[field], value) for value in values) for field, values in self.when)


def parse_setting(field: str, raw: Any) -> tuple[Case, ...]:
    """The cases of one setting as the file writes it; a single case without condition where there are none."""
    if not isinstance(raw, list):
        if isinstance(raw, dict) and "when" in raw:
            raise SettingError(
                ("when",), f"{field}: a setting with `when` is a list of cases: start its line with `- `."
            )
        return (Case(field, (), _parse_distribution(field, raw, ())),)
    if not raw:
        raise SettingError((), f"{field} has an empty list of cases; add one such as {{when: {{...}}, value: ...}}.")
    parsed = []
    for index, item in enumerate(raw):
        if not isinstance(item, dict) or not isinstance(item.get("when"), dict) or not item["when"]:
            hint = "for a few values to choose from write {choice: [...]}"
            raise SettingError(
                (index,), f"{field}: each case needs a condition, {{when: {{other_setting: value}}, ...}}; {hint}."
            )
        when = tuple(sorted(_parse_condition(field, name, value, index) for name, value in item["when"].items()))
        rest = {key: value for key, value in item.items() if key != "when"}
        parsed.append((when, _parse_distribution(field, rest, (index,))))
    names = [_case_name(field, when, short=True) for when, _ in parsed]
    if len(set(names)) < len(names):
        names = [_case_name(field, when, short=False) for when, _ in parsed]
    return tuple(Case(name, when, spread) for name, (when, spread) in zip(names, parsed, strict=True))


def _case_name(field: str, when: tuple[tuple[str, tuple[Scalar, ...]], ...], *, short: bool) -> str:
    conditions = []
    for other, values in when:
        text = "+".join(sorted(str(value).lower() if isinstance(value, bool) else str(value) for value in values))
        is_clear = short and all(isinstance(value, str) for value in values)
        conditions.append(text if is_clear else f"{other}={text}")
    return f"{field}@{','.join(conditions)}"


def _parse_condition(field: str, other: str, raw: Any, index: int) -> tuple[str, tuple[Scalar, ...]]:
    path: Path = (index, "when", other)
    if other not in DEFAULTS:
        raise SettingError(
            path, f"{field} has a condition on {other!r}, which is no setting. {nearest(other, DEFAULTS)}"
        )
    values = raw if isinstance(raw, list) else [raw]
    if not values or not all(_is_scalar(value) for value in values):
        raise SettingError(
            path, f"{field}: a condition is {{{other}: value}} or {{{other}: [values]}}, but got {raw!r}."
        )
    return other, tuple(values)


def _parse_distribution(field: str, raw: Any, path: Path) -> Distribution:
    if _is_scalar(raw):
        return Fixed(DEFAULTS.get(field) if raw is None else raw)
    if not isinstance(raw, dict) or len(raw) != 1 or next(iter(raw)) not in KINDS:
        keys = list(raw) if isinstance(raw, dict) else []
        unknown = [key for key in keys if key not in KINDS]
        got = f"got {unknown[0]!r}. {nearest(unknown[0], KINDS)}" if unknown else f"got {keys or raw!r}."
        at = (*path, unknown[0]) if unknown else path
        raise SettingError(at, f"{field} needs one value or one of {', '.join(KINDS)}, but {got}")
    ((kind, value),) = raw.items()
    path = (*path, kind)
    if kind == "value":
        if not _is_scalar(value):
            raise SettingError(path, f"{field}: `value` is a single value, but got {value!r}; use choice for several.")
        return Fixed(DEFAULTS.get(field) if value is None else value)
    if kind == "choice":
        return _parse_choice(field, value, path)
    return _parse_range(field, kind, value, path)


def _parse_choice(field: str, values: Any, path: Path) -> Choice:
    if not isinstance(values, list) or not all(_is_scalar(value) for value in values):
        raise SettingError(path, f"{field}: choice needs a list of single values, but got {values!r}.")
    if len(values) < 2:
        got = "is empty" if not values else f"has one value, {values[0]!r}"
        raise SettingError(path, f"{field}: choice {got}; give at least two, or fix the setting with {{value: ...}}.")
    for index, value in enumerate(values):
        if any(same(value, other) for other in values[:index]):
            raise SettingError((*path, index), f"{field}: choice names {value!r} twice; remove one.")
    return Choice(tuple(values))


def _parse_range(field: str, kind: str, value: Any, path: Path) -> Range:
    is_number = isinstance(value, list) and all(
        isinstance(end, int | float) and not isinstance(end, bool) and math.isfinite(end) for end in value
    )
    if not is_number or len(value) != 2:
        raise SettingError(path, f"{field}: {kind} needs two numbers, [lowest, highest], but got {value!r}.")
    low, high = value
    if low >= high:
        raise SettingError(path, f"{field}: {kind} needs lowest below highest, but got [{low:g}, {high:g}]; swap them.")
    if kind == "log_uniform" and low <= 0:
        raise SettingError(
            path, f"{field}: log_uniform must start above 0, but got {low:g}; use 1e-6, say, or uniform."
        )
    if kind == "int_uniform":
        if not (isinstance(low, int) and isinstance(high, int)):
            raise SettingError(path, f"{field}: int_uniform needs whole numbers, but got [{low:g}, {high:g}].")
        return Range(low, high, whole=True)
    if isinstance(DEFAULTS.get(field), bool | int):
        choices = "value or choice" if isinstance(DEFAULTS[field], bool) else "int_uniform or choice"
        raise SettingError(path, f"{field} is not a decimal number, so {kind} does not fit; use {choices}.")
    return Range(float(low), float(high), log=kind == "log_uniform")


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
