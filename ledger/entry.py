"""One entry of the ledger: its body, its hashes, and how the next one is made. Pure.

An entry's body is the RFC 8785 form of one JSON object, kept as the bytes that were hashed:

    entry_hash = SHA-256(prev_hash ‖ body)        the first prev_hash is the genesis hash of (organization, mode)
    signature  = Ed25519(entry_hash)              by the key the body names
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec
import rfc8785

from axiru.errors import AxiruError

_GENESIS_DOMAIN: Final = b"axiru.ledger.genesis.v1\x00"
_LARGEST_SAFE_INTEGER: Final = 2**53 - 1
_LARGEST_SAFE_DIGITS: Final = len(str(-_LARGEST_SAFE_INTEGER))


class BodyNotCanonical(AxiruError):
    """Values that have no RFC 8785 form, or bytes that are not the RFC 8785 form of a ledger body."""

    code = "ledger_body_not_canonical"


class EntrySigner(Protocol):
    """Who signs entries: `ledger.signing.Signer`, or a stand-in with the same promise."""

    @property
    def key_id(self) -> str: ...

    def sign(self, entry_hash: bytes, /) -> bytes: ...


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a body says. `sealed_at` stays the text that was hashed: RFC 3339, UTC, six digits of a second."""

    organization_id: str
    mode: str
    seq: int
    kind: str
    sealed_at: str
    policy_hash: str | None
    key_id: str
    data: dict[str, Any]

    @property
    def decision_id(self) -> str | None:
        """The decision this entry belongs to; None for entries about something else."""
        decision_id = self.data.get("decision_id")
        return decision_id if isinstance(decision_id, str) else None


class ChainHead(msgspec.Struct, frozen=True):
    """The end of one chain: the next entry gets `seq + 1` and links to `entry_hash` (32 bytes)."""

    organization_id: str
    mode: str
    seq: int
    entry_hash: bytes

    @classmethod
    def genesis(cls, organization_id: str, mode: str) -> "ChainHead":
        """The head of a chain that has no entry yet: seq 0 and the genesis hash."""
        return cls(organization_id, mode, 0, genesis_hash(organization_id, mode))


class Entry(msgspec.Struct, frozen=True):
    """A row of `ledger_entries`. All columns but the body, the hashes and the signature are projections of the body."""

    organization_id: str
    mode: str
    seq: int
    kind: str
    decision_id: str | None
    body: bytes
    prev_hash: bytes
    entry_hash: bytes
    signature: bytes
    sealed_at: datetime

    @property
    def ledger_id(self) -> str:
        return ledger_id(self.entry_hash)

    @property
    def head(self) -> ChainHead:
        """The chain's head once this entry is its last."""
        return ChainHead(self.organization_id, self.mode, self.seq, self.entry_hash)


def seal(
    head: ChainHead,
    *,
    kind: str,
    data: Mapping[str, Any],
    policy_hash: str | None,
    sealed_at: datetime,
    signer: EntrySigner,
) -> Entry:
    """The entry that follows `head`. `data` is JSON values only; its `decision_id`, if any, becomes the column.

    Raises BodyNotCanonical for data without an RFC 8785 form and ValueError for a `sealed_at` without a time zone.
    """
    seq = head.seq + 1
    body = canonical_body(
        organization_id=head.organization_id,
        mode=head.mode,
        seq=seq,
        kind=kind,
        sealed_at=sealed_at,
        policy_hash=policy_hash,
        key_id=signer.key_id,
        data=data,
    )
    hashed = entry_hash(head.entry_hash, body)
    return Entry(
        organization_id=head.organization_id,
        mode=head.mode,
        seq=seq,
        kind=kind,
        decision_id=data.get("decision_id"),
        body=body,
        prev_hash=head.entry_hash,
        entry_hash=hashed,
        signature=signer.sign(hashed),
        sealed_at=sealed_at.astimezone(UTC),
    )


def canonical_body(
    *,
    organization_id: str,
    mode: str,
    seq: int,
    kind: str,
    sealed_at: datetime,
    policy_hash: str | None,
    key_id: str,
    data: Mapping[str, Any],
) -> bytes:
    """The RFC 8785 bytes of a body with exactly these eight members. Raises BodyNotCanonical, ValueError as `seal`."""
    return canonical_json(
        {
            "organization_id": organization_id,
            "mode": mode,
            "seq": seq,
            "kind": kind,
            "sealed_at": timestamp(sealed_at),
            "policy_hash": policy_hash,
            "key_id": key_id,
            "data": dict(data),
        }
    )


def parse_body(body: bytes) -> Body:
    """Read a body back. Raises BodyNotCanonical unless the bytes are exactly what `canonical_body` makes of it."""
    parsed = parse_json(body)
    if canonical_json(parsed) != body:
        raise BodyNotCanonical("the body is not in RFC 8785 form")
    try:
        return msgspec.convert(parsed, Body)
    except msgspec.ValidationError as error:
        raise BodyNotCanonical(f"the body is not that of a ledger entry: {error}") from error


def genesis_hash(organization_id: str, mode: str) -> bytes:
    """What the first entry links to: 32 bytes that no other organization or mode has, and no entry can hash to."""
    return hashlib.sha256(_GENESIS_DOMAIN + canonical_json({"organization_id": organization_id, "mode": mode})).digest()


def entry_hash(prev_hash: bytes, body: bytes) -> bytes:
    """SHA-256(prev_hash ‖ body). `prev_hash` is always 32 bytes, so the two cannot run into each other."""
    return hashlib.sha256(prev_hash + body).digest()


def ledger_id(entry_hash: bytes) -> str:
    """The name of an entry for people and APIs: `lr_` and 26 characters that anyone can derive from its hash."""
    return "lr_" + base64.b32encode(entry_hash[:16]).decode().rstrip("=").lower()


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with six digits of a second, "2026-04-28T20:00:00.123456Z". Raises ValueError without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a ledger entry is sealed at a moment with a time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def canonical_json(value: Any) -> bytes:
    """The RFC 8785 form of a JSON value. Raises BodyNotCanonical for what has none: NaN, 2^53, half a surrogate."""
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:
        raise BodyNotCanonical(f"there is no RFC 8785 form of this value: {error}") from error


def parse_json(text: bytes | str) -> Any:
    """Parse so that `canonical_json` gives canonical text back unchanged. Raises BodyNotCanonical if it is not JSON."""
    try:
        # Decoded here because json.loads guesses at UTF-16 and UTF-32, which RFC 8785 does not know.
        return json.loads(text if isinstance(text, str) else text.decode("utf-8"), parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise BodyNotCanonical(f"the text is not JSON in UTF-8: {error}") from error


def _number(digits: str) -> int | float:
    """RFC 8785 §3.2.2.3 prints a double of up to 21 digits without a point; such a number is still a double."""
    if len(digits) > _LARGEST_SAFE_DIGITS or abs(int(digits)) > _LARGEST_SAFE_INTEGER:
        return float(digits)
    return int(digits)
