"""What one fact may be: a set of values, as exact as the language can state it."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Words:
    """One of `named`, or, `excluded`, anything but those. Truth values are words too: `{True}` or anything but it."""

    named: frozenset[str | bool]
    excluded: bool = False

    @property
    def empty(self) -> bool:
        return not self.named and not self.excluded

    def without(self) -> "Words":
        return Words(self.named, not self.excluded)

    def meet(self, other: "Words") -> "Words":
        match self.excluded, other.excluded:
            case False, False:
                return Words(self.named & other.named)
            case False, True:
                return Words(self.named - other.named)
            case True, False:
                return Words(other.named - self.named)
            case _:
                return Words(self.named | other.named, excluded=True)

    def within(self, other: "Words") -> bool:
        if self.excluded:
            return other.excluded and other.named <= self.named
        return self.named.isdisjoint(other.named) if other.excluded else self.named <= other.named


@dataclass(frozen=True, slots=True)
class Numbers:
    """Integers in one of the `spans`, which are sorted, apart from one another and include both of their ends."""

    spans: tuple[tuple[float, float], ...]

    @property
    def empty(self) -> bool:
        return not self.spans

    @property
    def low(self) -> float:
        return self.spans[0][0]

    def without(self) -> "Numbers":
        """All other integers."""
        gaps, start = [], -inf
        for low, high in self.spans:
            if start < low:
                gaps.append((start, low - 1))
            start = high + 1
        if start < inf:
            gaps.append((start, inf))
        return Numbers(tuple(gaps))

    def meet(self, other: "Numbers") -> "Numbers":
        both = ((max(a, c), min(b, d)) for a, b in self.spans for c, d in other.spans)
        return Numbers(tuple(sorted(span for span in both if span[0] <= span[1])))

    def within(self, other: "Numbers") -> bool:
        return all(any(c <= a and b <= d for c, d in other.spans) for a, b in self.spans)


Values = Words | Numbers

ANYTHING = Words(frozenset(), excluded=True)
"""Every word; no limit at all."""


def span(low: float, high: float) -> Numbers:
    """The integers from `low` to `high`, none if there are none."""
    return Numbers(((low, high),) if low <= high else ())


def joined(spans: Iterable[tuple[float, float]]) -> Numbers:
    """The integers in any of `spans`."""
    merged: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return Numbers(tuple(merged))
