"""Expanding: references in an answer become the objects they name. https://docs.stripe.com/api/expanding_objects"""

from collections.abc import Iterable
from typing import Any, Final

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.refusals import ParameterRefused, StripeRefusal

MAX_DEPTH: Final = 4
_KINDS: Final = {
    "ch": "charge",
    "cus": "customer",
    "fee": "application_fee",
    "pi": "payment_intent",
    "po": "payout",
    "re": "refund",
    "tr": "transfer",
    "txn": "balance_transaction",
}
"""By the prefix of an id. A reference to anything else, or to what the books do not hold, stays an id."""


def expanded(books: Books, document: Document, paths: Iterable[Any]) -> Document:
    """`document` with every reference that `paths` name replaced. Raises ParameterRefused."""
    for path in paths:
        names = str(path).split(".")
        if len(names) > MAX_DEPTH:
            raise ParameterRefused(
                f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}", param="expand"
            )
        _expand(books, document, names, str(path))
    return document


def _expand(books: Books, document: Document, names: list[str], path: str) -> None:
    name, *deeper = names
    if name not in document:
        raise ParameterRefused(f"This property cannot be expanded ({path}).", param="expand")
    value = document[name]
    if isinstance(value, str):
        value = document[name] = _found(books, value) or value
    for one in value if isinstance(value, list) else [value]:
        if deeper and isinstance(one, dict):
            _expand(books, one, deeper, path)


def _found(books: Books, object_id: str) -> Document | None:
    kind = _KINDS.get(object_id.partition("_")[0])
    if kind is None:
        return None
    try:
        return books.get(kind, object_id, param="expand")
    except StripeRefusal:
        return None
