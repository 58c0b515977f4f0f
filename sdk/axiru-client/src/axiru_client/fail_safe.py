"""The fail-safe document: what callers may do alone while Axiru cannot be reached, in Axiru's own signed words.

A compact JWS (RFC 7515) by an Ed25519 key, with `typ: axiru-fail-safe+jwt`. Whatever is wrong with it, from a forged
signature to an hour too much, makes it no document at all, and the defaults of `DEFAULTS` hold.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from axiru_client.requests import Asked
from axiru_client.vocabulary import DEFAULTS, Mode, WhenUnreachable

TYPE: Final = "axiru-fail-safe+jwt"
ALGORITHMS: Final = ["Ed25519"]
"""The one algorithm taken, by its name of RFC 9864."""

_LONGEST_LIFE_SECONDS: Final = 24 * 3600 + 60
_CLOCK_SKEW_SECONDS: Final = 60
_LONGEST_DOCUMENT: Final = 256 * 1024


class FailSafeInvalid(Exception):
    """The document is not one that may be relied on; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """A payout programme that may go on without Axiru, for payouts of up to an amount, until a time."""

    programme: str
    currency: str
    max_amount_cents: int
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A kill switch, whose scope is empty, or a freeze of what its scope names."""

    scope: Mapping[str, str]
    expires_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailSafe:
    """A verified document."""

    issuer: str
    audience: str
    mode: Mode
    issued_at: float
    expires_at: float
    surfaces: Mapping[str, str]
    unreachable: Mapping[str, WhenUnreachable]
    programmes: tuple[Programme, ...]
    default_connection: str | None = None
    stopped: tuple[Stop, ...] = ()

    def in_shadow(self, surface: str, connection: str | None) -> bool:
        """Whether a surface was in shadow when this was signed.

        Without a connection the organization's default one is meant. Where nobody here knows which that is, every
        connection has to be.
        """
        connection = connection or self.default_connection
        if connection is not None and (named := self.surfaces.get(f"{connection}/{surface}")) is not None:
            return named == "shadow"
        own = (mode for name, mode in self.surfaces.items() if connection is None and name.endswith(f"/{surface}"))
        return self.surfaces.get(surface) == "shadow" and all(mode == "shadow" for mode in own)

    def stops(self, asked: Asked, *, now: float) -> bool:
        """Whether a control stopped this request when the document was signed; what it names may stand anywhere."""
        return any(
            (stop.expires_at is None or now < stop.expires_at)
            and all(self._is_named(asked, name, value) for name, value in stop.scope.items())
            for stop in self.stopped
        )

    def _is_named(self, asked: Asked, name: str, value: str) -> bool:
        match name:
            case "surface":
                return asked.surface == value
            case "stripe_connection_id":
                return (asked.connection or self.default_connection) in {value, None}
            case _:
                return value in _texts(asked.body)

    def lets_go(self, programme: str | None, *, amount_cents: int, currency: str, now: float) -> bool:
        """Whether a payout of this programme may go without Axiru."""
        return any(
            entry.programme == programme
            and entry.currency == currency
            and amount_cents <= entry.max_amount_cents
            and now < entry.expires_at
            for entry in self.programmes
        )


def public_key(jwk: Any) -> OKPKey:
    """The Ed25519 public key of a JWK. Raises FailSafeInvalid for any other key."""
    if not isinstance(jwk, dict) or (jwk.get("kty"), jwk.get("crv")) != ("OKP", "Ed25519"):
        raise FailSafeInvalid("the public key is not an Ed25519 JWK")
    try:
        key = OKPKey.import_key({name: jwk[name] for name in ("kty", "crv", "x")})
    except (JoseError, KeyError, ValueError, TypeError) as error:
        raise FailSafeInvalid("the public key is not an Ed25519 JWK") from error
    if jwk.get("kid", key.thumbprint()) != key.thumbprint():
        raise FailSafeInvalid("the public key's kid is not its thumbprint")
    return key


def verified(
    document: object, keys: tuple[OKPKey, ...], *, issuer: str, audience: str | None, mode: Mode, now: float
) -> FailSafe:
    """The document's content, provided that one of `keys` signed it for us and it is in force at `now`.

    Raises FailSafeInvalid for everything else.
    """
    claims = _signed_claims(document, keys)
    try:
        found = _fail_safe(claims)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FailSafeInvalid("a claim is missing or of the wrong kind") from error
    if found.issuer != issuer:
        raise FailSafeInvalid(f"signed by the issuer {found.issuer!r}, not {issuer!r}")
    if audience is not None and found.audience != audience:
        raise FailSafeInvalid("signed for another organization")
    if found.mode != mode:
        raise FailSafeInvalid(f"signed for {found.mode} mode")
    if not found.issued_at - _CLOCK_SKEW_SECONDS <= now < found.expires_at:
        raise FailSafeInvalid("expired, or not valid yet")
    if found.expires_at - found.issued_at > _LONGEST_LIFE_SECONDS:
        raise FailSafeInvalid("valid for more than a day")
    return found


def _signed_claims(document: object, keys: tuple[OKPKey, ...]) -> Any:
    if not isinstance(document, str) or len(document) > _LONGEST_DOCUMENT or not document.isascii():
        raise FailSafeInvalid("not a compact JWS")
    if any(not _is_base64url(part) for part in document.split(".")):
        raise FailSafeInvalid("not a compact JWS")
    for key in keys:
        try:
            signed = jws.deserialize_compact(document, key, algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        header = signed.headers()
        if header.get("typ") != TYPE or header.get("kid") != key.thumbprint() or "crit" in header:
            raise FailSafeInvalid("the JWS is not a fail-safe document of this key")
        try:
            return json.loads(signed.payload or b"")
        except (ValueError, RecursionError) as error:
            raise FailSafeInvalid("the claims are not JSON") from error
    raise FailSafeInvalid("not signed by a key that is trusted")


def _is_base64url(part: str) -> bool:
    """Exactly the one spelling of some bytes: joserfc also takes padding and spare bits."""
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return False
    return base64.urlsafe_b64encode(raw).decode().rstrip("=") == part


def _fail_safe(claims: Any) -> FailSafe:
    mode: Mode = claims["mode"]
    if mode not in ("test", "live"):
        raise ValueError(mode)
    return FailSafe(
        issuer=_text(claims["iss"]),
        audience=_text(claims["aud"]),
        mode=mode,
        issued_at=_number(claims["iat"]),
        expires_at=_number(claims["exp"]),
        surfaces={_text(surface): _text(surface_mode) for surface, surface_mode in claims["surfaces"].items()},
        # An instruction of a later release is one we cannot follow: it holds.
        unreachable={action: _instruction(claims["unreachable"].get(action)) for action in DEFAULTS},
        programmes=tuple(_programme(entry) for entry in claims["programmes"]),
        stopped=tuple(_stop(entry) for entry in claims.get("stopped", [])),
        default_connection=None if (default := claims.get("default_connection")) is None else _text(default),
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text in a body, however deep."""
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)


def _instruction(said: object) -> WhenUnreachable:
    match said:
        case "allow" | "last_good_packet":
            return said
        case _:
            return "hold"


def _stop(entry: Any) -> Stop:
    return Stop(
        scope={_text(name): _text(value) for name, value in entry["scope"].items()},
        expires_at=None if entry["expires_at"] is None else _moment(entry["expires_at"]),
    )


def _moment(value: Any) -> float:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(moment)
    return moment.timestamp()


def _programme(entry: Any) -> Programme:
    return Programme(
        programme=_text(entry["programme"]),
        currency=_text(entry["currency"]).lower(),
        max_amount_cents=_number(entry["max_amount_cents"]),
        expires_at=_moment(entry["expires_at"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(value)
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value
