"""Selective disclosure for JWTs (RFC 9901), read strictly: compact, SHA-256, ES256. Pure.

What is read here was not signed by anybody yet: `verified_by` says whether a key signed it, `resolved` what it says.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from axiru.domain.base64url import decoded, encoded

ALGORITHM: Final = "ES256"
_ELEMENT, _MEMBER = 2, 3
"""How many parts the disclosure of an array's element has, and that of an object's member."""


class SdJwtInvalid(ValueError):
    """It is no SD-JWT, or its disclosures are not those it commits to. `why` is snake_case."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


class SdJwt(NamedTuple):
    """One signed JWT with what is disclosed of it. `signed` is the JWT as it came, `signing_input` what was signed."""

    signed: str
    header: dict[str, Any]
    payload: dict[str, Any]
    disclosures: tuple[str, ...]

    @property
    def signing_input(self) -> str:
        return self.signed.rpartition(".")[0]

    @property
    def presented(self) -> str:
        """As a key binding hashes it (RFC 9901 §4.3.1)."""
        return "~".join((self.signed, *self.disclosures, ""))


def read_sd_jwt(signed: str, disclosures: tuple[str, ...]) -> SdJwt:
    """Take apart what was compact. Raises SdJwtInvalid for anything that could be read in two ways."""
    parts = signed.split(".")
    if len(parts) != 3:
        raise SdJwtInvalid("malformed", "A JWT has three parts.")
    header, payload = (_object(part) for part in parts[:2])
    if header.get("alg") != ALGORITHM or "crit" in header or "b64" in header:
        raise SdJwtInvalid("algorithm_refused", f"Only {ALGORITHM} is taken, without critical headers.")
    if payload.get("_sd_alg", "sha-256") != "sha-256":
        raise SdJwtInvalid("algorithm_refused", "Disclosures are hashed with sha-256 only.")
    return SdJwt(signed, header, payload, disclosures)


class _Registry(jws.JWSRegistry):
    """Headers carry certificates at times, and names that are nobody's but their issuer's."""

    max_header_length = 16_384


_REGISTRY: Final = _Registry(algorithms=[ALGORITHM], strict_check_header=False)
_KEY_PARTS: Final = ("kty", "crv", "x", "y")


def verified_by(sd_jwt: SdJwt, jwk: Mapping[str, Any]) -> bool:
    """Whether this public key on P-256 signed it."""
    parts: dict[str, str | list[str]] = {name: part for name in _KEY_PARTS if isinstance(part := jwk.get(name), str)}
    if len(parts) != len(_KEY_PARTS) or (parts["kty"], parts["crv"]) != ("EC", "P-256"):
        return False
    try:
        jws.deserialize_compact(sd_jwt.signed, ECKey.import_key(parts), registry=_REGISTRY)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def digest(text: str) -> str:
    """SHA-256 of ASCII, base64url: as digests of disclosures and bindings are written."""
    return encoded(hashlib.sha256(text.encode("ascii")).digest())


def resolved(sd_jwt: SdJwt) -> dict[str, Any]:
    """The payload with every disclosure in its place (RFC 9901 §7.1). Raises SdJwtInvalid.

    What is not disclosed stays as it was: `_sd` with the digests that are left, elements as `{"...": digest}`. Every
    disclosure has to have its one place, and no digest occurs twice.
    """
    disclosed: dict[str, list[Any]] = {}
    for text in sd_jwt.disclosures:
        disclosed[digest(text)] = _disclosure(text)
    if len(disclosed) != len(sd_jwt.disclosures):
        raise SdJwtInvalid("disclosures_invalid", "A disclosure is there twice.")
    seen: Counter[str] = Counter()
    told: dict[str, Any] = _resolve(sd_jwt.payload, disclosed, seen)
    told.pop("_sd_alg", None)
    if any(count > 1 for count in seen.values()):
        raise SdJwtInvalid("disclosures_invalid", "A digest is there twice.")
    if disclosed.keys() - seen.keys():
        raise SdJwtInvalid("disclosures_invalid", "A disclosure belongs nowhere.")
    return told


def _resolve(value: Any, disclosed: Mapping[str, list[Any]], seen: Counter[str]) -> Any:
    match value:
        case dict():
            return _resolve_object(value, disclosed, seen)
        case list():
            return [one for element in value for one in _resolve_element(element, disclosed, seen)]
        case _:
            return value


def _resolve_object(value: dict[str, Any], disclosed: Mapping[str, list[Any]], seen: Counter[str]) -> dict[str, Any]:
    told = {name: _resolve(inner, disclosed, seen) for name, inner in value.items() if name != "_sd"}
    if "..." in told:
        raise SdJwtInvalid("disclosures_invalid", "What stands for an element is no object.")
    left = []
    for one in _digests(value.get("_sd", [])):
        seen[one] += 1
        disclosure = disclosed.get(one)
        if disclosure is None:
            left.append(one)
            continue
        if len(disclosure) != _MEMBER or disclosure[1] in {"_sd", "..."} or disclosure[1] in told:
            raise SdJwtInvalid("disclosures_invalid", "A disclosure is not for the place that names it.")
        told[disclosure[1]] = _resolve(disclosure[2], disclosed, seen)
    return {**told, "_sd": left} if left else told


def _resolve_element(element: Any, disclosed: Mapping[str, list[Any]], seen: Counter[str]) -> Iterator[Any]:
    if not (isinstance(element, dict) and "..." in element):
        yield _resolve(element, disclosed, seen)
        return
    (one,) = _digests([element["..."]]) if len(element) == 1 else ("",)
    if not one:
        raise SdJwtInvalid("disclosures_invalid", "What stands for an element has a digest and nothing else.")
    seen[one] += 1
    disclosure = disclosed.get(one)
    if disclosure is None:
        yield element
    elif len(disclosure) != _ELEMENT:
        raise SdJwtInvalid("disclosures_invalid", "A disclosure is not for the place that names it.")
    else:
        yield _resolve(disclosure[1], disclosed, seen)


def _digests(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise SdJwtInvalid("disclosures_invalid", "Digests are a list of texts.")
    return value


def _disclosure(text: str) -> list[Any]:
    told = _json(text)
    if not isinstance(told, list) or len(told) not in {_ELEMENT, _MEMBER} or not isinstance(told[0], str):
        raise SdJwtInvalid("disclosures_invalid", "A disclosure is a salt, a name where it has one, and a value.")
    if len(told) == _MEMBER and not isinstance(told[1], str):
        raise SdJwtInvalid("disclosures_invalid", "The name in a disclosure is a text.")
    return told


def _object(part: str) -> dict[str, Any]:
    told = _json(part)
    if not isinstance(told, dict):
        raise SdJwtInvalid("malformed", "Header and payload of a JWT are objects.")
    return told


def _json(part: str) -> Any:
    """JSON that every reader reads alike: no name twice, no NaN, decimals exactly."""
    try:
        return json.loads(
            decoded(part).decode(), parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError) as error:
        raise SdJwtInvalid("malformed", "A part is not base64url of plain JSON.") from error


def _refuse_constant(_: str) -> Any:
    raise ValueError("no number")


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(members)
    if len(told) != len(members):
        raise ValueError("a name twice")
    return told
