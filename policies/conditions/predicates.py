"""What is said about a single fact: that it is one of some values, in a list, within bounds, or true."""

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Self

import msgspec
import yaml

from axiru.domain.assets import CONTRACTS, folded_address, folded_asset
from policies.conditions.base import Test
from policies.facts import Facts, code_text
from policies.lists import ListSpec
from policies.reading import Reader, written_quantity
from policies.unseen import UNSEEN_IN_WORDS


class Vocabulary(msgspec.Struct, frozen=True):
    """How the values of a fact look, and the case in which facts carry them."""

    pattern: re.Pattern[str]
    hint: str
    fold: Callable[[str], str] = str

    def read(self, node: yaml.Node, reader: Reader) -> str:
        return self.fold(reader.word(node, self.pattern, self.hint))


SNAKE = Vocabulary(re.compile(r"[a-z][a-z0-9_]{0,63}"), "lower-case letters, digits and _, e.g. duplicate_charge")
IDENTIFIER = Vocabulary(re.compile(r"[!-~]{1,200}"), "up to 200 visible ASCII characters without spaces")
RECEIVER = Vocabulary(IDENTIFIER.pattern, IDENTIFIER.hint, folded_address)
FREE_TEXT = Vocabulary(
    re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff{UNSEEN_IN_WORDS}]{{1,500}}"),
    "one line of up to 500 characters that can be seen",
)
CODE = Vocabulary(re.compile(rf"(?=.*\S){FREE_TEXT.pattern.pattern}"), FREE_TEXT.hint, code_text)
COUNTRY = Vocabulary(re.compile(r"[A-Za-z]{2}"), "two letters (ISO 3166-1), e.g. US", str.upper)
CURRENCY = Vocabulary(
    re.compile(
        rf"[A-Za-z]{{3}}|(?i:{'|'.join(CONTRACTS)})|"
        r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}"
    ),
    f"an ISO 4217 code such as usd, {' or '.join(CONTRACTS)}, or a CAIP-19 asset",
    folded_asset,
)


def read_words(node: yaml.Node, reader: Reader, vocabulary: Vocabulary) -> tuple[str, ...]:
    """One word or a list of words, sorted: their order means nothing."""
    nodes = reader.sequence(node) if isinstance(node, yaml.SequenceNode) else [node]
    return tuple(sorted({vocabulary.read(item, reader) for item in nodes}))


def written_words(words: tuple[str, ...]) -> str | list[str]:
    return words[0] if len(words) == 1 else list(words)


class OneOf(msgspec.Struct, frozen=True):
    """The fact is one of `values`, or, `negated`, known and none of them. Values are sorted."""

    values: tuple[str, ...]
    negated: bool = False

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader, vocabulary: Vocabulary, also: tuple[str, ...] = ()) -> Self:
        """`usd`, `[usd, eur]`, `{in: […]}` or `{not_in: […]}`. A hint at an unknown key names `also`, too."""
        negated = False
        if isinstance(node, yaml.MappingNode):
            entries = reader.mapping(node, ("in", "not_in", *also))
            if len(entries) != 1:
                reader.report(node, "invalid_value", "expected either `in` or `not_in`", "in: [usd, eur]")
                return cls(())
            (operator, node), *_ = entries.items()
            negated = operator == "not_in"
        return cls(read_words(node, reader, vocabulary), negated)

    def written(self) -> Any:
        words = written_words(self.values)
        return {"not_in": words} if self.negated else words

    def reads(self, fact: str) -> str:
        """The fact that the test reads when this is said of `fact`."""
        return fact

    def test(self, fact: str, *, negated: bool = False) -> Test:
        expected = self.negated == negated
        if len(self.values) == 1:
            only = self.values[0]

            def is_only(facts: Facts, _now: datetime) -> bool | None:
                value = facts.get(fact)
                return None if value is None else (value == only) is expected

            return is_only
        values = frozenset(self.values)

        def is_one_of(facts: Facts, _now: datetime) -> bool | None:
            value = facts.get(fact)
            return None if value is None else (value in values) is expected

        return is_one_of


class InList(msgspec.Struct, frozen=True):
    """The fact stands in the organization's list `slug`, or, `negated`, is known and does not.

    What the list holds is looked up beforehand and arrives as a fact of its own (`ListSpec.fact`).
    """

    slug: str
    negated: bool = False

    def written(self) -> Any:
        return {"not_in_list" if self.negated else "in_list": self.slug}

    def spec(self, fact: str) -> ListSpec:
        return ListSpec(self.slug, fact)

    def reads(self, fact: str) -> str:
        return self.spec(fact).fact

    def test(self, fact: str, *, negated: bool = False) -> Test:
        return Truth(value=not self.negated).test(self.reads(fact), negated=negated)


def read_said(node: yaml.Node, reader: Reader, vocabulary: Vocabulary) -> "OneOf | InList":
    """Words as `OneOf.read` takes them, or `{in_list: vip_customers}` or `{not_in_list: …}`."""
    if not isinstance(node, yaml.MappingNode):
        return OneOf.read(node, reader, vocabulary)
    keys = {key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
    if keys.isdisjoint(_LIST_KEYS):
        return OneOf.read(node, reader, vocabulary, also=_LIST_KEYS)
    entries = reader.mapping(node, ("in", "not_in", *_LIST_KEYS))
    if len(entries) != 1:
        reader.report(node, "invalid_value", f"{' and '.join(entries)} exclude each other", "use `all:` for both")
        return InList("")
    (key, slug), *_ = entries.items()
    return InList(SNAKE.read(slug, reader), negated=key == "not_in_list")


_LIST_KEYS = ("in_list", "not_in_list")


class Truth(msgspec.Struct, frozen=True):
    """The fact is `value`, true or false."""

    value: bool

    def written(self) -> Any:
        return self.value

    def reads(self, fact: str) -> str:
        return fact

    def test(self, fact: str, *, negated: bool = False) -> Test:
        expected = self.value is not negated

        def is_so(facts: Facts, _now: datetime) -> bool | None:
            value = facts.get(fact)
            return None if value is None else value is expected

        return is_so


class Bounds(msgspec.Struct, frozen=True):
    """An integer at least `gte` or over `gt`, and at most `lte` or under `lt`. At least one bound is given."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None

    @classmethod
    def of(cls, entries: dict[str, yaml.Node], node: yaml.Node, reader: Reader) -> Self:
        """The bounds among `entries` of `node`."""
        given = {key: reader.quantity(entries[key]) for key in BOUNDS if key in entries}
        if not given and isinstance(node, yaml.MappingNode):
            reader.report(node, "missing_key", "there is no bound here", "add gt, gte, lt or lte")
        for one, other in (("gt", "gte"), ("lt", "lte")):
            if one in given and other in given:
                reader.report(node, "invalid_value", f"`{one}` and `{other}` exclude each other", "keep one of them")
        return cls(**given)

    def written(self) -> dict[str, int | str]:
        return {key: written_quantity(value) for key in BOUNDS if (value := getattr(self, key)) is not None}

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest integer within, infinite where unbounded. Integers compare exactly with both."""
        low = self.gt + 1 if self.gt is not None else self.gte if self.gte is not None else -math.inf
        high = self.lt - 1 if self.lt is not None else self.lte if self.lte is not None else math.inf
        return low, high

    def reads(self, fact: str) -> str:
        return fact

    def test(self, fact: str, *, negated: bool = False) -> Test:
        low, high = self.limits
        expected = not negated

        def is_within(facts: Facts, _now: datetime) -> bool | None:
            value = facts.get(fact)
            return None if value is None else (low <= value <= high) is expected

        return is_within


BOUNDS = ("gt", "gte", "lt", "lte")
