"""Personal values: the sealed body holds salted commitments, an erasable table beside it holds salts and values. Pure.

    commitment = hex(SHA-256(salt ‖ RFC 8785 form of the value))        salt: 32 random bytes, new for every value

In a body they stand as `data["personal"] = {"ovt.context.customer_id": "<commitment>"}`. Deleting a row of
`personal_values` leaves nothing to find the value from, not even by trying all likely ones, and the chain stays whole.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ledger.entry import BodyNotCanonical, canonical_json

SALT_BYTES: Final = 32


class PersonalValue(msgspec.Struct, frozen=True):
    """A row of `personal_values`: the value behind the commitment at `path` in entry `seq`."""

    organization_id: str
    mode: str
    seq: int
    path: str
    salt: bytes
    value: Any


def commit(salt: bytes, value: Any) -> str:
    """The commitment to a JSON value, in hex.

    Raises ValueError for a salt that has not 32 bytes, BodyNotCanonical for a value without an RFC 8785 form.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a commitment needs a salt of {SALT_BYTES} random bytes, not {len(salt)}")
    return hashlib.sha256(salt + canonical_json(value)).hexdigest()


def verify_commitment(commitment: str, salt: bytes, value: Any) -> bool:
    """Whether `value` is what was committed to. Never raises: what could not have been committed to does not fit."""
    try:
        return hmac.compare_digest(commit(salt, value).encode(), commitment.encode())
    except (ValueError, BodyNotCanonical):
        return False


def commitments(data: Mapping[str, Any]) -> dict[str, str]:
    """The commitments of a body's `data`, by path; empty for an entry without personal values."""
    personal = data.get("personal")
    if not isinstance(personal, dict):
        return {}
    return {path: commitment for path, commitment in personal.items() if isinstance(commitment, str)}
