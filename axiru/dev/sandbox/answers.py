"""What goes back over the wire."""

import secrets
import string
from typing import Any

import msgspec

Document = dict[str, Any]
"""A Stripe object as JSON: its shape belongs to Stripe's API description, not to this package."""

ALPHABET = string.ascii_letters + string.digits


class Answer(msgspec.Struct, frozen=True):
    """Status, body bytes (kept as they were first sent, so that a replay is identical) and extra headers."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


def ok(document: Document) -> Answer:
    return Answer(status=200, body=msgspec.json.encode(document))


def new_id(prefix: str) -> str:
    """An id in Stripe's manner, such as `re_` and 24 letters and digits."""
    return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(24))
