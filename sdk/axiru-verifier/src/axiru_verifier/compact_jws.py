"""A compact JWS in its only spelling (RFC 7515 §7.1), and JSON that two readers cannot read differently (RFC 7493).

Libraries take padding, spare bits in the last character, duplicate names or a key in the header. All of that is refused
before one of them sees it.
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from axiru_verifier.errors import AlgorithmNotAllowed, HeaderNotAllowed, TokenMalformed, TypeMismatch

ALGORITHM: Final = "ES256"
TYPE: Final = "axiru-authz+jwt"

_FORBIDDEN_HEADERS: Final = frozenset(
    {"jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256", "crit", "b64", "zip", "enc", "epk"}
)
_LONGEST_TOKEN: Final = 16_384
_SIGNATURE_BYTES: Final = 64
_DEEPEST: Final = 16
_LARGEST_INTEGER: Final = 2**53 - 1
_LONGEST_INTEGER_TEXT: Final = 17
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class CompactJws:
    """A token whose spelling, header and JSON are in order. Nothing in it is believed yet."""

    text: str
    kid: str
    claims: dict[str, Any]


def read_compact_jws(token: object) -> CompactJws:
    """Raises TokenMalformed, HeaderNotAllowed, AlgorithmNotAllowed, TypeMismatch."""
    if not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
        raise TokenMalformed("The token is not a text, or too long for one.")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenMalformed("A compact JWS has three parts.")
    raw_header, raw_claims, signature = (_bytes_of(part) for part in parts)
    header = strict_object(raw_header)
    if (forbidden := _FORBIDDEN_HEADERS & header.keys()) != set():
        raise HeaderNotAllowed(f"The header has {', '.join(sorted(forbidden))}, which no token of Axiru has.")
    if header.get("alg") != ALGORITHM:
        raise AlgorithmNotAllowed("The token is not signed with ES256.")
    if header.get("typ") != TYPE:
        raise TypeMismatch(f"The token's typ is not {TYPE}.")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise TokenMalformed("The header names no key.")
    if len(signature) != _SIGNATURE_BYTES:
        raise TokenMalformed("The signature does not have the 64 bytes of ES256 (RFC 7518 §3.4).")
    return CompactJws(token, kid, strict_object(raw_claims))


def strict_object(raw: bytes) -> dict[str, Any]:
    """A JSON object without duplicate names, lone surrogates, fractions, or integers beyond 2^53.

    Raises TokenMalformed.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
        _check(value, _DEEPEST)
    except (ValueError, RecursionError) as error:
        raise TokenMalformed(f"Not strict JSON: {error}") from error
    if not isinstance(value, dict):
        raise TokenMalformed("Not a JSON object.")
    return value


def _bytes_of(part: str) -> bytes:
    """The bytes that `part` is the one base64url spelling of (RFC 7515 §2, RFC 4648 §3.5)."""
    if _PART.fullmatch(part) is None or len(part) % 4 == 1:
        raise TokenMalformed("A part of the token is not base64url.")
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != part.encode():
        raise TokenMalformed("A part of the token ends in bits that mean nothing.")
    return raw


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name appears twice")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER_TEXT or abs(number := int(digits)) > _LARGEST_INTEGER:
        raise ValueError("an integer is beyond 2^53 - 1")
    return number


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no integer")


def _check(value: Any, depth: int) -> None:
    match value:
        case str():
            value.encode("utf-8")  # UnicodeEncodeError, a ValueError, for half of a surrogate pair
        case dict() | list():
            if depth == 0:
                raise ValueError("nested too deep")
            for member in [*value, *value.values()] if isinstance(value, dict) else value:
                _check(member, depth - 1)
