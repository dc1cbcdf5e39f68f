"""What a setting may be: one value, one of a few, or a range."""

import math
from dataclasses import dataclass

Scalar = bool | int | float | str | None


@dataclass(frozen=True)
class Fixed:
    """One value, not searched."""

    value: Scalar

    def ends(self) -> tuple[Scalar, ...]:
        return (self.value,)

    def contains(self, value: Scalar) -> bool:
        return same(value, self.value)


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: tuple[Scalar, ...]

    def ends(self) -> tuple[Scalar, ...]:
        return self.values

    def contains(self, value: Scalar) -> bool:
        return any(same(value, known) for known in self.values)


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; whole ones, or spread evenly by logarithm."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def ends(self) -> tuple[Scalar, ...]:
        return (self.low, self.high)

    def contains(self, value: Scalar) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return self.low <= value <= self.high

    def at(self, share: float) -> float:
        """The number at a share of the range, in [0, 1], by logarithm where it is spread so."""
        if self.log:
            return min(self.high, max(self.low, math.exp(_between(math.log(self.low), math.log(self.high), share))))
        return _between(self.low, self.high, share)


def _between(low: float, high: float, share: float) -> float:
    return low + share * (high - low)


Distribution = Fixed | Choice | Range


def describe(distribution: Distribution) -> str:
    """The rule in words: "one of ['sgd', 'adam']", "between 0 and 0.6"."""
    match distribution:
        case Fixed(value):
            return f"{value!r} here"
        case Choice(values):
            return f"one of {list(values)}"
        case Range(low, high, _, whole):
            return f"{'a whole number ' if whole else ''}between {low:g} and {high:g}"


def same(one: Scalar, other: Scalar) -> bool:
    """Equal, and both or neither a truth value: True is not 1 in a study file."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
