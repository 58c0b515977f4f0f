"""The index of a policy: from the facts of a movement to the rules that can say something about it.

Rules are kept under the values that they require of one fact, and there under what they require of further ones. A
fact that is unknown leads to the rules that require something of it and do something when undecided. What is found is
a superset of the rules that match or are undecided with an effect, so that looking up changes no answer.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf
from typing import Any, TypeAlias

from policies.requirements import OneOfThese, Requirement, Requirements, Within

_OVERLAP = 8
"""Bands in which more rules overlap on average are looked up by one end, so that an index grows as its policy does."""

_FEW = 2
"""So many rules are sooner checked one by one than looked up further."""

_PLACES = 16
"""A rule that is kept in as many places is not spread further: an index must not grow by every way to combine facts."""

_Check: TypeAlias = tuple[str | None, frozenset[str | bool], str | None, float, float]
Find: TypeAlias = Callable[[Any], "Node | None"]


@dataclass(slots=True)
class Node:
    """`entries` are found by whoever comes here, of `single` rules those that pass their checks; `branches` lead on,
    each by the value of one fact.

    An entry is twice the position of a rule, plus one where the way here says all that the rule requires, so that
    only the rest of it is left to be tested.
    """

    entries: tuple[int, ...]
    branches: tuple[tuple[str, Find], ...] = ()
    single: tuple["Single", ...] = ()


@dataclass(slots=True)
class Single:
    """A rule with what it still requires: a fact and its values or None, a number and its bounds or None."""

    entry_known: int
    entry_unknown: int
    undecided_matters: bool
    checks: tuple[_Check, ...]


@dataclass(frozen=True, slots=True)
class Indexed:
    """A rule on its way into the index.

    `open` is what it requires and the way has not said; `known` tells whether the way knows all else. `places` is in
    how many places the rule is kept.
    """

    position: int
    open: tuple[Requirement, ...]
    undecided_matters: bool
    known: bool = True
    places: int = 1

    @property
    def entry(self) -> int:
        return 2 * self.position + (self.known and not self.open)

    def single(self) -> Single:
        entry = 2 * self.position
        return Single(entry + self.known, entry, self.undecided_matters, tuple(map(_check, self.open)))

    def met(self, requirement: Requirement, places: int) -> "Indexed":
        """Where the requirement is known to be met, one of so many `places`, not counting that for the unknown."""
        then = requirement.then if isinstance(requirement, OneOfThese) else None
        left = self._without(requirement)
        return replace(self, open=(*left, then) if then else left, places=self._spread(places))

    def undecided(self, requirement: Requirement, places: int) -> "Indexed":
        return replace(self, open=self._without(requirement), known=False, places=self._spread(places))

    def _spread(self, places: int) -> int:
        return self.places * (places + self.undecided_matters)

    def _without(self, requirement: Requirement) -> tuple[Requirement, ...]:
        return tuple(each for each in self.open if each is not requirement)


@lru_cache(maxsize=4096)
def _check(required: Requirement) -> _Check:
    """What many rules require is one object: the less memory a decision has to look at, the sooner it is made."""
    if isinstance(required, Within):
        return None, frozenset(), required.fact, required.low, required.high
    if required.then is None:
        return required.fact, required.values, None, 0, 0
    return required.fact, required.values, required.then.fact, required.then.low, required.then.high


_Requiring: TypeAlias = list[tuple[Indexed, Requirement]]
_Key: TypeAlias = tuple[type[Requirement], str]


def index(rules: Iterable[tuple[Requirements, bool]]) -> Node:
    """The index of rules, in their order, by what they require; the flag says whether one has an effect undecided."""
    return _node(
        [
            # What holds where one of several ways is open, only the rule's whole test can say.
            Indexed(position, way, undecided_matters, known=not required.alternatives)
            for position, (required, undecided_matters) in enumerate(rules)
            for way in required.ways
        ]
    )


def candidates(node: Node, get: Callable[[str], Any]) -> list[int]:
    """The entries of the rules to look at for the facts that `get` answers, sorted by position, none twice."""
    found: list[int] = []
    _collect(node, get, found)
    if len(found) > 1:
        return sorted(set(found))
    return found


def _collect(node: Node, get: Callable[[str], Any], found: list[int]) -> None:
    found += node.entries
    for rule in node.single:
        known = _passes(rule.checks, get)
        if known:
            found.append(rule.entry_known)
        elif known is None and rule.undecided_matters:
            found.append(rule.entry_unknown)
    for fact, find in node.branches:
        branch = find(get(fact))
        if branch is not None:
            _collect(branch, get, found)


def _passes(checks: tuple[_Check, ...], get: Callable[[str], Any]) -> bool | None:
    """False where one check fails, else None where a fact is unknown, else True."""
    passes: bool | None = True
    for fact, values, number_fact, low, high in checks:
        if fact is not None:
            value = get(fact)
            if value is None:
                passes = None
                continue
            if value not in values:
                return False
        if number_fact is not None:
            number = get(number_fact)
            if number is None:
                passes = None
            elif not low <= number <= high:
                return False
    return passes


def _node(rules: list[Indexed]) -> Node:
    """Each rule goes under the requirement that it shares with the fewest others, if there are many."""
    entries = tuple(rule.entry for rule in rules if not rule.open)
    many = len(rules) - len(entries) > _FEW
    single = tuple(rule.single() for rule in rules if rule.open and not (many and rule.places < _PLACES))
    branching = [rule for rule in rules if rule.open and many and rule.places < _PLACES]
    return Node(entries, _branches(branching), single)


def _branches(rules: list[Indexed]) -> tuple[tuple[str, Find], ...]:
    alike: defaultdict[_Key, list[Requirement]] = defaultdict(list)
    for rule in rules:
        for each in rule.open:
            alike[type(each), each.fact].append(each)
    sharing = {key: _sharing(requirements) for key, requirements in alike.items()}
    branches: defaultdict[_Key, _Requiring] = defaultdict(list)
    for rule in rules:
        keys = {(type(each), each.fact): each for each in rule.open}
        best = min(keys, key=lambda key: (sharing[key](keys[key]), -len(alike[key])))
        branches[best].append((rule, keys[best]))
    return tuple(
        (fact, _by_value(requiring) if kind is OneOfThese else _by_size(requiring))
        for (kind, fact), requiring in branches.items()
    )


def _sharing(requirements: list[Requirement]) -> Callable[[Requirement], int]:
    """How many of the rules with such requirements one has to look at where a given one of them is met."""
    values = Counter(value for each in requirements if isinstance(each, OneOfThese) for value in each.values)
    bands = [each for each in requirements if isinstance(each, Within)]
    cuts = _cuts(bands)

    def sharing(required: Requirement) -> int:
        if isinstance(required, OneOfThese):
            return max(values[value] for value in required.values)
        return len(_between(required, cuts))

    return sharing


def _by_value(requiring: _Requiring) -> Find:
    rules: defaultdict[str | bool | None, list[Indexed]] = defaultdict(list)
    for rule, required in requiring:
        assert isinstance(required, OneOfThese)  # noqa: S101 - chosen by kind
        if rule.undecided_matters:
            rules[None].append(rule.undecided(required, len(required.values)))
        for value in required.values:
            rules[value].append(rule.met(required, len(required.values)))
    return {value: _node(each) for value, each in rules.items()}.get


def _by_size(requiring: _Requiring) -> Find:
    bands = [(rule, required) for rule, required in requiring if isinstance(required, Within)]
    cuts = _cuts([band for _, band in bands])
    between = [(rule, band, _between(band, cuts)) for rule, band in bands]
    unknown = _node([rule.undecided(band, len(places)) for rule, band, places in between if rule.undecided_matters])
    if sum(len(places) for _, _, places in between) > _OVERLAP * (len(cuts) + 1):
        return _by_one_end(bands, unknown)
    rules: list[list[Indexed]] = [[] for _ in range(len(cuts) + 1)]
    for rule, band, places in between:
        for place in places:
            rules[place].append(rule.met(band, len(places)))
    nodes = [_node(each) for each in rules]

    def find(value: float | None) -> Node:
        return unknown if value is None else nodes[bisect_right(cuts, value)]

    return find


def _by_one_end(bands: list[tuple[Indexed, Within]], unknown: Node) -> Find:
    """By the lower end, or by the upper where there is no lower; the other end is left to the rule's test."""
    from_low = sorted(((band.low, _met_at_one_end(rule, band)) for rule, band in bands if band.low > -inf))
    to_high = sorted(((band.high, _met_at_one_end(rule, band)) for rule, band in bands if band.low == -inf))
    lows, highs = [low for low, _ in from_low], [high for high, _ in to_high]
    over, under = tuple(entry for _, entry in from_low), tuple(entry for _, entry in to_high)

    def find(value: float | None) -> Node:
        if value is None:
            return unknown
        return Node(over[: bisect_right(lows, value)] + under[bisect_left(highs, value) :])

    return find


def _met_at_one_end(rule: Indexed, band: Within) -> int:
    return (rule if band.low > -inf and band.high < inf else rule.met(band, 1)).entry


def _cuts(bands: list[Within]) -> list[float]:
    """Where one set of bands ends and the next begins. The facts are integers, so a band ends before `high + 1`."""
    return sorted({cut for band in bands for cut in (band.low, band.high + 1) if abs(cut) < inf})


def _between(band: Within, cuts: list[float]) -> range:
    """The places between `cuts` that the band covers."""
    first = 0 if band.low == -inf else bisect_right(cuts, band.low)
    last = len(cuts) if band.high == inf else bisect_right(cuts, band.high)
    return range(first, last + 1)
