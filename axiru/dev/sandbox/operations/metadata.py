"""Metadata: merged, unset by empty values, unset as a whole by an empty hash. https://docs.stripe.com/api/metadata"""

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books


def kept(metadata: dict[str, str] | None) -> dict[str, str]:
    """What a new object carries."""
    return {key: value for key, value in (metadata or {}).items() if value}


def merged(before: dict[str, str], change: dict[str, str]) -> dict[str, str]:
    return kept(before | change) if change else {}


def update_metadata(
    books: Books, document: Document, change: dict[str, str] | None, *, event: str | None, about: Document | None = None
) -> Document:
    """Write the change and announce it by `event`, about the object itself or the one it belongs to."""
    if change is None:
        return document
    before = document["metadata"]
    after = merged(before, change)
    if after != before:
        changed = {key: before.get(key) for key in before | after if before.get(key) != after.get(key)}
        books.change(document, metadata=after)
        if event is not None:
            books.record_event(event, document if about is None else about, previous={"metadata": changed})
    return document
