"""The part of CEL (https://cel.dev) that a `custom_expression` may use, so that none is slow, random or hard to read.

Facts, whole numbers, texts, lists, the operators, a few functions and the macros `all`, `exists`, `exists_one`,
`filter` and `map`. A macro goes over a fact or a written list and holds no other: what it costs grows with the list,
not with a power of it. Not to be had: `matches` (patterns can be built to be slow), `has` (a rule that misses a fact is
undecided), fractions, maps and time (`time_of_day` has it). `size` of a text counts bytes of UTF-8, not letters.
"""

import difflib
from collections.abc import Iterator
from functools import cache
from typing import Any

import cel
import msgspec
from lark import Lark, Token
from lark.exceptions import UnexpectedInput

MAX_CHARACTERS = 1_000
MAX_DEPTH = 16
MAX_MACROS = 4
MAX_LIST = 100
MAX_TERMS = 20

FACTS = ("amount_cents", "currency", "rail", "rail_action")
GROUPS: dict[str, tuple[str, ...] | None] = {
    "initiator": ("kind", "id", "scopes"),
    "counterparty": ("id", "stripe_account_id", "country"),
    "merchant": ("stripe_account_id", "stripe_connection_id"),
    "target": ("charge", "payment_intent"),
    "context": ("customer_id", "customer_tenure_days", "reason_code", "source"),
    "metadata": None,
    "extra": None,
}
"""The facts by group; where it says None, any key may be asked for."""

IN_CAPITALS = ("counterparty.country",)
IN_SMALL_LETTERS = ("currency", "rail", "rail_action", "initiator.kind", "context.reason_code", "context.source")
"""Facts that come in one case, whatever the caller wrote: compared with a text in another case, they never agree."""

METHODS = {"contains": 1, "startsWith": 1, "endsWith": 1, "size": 0}
FUNCTIONS = {"size": 1, "int": 1, "string": 1}
MACROS = ("all", "exists", "exists_one", "filter", "map")

_TRUTHS = {"or_", "and_", "relation", "negation", "true", "false"}

_GRAMMAR = r"""
?expression: alternative | alternative "?" alternative ":" expression -> conditional
?alternative: both ("||" both)+ -> or_ | both
?both: comparison ("&&" comparison)+ -> and_ | comparison
?comparison: sum (_RELATION sum)+ -> relation | sum
?sum: product (_PLUS product)+ -> arithmetic | product
?product: unary (_TIMES unary)+ -> arithmetic | unary
?unary: member | "!" unary -> negation | "-" unary -> minus
?member: primary suffix+ -> path | primary
?suffix: "." NAME -> field | "." NAME "(" [expression ("," expression)*] ")" -> method | "[" expression "]" -> index
?primary: NAME -> name | NAME "(" [expression ("," expression)*] ")" -> function | "(" expression ")" -> group | literal
?literal: "true" -> true | "false" -> false | NUMBER -> number | TEXT -> text
    | "[" [expression ("," expression)*] "]" -> list

_RELATION: "==" | "!=" | "<=" | ">=" | "<" | ">" | /in(?![a-zA-Z0-9_])/
_PLUS: "+" | "-"
_TIMES: "*" | "/" | "%"
NAME: /(?!(?:in|true|false|null)(?![a-zA-Z0-9_]))[a-zA-Z_][a-zA-Z0-9_]*/
NUMBER: /(?:0|[1-9][0-9]*)(?![.0-9a-zA-Z_])/
TEXT: /"(?:[^"\\\n]|\\["'\\nrt])*"|'(?:[^'\\\n]|\\["'\\nrt])*'/
%import common.WS
%ignore WS
"""


class ExpressionRefused(Exception):
    """The expression is not one that may be evaluated. `column` counts characters from 1."""

    def __init__(self, column: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.column, self.message, self.hint = column, message, hint


class Expression(msgspec.Struct, frozen=True):
    """An expression that may be evaluated, and the facts it reads, sorted."""

    program: Any
    fact_names: tuple[str, ...]


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, start="expression", parser="lalr", propagate_positions=True, maybe_placeholders=False)


def read_expression(source: str) -> Expression:
    """The expression that `source` states. Raises ExpressionRefused and nothing else."""
    if len(source) > MAX_CHARACTERS:
        raise ExpressionRefused(1, f"the expression is longer than {MAX_CHARACTERS} characters")
    try:
        tree = _parser().parse(source)
    except UnexpectedInput as error:
        column = max(error.pos_in_stream or 0, 0) + 1
        raise ExpressionRefused(column, "this is not an expression", _HINT) from None
    reading = _Reading()
    reading.visit(tree, depth=0)
    _require_truth(tree)
    try:
        program = cel.compile(source)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in CEL is not an Exception
        raise ExpressionRefused(1, str(error).partition("ERROR: ")[2][:200] or "this is not CEL", _HINT) from None
    return Expression(program, tuple(sorted(reading.facts)))


_HINT = 'facts, whole numbers, "texts", lists, && || ! == != < <= > >= in + - * / %, e.g. amount_cents > 10000'


class _Reading:
    def __init__(self) -> None:
        self.facts: set[str] = set()
        self._macros = 0
        self._bound: str | None = None
        """The name that the macro around binds; None outside of macros."""

    def visit(self, node: Any, depth: int) -> None:
        if isinstance(node, Token):
            return
        if depth > MAX_DEPTH:
            raise ExpressionRefused(_column(node), f"nested deeper than {MAX_DEPTH}")
        match node.data:
            case "name":
                self._name(node, [])
            case "path":
                self._path(node, depth)
            case "function":
                name, *arguments = node.children
                _require_known(name, FUNCTIONS, len(arguments))
                self._all(arguments, depth)
            case "list":
                if len(node.children) > MAX_LIST:
                    raise ExpressionRefused(_column(node), f"a list of more than {MAX_LIST}", "use a list: in_list")
                self._all(node.children, depth)
            case "arithmetic" if len(node.children) > MAX_TERMS:
                # Each step of a sum of texts copies all that went before.
                raise ExpressionRefused(_column(node), f"a sum or product of more than {MAX_TERMS}")
            case "relation":
                _require_case(node)
                self._all(node.children, depth)
            case "number" if int(str(node.children[0])) >= 2**63:
                raise ExpressionRefused(_column(node), "the number is too large")
            case _:
                self._all(node.children, depth)

    def _all(self, nodes: list[Any], depth: int) -> None:
        for node in nodes:
            self.visit(node, depth + 1)

    def _name(self, name: Any, suffixes: list[Any]) -> list[Any]:
        """Take note of the fact that starts with `name`; what is left of `suffixes` is done with its value."""
        word = str(name.children[0])
        if word == self._bound:
            return suffixes
        if word in FACTS:
            self.facts.add(word)
            return suffixes
        if word not in GROUPS:
            raise ExpressionRefused(_column(name), f"`{word}` is not known here", _near(word, (*FACTS, *GROUPS)))
        fields = GROUPS[word]
        field = _key(suffixes[0]) if suffixes else None
        if field is None or (fields is not None and field not in fields):
            message = f"`{word}` is asked for one of its facts" if field is None else f"`{word}.{field}` is not known"
            hint = _near(field or "", fields) if fields is not None else f'{word}.name or {word}["name"]'
            raise ExpressionRefused(_column(name), message, hint)
        self.facts.add(f"{word}.{field}")
        return suffixes[1:]

    def _path(self, node: Any, depth: int) -> None:
        first, *suffixes = node.children
        if first.data == "name":
            suffixes = self._name(first, suffixes)
        else:
            outer = self._bound
            if suffixes[0].data == "method" and str(suffixes[0].children[0]) in MACROS:
                self._bound = outer or ""  # what a macro goes over counts as inside it
            self.visit(first, depth + 1)
            self._bound = outer
        for position, suffix in enumerate(suffixes):
            match suffix.data:
                case "index":
                    self._all(suffix.children, depth)
                case "method" if str(suffix.children[0]) in MACROS:
                    plain = position == 0 and first.data in {"name", "list"}
                    self._macro(suffix, depth, over_plain_list=plain)
                case "method":
                    name, *arguments = suffix.children
                    _require_known(name, METHODS, len(arguments), MACROS)
                    self._all(arguments, depth)
                case _:
                    name = suffix.children[0]
                    raise ExpressionRefused(_column(name), f"`.{name}` is not known here", "no fact has parts")

    def _macro(self, suffix: Any, depth: int, *, over_plain_list: bool) -> None:
        macro, *arguments = suffix.children
        self._macros += 1
        if self._bound is not None or not over_plain_list:
            raise ExpressionRefused(
                _column(macro), f"`{macro}` goes over a fact or a written list, and not inside another"
            )
        if self._macros > MAX_MACROS:
            raise ExpressionRefused(_column(macro), f"more than {MAX_MACROS} macros")
        if len(arguments) != 2 or getattr(arguments[0], "data", "") != "name":
            raise ExpressionRefused(_column(macro), f"`{macro}` takes a name and a test", f"{macro}(x, x == 1)")
        name = str(arguments[0].children[0])
        if name in FACTS or name in GROUPS:
            raise ExpressionRefused(_column(arguments[0]), f"`{name}` is a fact", "choose another name")
        self._bound = name
        self.visit(arguments[1], depth + 1)
        self._bound = None


def _require_known(name: Token, known: dict[str, int], count: int, also: tuple[str, ...] = ()) -> None:
    if name not in known:
        raise ExpressionRefused(_column(name), f"the function `{name}` may not be used", _near(name, (*known, *also)))
    if count != known[name]:
        raise ExpressionRefused(_column(name), f"`{name}` takes {known[name]} argument(s), not {count}")


def _require_case(relation: Any) -> None:
    facts = {_fact(operand) for operand in relation.children}
    listed = [
        each for operand in relation.children for each in (operand.children if operand.data == "list" else [operand])
    ]
    for text in (each for each in listed if each.data == "text"):
        said = str(text.children[0])[1:-1]
        upper = not facts.isdisjoint(IN_CAPITALS)
        if not upper and (facts.isdisjoint(IN_SMALL_LETTERS) or (facts == {"currency", ""} and len(said) != 3)):
            continue
        right = said.upper() if upper else said.lower()
        if said != right:
            raise ExpressionRefused(_column(text), f"`{said}` is never met: this fact is `{right}`", f"write '{right}'")


def _fact(operand: Any) -> str:
    """The fact that the operand is, as it stands; otherwise nothing."""
    if operand.data == "name":
        return str(operand.children[0])
    if operand.data == "path" and operand.children[0].data == "name" and len(operand.children) == 2:
        return f"{operand.children[0].children[0]}.{_key(operand.children[1])}"
    return ""


def _require_truth(tree: Any) -> None:
    """Refuse what can be seen to answer neither true nor false. The rest is found out when it is evaluated."""
    for leaf in _answers(tree):
        match leaf.data:
            case "path" if leaf.children[-1].data == "method":
                plain = str(leaf.children[-1].children[0]) not in {"size", "filter", "map"}
            case "path":
                names = [str(leaf.children[0].children[0])] if leaf.children[0].data == "name" else []
                plain = names == ["extra"]
            case _:
                plain = leaf.data in _TRUTHS
        if not plain:
            raise ExpressionRefused(_column(leaf), "this is neither true nor false", "compare it: amount_cents > 10000")


def _answers(tree: Any) -> Iterator[Any]:
    if tree.data == "group":
        yield from _answers(tree.children[0])
    elif tree.data == "conditional":
        yield from _answers(tree.children[1])
        yield from _answers(tree.children[2])
    else:
        yield tree


def _key(suffix: Any) -> str | None:
    """The key of `.key` or `["key"]`, where it is written out without escapes."""
    match suffix.data:
        case "field":
            return str(suffix.children[0])
        case "index" if getattr(suffix.children[0], "data", "") == "text":
            text = str(suffix.children[0].children[0])[1:-1]
            return None if "\\" in text or not text else text
        case _:
            return None


def _near(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word[:64], known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"


def _column(node: Any) -> int:
    position = node.start_pos if isinstance(node, Token) else getattr(node.meta, "start_pos", 0)
    return (position or 0) + 1
