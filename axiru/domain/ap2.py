"""AP2 payment mandates (v0.2): whether what was shown for a payment covers it, and of whom it speaks. Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeGuard

from axiru.domain import ap2_names as names
from axiru.domain.ap2_chain import CLOSED_CHECKOUT, Link, TrustedIssuer, verified_chain
from axiru.domain.ap2_constraints import Bounds, bounds_of
from axiru.domain.ap2_names import check_known
from axiru.domain.mandate import Broken, Mandate
from axiru.domain.movement import Amount
from axiru.domain.sd_jwt import SdJwtInvalid, digest

OPEN, CLOSED = "mandate.payment.open.1", "mandate.payment.1"
OPEN_CHECKOUT: Final = "mandate.checkout.open.1"
FRESH_SECONDS: Final = 600
"""How old the agent's own signature may be: it is made for the payment at hand."""

_LONGEST_TEXT: Final = 255


class Payee(NamedTuple):
    id: str
    name: str
    website: str | None


class ReadMandate(NamedTuple):
    """A mandate, and of whom it speaks as far as that was verified."""

    mandate: Mandate
    issuer: str | None = None
    user: str | None = None
    payee: Payee | None = None


class Presented(NamedTuple):
    """What an agent shows for a payment, and what whoever takes the payment asked it to sign."""

    mandate: str
    audience: str
    nonce: str
    checkout: str | None = None


def read_mandate(shown: Presented, amount: Amount, *, issuers: Iterable[TrustedIssuer], now: datetime) -> ReadMandate:
    """The mandate in what was shown. One that does not cover a payment of `amount` says why, in `refusal`.

    What remains is counted: payments and amounts that were made of it before.
    """
    known = tuple(issuers)
    ident = presentation = hashlib.sha256(shown.mandate.encode()).hexdigest()
    issuer_id = None
    try:
        links, issuer = verified_chain(shown.mandate, known, now)
        issuer_id = issuer.id
        *_, opened, closed = links
        ident, presentation = _name_of(opened), _name_of(closed)
        _check_presented(links[0], closed, shown, now)
        payment = _payment(closed)
        _check_unchanged(opened, payment)
        checkout = _checkout(shown.checkout, payment, known, now) if shown.checkout is not None else None
        bounds = bounds_of((opened.content or {}).get("constraints"), payment, checkout=checkout, now=now)
        _check_amount(payment, amount)
    except Broken as broken:
        reason, message = broken.refusal
        return ReadMandate(Mandate(ident, presentation, issuer_id, refusal=reason, message=message))
    except SdJwtInvalid as invalid:
        return ReadMandate(
            Mandate(ident, presentation, issuer_id, refusal=f"mandate_{invalid.why}", message=str(invalid))
        )
    except RecursionError:
        message = "The mandate is nested deeper than anybody reads."
        return ReadMandate(Mandate(ident, presentation, issuer_id, refusal="mandate_malformed", message=message))
    payee = payment["payee"]
    return ReadMandate(
        _counted(ident, presentation, issuer.id, bounds, links),
        issuer=issuer.issuer,
        user=_user(links[0]),
        payee=Payee(payee["id"], payee["name"], payee.get("website")),
    )


def _check_presented(issued: Link, closed: Link, shown: Presented, now: datetime) -> None:
    claims, meant = closed.claims, issued.claims.get("aud", shown.audience)
    if claims.get("aud") != shown.audience or claims.get("nonce") != shown.nonce:
        raise Broken("audience_mismatch", "The agent signed this for another audience, or another nonce.")
    if shown.audience not in (meant if isinstance(meant, list) else [meant]):
        raise Broken("audience_mismatch", "The issuer signed this for another audience.")
    if "iat" not in claims or now.timestamp() - claims["iat"] > FRESH_SECONDS:
        raise Broken("stale", "The agent signed this too long ago, or does not say when.")


def _payment(closed: Link) -> dict[str, Any]:
    """The closed mandate's content, with every part that has to be there. Raises Broken, SdJwtInvalid."""
    payment = closed.content or {}
    if payment.get("vct") != CLOSED:
        raise Broken("type_unknown", "The closed mandate is of a type, or a version, that is not known here.")
    amount = payment.get("payment_amount")
    whole = isinstance(amount, dict) and type(amount.get("amount")) is int and isinstance(amount.get("currency"), str)
    parts = {"payee": ("id", "name"), "payment_instrument": ("id", "type")}
    told = all(_says(payment.get(part), names) for part, names in parts.items()) and _says(payment, ("transaction_id",))
    if not whole or not told or not _is_short(payment["payee"].get("website", "")):
        raise SdJwtInvalid("malformed", "The closed mandate lacks a part that every one has.")
    check_known(payment, names.CLOSED, "The closed mandate")
    check_known(payment["payee"], names.MERCHANT, "The payee")
    check_known(payment["payment_amount"], names.AMOUNT, "The amount")
    if isinstance(pisp := payment.get("pisp"), dict):
        check_known(pisp, names.PISP, "The payment initiation service provider")
    return payment


def _says(value: Any, names: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and all(value.get(name) and _is_short(value[name]) for name in names)


def _is_short(value: Any) -> bool:
    """A text that can be kept: no longer than others, without U+0000 and without half of a surrogate pair."""
    short = isinstance(value, str) and len(value) <= _LONGEST_TEXT
    return short and not any(one == "\0" or "\ud800" <= one <= "\udfff" for one in value)


def _check_unchanged(opened: Link, payment: Mapping[str, Any]) -> None:
    content = opened.content or {}
    if content.get("vct") != OPEN:
        raise Broken("type_unknown", "The open mandate is of a type, or a version, that is not known here.")
    check_known(content, names.OPEN, "The open mandate")
    if isinstance(instrument := content.get("payment_instrument"), dict):
        check_known(instrument, names.INSTRUMENT, "The payment instrument of the open mandate")
    for name in content.keys() - names.OF_THE_MANDATE:
        if content[name] != payment.get(name) or name not in payment:
            raise Broken("claim_changed", "The closed mandate differs from what the open one says already.")


def _checkout(text: str, payment: Mapping[str, Any], issuers: tuple[TrustedIssuer, ...], now: datetime) -> str:
    """The hash of the open checkout mandate that the payment's checkout was made under. Raises Broken, SdJwtInvalid."""
    links, _ = verified_chain(text, issuers, now)
    opened, closed = links[-2].content or {}, links[-1].content or {}
    if opened.get("vct") != OPEN_CHECKOUT or closed.get("vct") != CLOSED_CHECKOUT:
        raise Broken("type_unknown", "The checkout's mandate is of a type, or a version, that is not known here.")
    if closed.get("checkout_hash") != payment["transaction_id"]:
        raise Broken("checkout_not_allowed", "The payment is for another checkout than its mandate.")
    bought = closed.get("checkout_jwt")
    if bought is not None and not (_is_ascii(bought) and digest(bought) == payment["transaction_id"]):
        raise Broken("checkout_not_allowed", "What is shown as bought is not what the payment is for.")
    return digest(links[-2].token.presented)


def _is_ascii(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value.isascii()


def _check_amount(payment: Mapping[str, Any], amount: Amount) -> None:
    stated = payment["payment_amount"]
    if stated["currency"].lower() != amount.asset or stated["amount"] != amount.minor_units:
        raise Broken("amount_mismatch", "The closed mandate is for another amount than is asked for.")


def _counted(ident: str, presentation: str, issuer_id: str, bounds: Bounds, links: Iterable[Link]) -> Mandate:
    said = (part for link in links for part in (link.claims, link.content or {}))
    ends = [part["exp"] for part in said if "exp" in part]
    if bounds.not_after is not None:
        ends.append(int(bounds.not_after.timestamp()) + 1)
    return Mandate(
        ident,
        presentation,
        issuer_id,
        most_units=None if bounds.most_units is None else str(bounds.most_units),
        most_uses=bounds.most_uses,
        every=bounds.every,
        ends_at=min(ends, default=None),
    )


def _name_of(link: Link) -> str:
    """By what was signed and not by the signature: of that there is more than one that verifies."""
    return hashlib.sha256(link.token.signing_input.encode()).hexdigest()


def _user(issued: Link) -> str | None:
    """Whom the issuer speaks of, where it says. What those after it in the chain say is their own word."""
    for part in (issued.claims, issued.content or {}):
        if isinstance(sub := part.get("sub"), str) and sub and _is_short(sub):
            return sub
    return None
