"""Which rules hold wherever a box does, found without comparing each with each where values tell them apart."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from heapq import merge

from policies.checks.normal_form import Box, Budget, Normal, lies_within
from policies.checks.values import Words

MAX_COMPARISONS_A_POLICY = 600_000

_Place = tuple[int, Box]


class Covering:
    """The boxes of `normals` under the value of a fact that few of them share. Comparing stops at a bound."""

    def __init__(self, normals: Iterable[Normal]) -> None:
        self._normals = tuple(normals)
        self._budget = Budget(MAX_COMPARISONS_A_POLICY)
        places = [(place, box) for place, normal in enumerate(self._normals) for box in normal.boxes]
        sharing: dict[tuple[str, str | bool], int] = defaultdict(int)
        for _, box in places:
            for name in _names(box):
                sharing[name] += 1
        self._by_name: dict[tuple[str, str | bool], list[_Place]] = defaultdict(list)
        self._others: list[_Place] = []
        for place, box in places:
            fact = min(_facts(box), key=lambda fact: max(sharing[name] for name in _names(box, fact)), default=None)
            if fact is None:
                self._others.append((place, box))
            else:
                for name in _names(box, fact):
                    self._by_name[name].append((place, box))

    def covering(self, boxes: tuple[Box, ...], before: int) -> Iterator[Normal]:
        """Those of the first `before`, in their order, that hold wherever one of `boxes` does."""
        asked: int | None = None
        for place in self._over(boxes[0], before):
            if place == asked:
                continue
            asked, over = place, self._normals[place].boxes
            if self._budget.spend((len(boxes) - 1) * len(over)) and all(
                any(lies_within(box, other) for other in over) for box in boxes[1:]
            ):
                yield self._normals[place]

    def _over(self, box: Box, before: int) -> Iterator[int]:
        # What covers the box names each of its values, so any one value of each fact leads to it.
        lists = [self._by_name.get(next(iter(_names(box, fact))), []) for fact in _facts(box)]
        for place, other in merge(self._others, *lists, key=lambda each: each[0]):
            if place >= before or not self._budget.spend(1):
                return
            if lies_within(box, other):
                yield place


def _facts(box: Box) -> list[str]:
    return [fact for fact, values in box.items() if isinstance(values, Words) and not values.excluded]


def _names(box: Box, only: str | None = None) -> Iterator[tuple[str, str | bool]]:
    for fact in _facts(box) if only is None else (only,):
        values = box[fact]
        if isinstance(values, Words):
            yield from ((fact, name) for name in sorted(values.named, key=str))
