"""The claims of an authorization token, and what they are held against."""

import hmac
import re
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict

from axiru_verifier.errors import (
    AudienceMismatch,
    ClaimInvalid,
    ExpectationMismatch,
    FingerprintMismatch,
    IssuerMismatch,
    TokenExpired,
    TokenNotYetValid,
)

Mode = Literal["test", "live"]

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_UNITS: Final = re.compile(r"0|[1-9][0-9]{0,77}")


class Expected(TypedDict, total=False):
    """What the settling code knows of the payment by itself. The fingerprint binds all of it already; these bind it
    once more where the request comes from elsewhere than the order that is paid."""

    rail: str
    rail_action: str
    amount_cents: int
    currency: str
    mode: Mode


EXPECTABLE: Final = frozenset(Expected.__annotations__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """An amount of any size: `units` is a decimal string in the asset's smallest unit."""

    units: str
    asset: str
    exponent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified token says, under the names it has there.

    `iat`, `nbf` and `exp` are seconds since 1970; `sub` is the agent, `aud` the organization. `amount_cents` is None
    for an asset that is no currency, and `amount` says it.
    """

    jti: str
    iss: str
    iat: int
    nbf: int
    exp: int
    sub: str
    aud: str
    ovt_fingerprint: str
    rail: str
    rail_action: str
    amount_cents: int | None
    currency: str
    decision_id: str
    mode: Mode
    amount: Amount | None = None


def read_claims(raw: dict[str, Any]) -> Claims:
    """The claims, each of its kind. Raises ClaimInvalid naming the first that is not."""
    mode = raw.get("mode")
    if mode not in ("test", "live"):
        raise ClaimInvalid("mode")
    fingerprint = _text(raw, "ovt_fingerprint")
    if _FINGERPRINT.fullmatch(fingerprint) is None:
        raise ClaimInvalid("ovt_fingerprint")
    currency = _text(raw, "currency")
    amount = _amount(raw, currency)
    amount_cents = None if amount is not None and raw.get("amount_cents", 0) is None else _number(raw, "amount_cents")
    if amount is not None and amount_cents is not None and amount.units != str(amount_cents):
        raise ClaimInvalid("amount")
    return Claims(
        jti=_text(raw, "jti"),
        iss=_text(raw, "iss"),
        iat=_number(raw, "iat"),
        nbf=_number(raw, "nbf"),
        exp=_number(raw, "exp"),
        sub=_text(raw, "sub"),
        aud=_text(raw, "aud"),
        ovt_fingerprint=fingerprint,
        rail=_text(raw, "rail"),
        rail_action=_text(raw, "rail_action"),
        amount_cents=amount_cents,
        currency=currency,
        decision_id=_text(raw, "decision_id"),
        mode=mode,
        amount=amount,
    )


def check_claims(
    claims: Claims,
    *,
    issuer: str,
    audience: str,
    fingerprint: str,
    expected: Expected,
    now: float,
    leeway_seconds: int,
) -> None:
    """Raises IssuerMismatch, AudienceMismatch, TokenExpired, TokenNotYetValid, FingerprintMismatch,
    ExpectationMismatch, in this order.
    """
    if claims.iss != issuer:
        raise IssuerMismatch("The token was issued by somebody else.")
    if claims.aud != audience:
        raise AudienceMismatch("The token was issued for another organization.")
    if now >= claims.exp + leeway_seconds:
        raise TokenExpired("The token has expired.")
    if now < max(claims.nbf, claims.iat) - leeway_seconds:
        raise TokenNotYetValid("The token is not valid yet.")
    if not hmac.compare_digest(claims.ovt_fingerprint.encode(), fingerprint.encode()):
        raise FingerprintMismatch("The token was issued for another request.")
    for claim, value in expected.items():
        wanted = value.lower() if claim == "currency" and isinstance(value, str) and len(value) == 3 else value
        said = getattr(claims, claim)
        if type(said) is not type(wanted) or said != wanted:
            raise ExpectationMismatch(claim)


def _amount(raw: dict[str, Any], currency: str) -> Amount | None:
    if "amount" not in raw:
        return None
    amount = raw["amount"]
    if not isinstance(amount, dict):
        raise ClaimInvalid("amount")
    units, asset, exponent = amount.get("units"), amount.get("asset"), amount.get("exponent")
    if not isinstance(units, str) or _UNITS.fullmatch(units) is None or type(exponent) is not int or exponent < 0:
        raise ClaimInvalid("amount")
    if asset != currency:
        raise ClaimInvalid("amount")
    return Amount(units=units, asset=currency, exponent=exponent)


def _text(raw: dict[str, Any], claim: str) -> str:
    value = raw.get(claim)
    if not isinstance(value, str) or not value:
        raise ClaimInvalid(claim)
    return value


def _number(raw: dict[str, Any], claim: str) -> int:
    value = raw.get(claim)
    if type(value) is not int or value < 0:
        raise ClaimInvalid(claim)
    return value
