"""What the words, figures and limits of a sentence mean: the leaves of its tree."""

import re
from typing import Any, cast

import yaml
from lark import Token, Transformer

from policies.errors import PolicyError
from policies.plain import nodes
from policies.plain.amounts import SYMBOLS, AmountUnreadable, minor_units, whole_number

Limit = tuple[str, Any]
"""One of gt, gte, lt, lte, and a number or the moneys that it is."""

Money = tuple[yaml.ScalarNode, yaml.ScalarNode]
"""Currency and amount in minor units."""

_ESCAPE = re.compile(r"\\(.)")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
PERS = {"agent": "initiator"}
"""Other words for the same."""


def unquoted(token: Token) -> str:
    """What a name or a quoted text says."""
    if token.type != "STRING":
        return str(token)
    inner = token[1:-1]
    return inner if token[0] == "“" else _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], inner)


def folded(token: Token) -> str:
    """A reserved word in lower case."""
    return str(token).lower()


class Values(Transformer[Token, Any]):
    """`faults` collects what the grammar allows and arithmetic does not."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[PolicyError] = []

    def fault(self, at: Any, code: str, message: str, hint: str) -> None:
        mark = nodes.mark_at(at)
        self.faults.append(PolicyError(mark.line + 1, mark.column + 1, code, message, hint))

    # Names and numbers.

    def name(self, children: list[Token]) -> yaml.ScalarNode:
        token = children[0]
        return nodes.word(unquoted(token), token, quoted=token.type == "STRING")

    text = value = zone = name

    def number(self, children: list[Token]) -> yaml.ScalarNode:
        token = children[0]
        figures = whole_number(token)
        if figures is None:
            self.fault(token, "invalid_number", f"`{token[:40]}` is no whole number", "digits only: 7, 30, 1,000")
        return nodes.integer(figures or "0", token)

    def ordinal(self, children: list[Token]) -> yaml.ScalarNode:
        token = children[0]
        figures = token[:-2].lstrip("0") if token.type == "ORDINAL" else str(_ORDINALS.index(folded(token)) + 1)
        return nodes.integer(figures or "0", token)

    def span(self, children: list[Token]) -> yaml.ScalarNode:
        number, unit = children
        return nodes.word(f"{whole_number(number) or number}{folded(unit)[0]}", number)

    def action(self, children: list[Token]) -> yaml.ScalarNode:
        first = children[0]
        if first.type in {"NAME", "STRING"}:
            return nodes.word(unquoted(first), first)
        return nodes.word("_".join(folded(token) for token in children).removesuffix("s"), first)

    def measure(self, children: list[Token]) -> yaml.ScalarNode:
        return nodes.word("sum" if children[0].type == "TOTAL" else "count", children[0])

    def per(self, children: list[Token]) -> yaml.ScalarNode:
        written = folded(children[0])
        return nodes.word(PERS.get(written, written), children[0])

    def kind(self, children: list[Token]) -> yaml.ScalarNode:
        return nodes.word(folded(children[0]), children[0])

    # Money.

    def money(self, children: list[Token]) -> Money:
        figures, currency = children
        return self._money(figures, figures, currency, str(currency))

    def code_money(self, children: list[Token]) -> Money:
        currency, figures = children
        return self._money(figures, figures, currency, str(currency))

    def symbol_money(self, children: list[Token]) -> Money:
        token = children[0]
        figures = token[1:].lstrip()
        at = Token("NUMBER", figures, line=token.line, column=cast(int, token.column) + len(token) - len(figures))
        return self._money(figures, at, token, SYMBOLS[token[0]])

    def units(self, children: list[Any]) -> Money:
        figures, asset = children
        return asset, self.number([figures])

    def moneys(self, children: list[Money]) -> list[Money]:
        return children

    def _money(self, figures: str, at: Token, currency_at: Token, currency: str) -> Money:
        try:
            units = minor_units(figures, currency.lower())
        except AmountUnreadable as error:
            units = "0"
            column = cast(int, at.column) + error.offset
            self.faults.append(PolicyError(cast(int, at.line), column, "invalid_amount", str(error), error.hint))
        return nodes.word(currency.lower(), currency_at), nodes.integer(units, at)

    # Lists of values, and what is said with them.

    def values(self, children: list[yaml.Node]) -> yaml.Node:
        return nodes.one_or_several(children)

    def one_of(self, children: list[yaml.Node]) -> yaml.Node:
        return children[0]

    def none_of(self, children: list[yaml.Node]) -> yaml.Node:
        return nodes.mapping(children, [("not_in", children[0])])

    def on_list(self, children: list[yaml.Node]) -> yaml.Node:
        return nodes.mapping(children, [("in_list", children[0])])

    def off_list(self, children: list[yaml.Node]) -> yaml.Node:
        return nodes.mapping(children, [("not_in_list", children[0])])

    # Limits.

    def over(self, children: list[Any]) -> list[Limit]:
        return [("gt", children[0])]

    def at_least(self, children: list[Any]) -> list[Limit]:
        return [("gte", children[0])]

    or_more = at_least

    def under(self, children: list[Any]) -> list[Limit]:
        return [("lt", children[0])]

    def at_most(self, children: list[Any]) -> list[Limit]:
        return [("lte", children[0])]

    or_less = at_most

    def exactly(self, children: list[Any]) -> list[Limit]:
        return [("gte", children[0]), ("lte", children[0])]

    def from_to(self, children: list[Any]) -> list[Limit]:
        return [("gte", children[0]), ("lte", children[1])]
