"""What may stand in a list of each kind, in the one form in which it is compared. Pure."""

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, assert_never, get_args

from axiru.errors import AxiruError
from policies.facts import code_text

ListKind = Literal["customer", "country", "account", "text"]

MAX_VALUES: Final = 100_000
SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_IDENTIFIER: Final = re.compile(r"[!-~]{1,200}")
_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,500}")
_FAULTS_TOLD: Final = 20


class ListInvalid(AxiruError):
    """The list does not load, not even in part. `field` is the argument that is wrong, `faults` the first 20 values."""

    code = "invalid_request"


def read_kind(kind: str) -> ListKind:
    """Raises ListInvalid."""
    for known in get_args(ListKind):
        if kind == known:
            return known  # type: ignore[no-any-return] # get_args forgets the literal's type
    raise ListInvalid(f"A list is of kind {', '.join(get_args(ListKind))}.", field="kind")


def read_values(kind: ListKind, values: Iterable[Any]) -> list[str]:
    """The values in the form in which they are compared, each once, sorted by code point. Raises ListInvalid."""
    read: set[str] = set()
    faults: list[dict[str, Any]] = []
    for position, value in enumerate(values):
        if position >= MAX_VALUES:
            raise ListInvalid(f"A list holds up to {MAX_VALUES:,} values.", field="values")
        folded = fold(kind, value) if isinstance(value, str) else None
        if folded is not None:
            read.add(folded)
        elif len(faults) < _FAULTS_TOLD:
            faults.append({"position": position, "value": str(value)[:100]})
    if faults:
        first = faults[0]
        message = f"Value {first['position'] + 1}, {first['value']!r}, is not {_WANTED[kind]}."
        raise ListInvalid(message, field="values", faults=faults)
    return sorted(read)


def fold(kind: ListKind, value: str) -> str | None:
    """One value as it stands in a list, and as a fact is looked up in it; None for what no such list can hold."""
    word = value.strip()
    match kind:
        case "country":
            return word.upper() if word.upper() in _countries() else None
        case "customer" | "account":
            return word if _IDENTIFIER.fullmatch(word) else None
        case "text":
            # Reason codes and sources come in small letters, so a list of words holds small letters, too.
            text = code_text(word)
            return text if _TEXT.fullmatch(text) else None
        case _:
            assert_never(kind)


def content_hash(values: list[str]) -> str:
    """SHA-256 (hex) over the sorted values, a line feed between them. The database computes it again at activation."""
    return hashlib.sha256("\n".join(values).encode()).hexdigest()


_WANTED: Final[dict[ListKind, str]] = {
    "country": "an ISO 3166-1 code of two letters",
    "customer": "an id of up to 200 visible ASCII characters without spaces",
    "account": "an id of up to 200 visible ASCII characters without spaces",
    "text": "one line of up to 500 characters",
}


@cache
def _countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 as shipped with the time zones, and XK, which Stripe and others use for Kosovo."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    return frozenset(line[:2] for line in table.splitlines() if not line.startswith("#")) | {"XK"}
