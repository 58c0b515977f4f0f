"""AP2 payment mandates (v0.2): a chain of SD-JWTs, from an issuer that is trusted to the payment that is asked for.

    [user credential ~~] open payment mandate ~~ closed payment mandate

Each link is signed with the key that the one before confirms (`cnf`), and hashes it; the last is the agent's own, made
for one audience and one nonce. https://ap2-protocol.org/ap2/agent_authorization/ and RFC 9901. Pure.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from axiru.domain.ap2_constraints import Bounds, Broken, bounds_of
from axiru.domain.mandate import EXPIRED, Mandate
from axiru.domain.movement import Amount
from axiru.domain.sd_jwt import SdJwt, SdJwtInvalid, digest, read_sd_jwt, resolved, verified_by

OPEN, CLOSED = "mandate.payment.open.1", "mandate.payment.1"
OPEN_CHECKOUT, CLOSED_CHECKOUT = "mandate.checkout.open.1", "mandate.checkout.1"
LEEWAY_SECONDS: Final = 60
FRESH_SECONDS: Final = 600
"""How old the agent's own signature may be: it is made for the payment at hand."""

_LAST_TYPES: Final = frozenset({"kb+sd-jwt", "kb-sd-jwt"})
_PASSED_ON_TYPES: Final = frozenset({"kb+sd-jwt+kb", "kb-sd-jwt+kb"})
_OF_THE_MANDATE: Final = frozenset({"vct", "constraints", "cnf", "iat", "nbf", "exp", "jti", "iss", "sub", "risk_data"})
"""What an open mandate says of itself; everything else in it is of the payment, and stays as it is."""

_LONGEST_TEXT: Final = 255


class TrustedIssuer(NamedTuple):
    """A key whose mandates an organization takes, and who it belongs to."""

    id: str
    issuer: str
    jwk: dict[str, Any]


class Link(NamedTuple):
    """One token of a chain that was verified. `content` is the mandate in it; None where it is a credential."""

    token: SdJwt
    claims: dict[str, Any]
    content: dict[str, Any] | None

    @property
    def key(self) -> Any:
        confirmed = (self.content or {}).get("cnf", self.claims.get("cnf"))
        return confirmed.get("jwk") if isinstance(confirmed, dict) and len(confirmed) == 1 else None


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
        links, issuer = _chain(shown.mandate, known, now)
        issuer_id = issuer.id
        *_, opened, closed = links
        ident, presentation = _name_of(opened), _name_of(closed)
        _check_presented(closed, shown, now)
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
        user=_user(links),
        payee=Payee(payee["id"], payee["name"], payee.get("website")),
    )


def _chain(text: str, issuers: tuple[TrustedIssuer, ...], now: datetime) -> tuple[list[Link], TrustedIssuer]:
    """Every token of the chain, each verified against the one before. Raises Broken, SdJwtInvalid."""
    tokens = [_token(part) for part in text.removesuffix("~").split("~~")]
    if not 2 <= len(tokens) <= 3:
        raise Broken("chain_unsupported", "A mandate comes as an open one and the closed one made of it.")
    issuer = _issuer(tokens[0], issuers)
    links = [_link(tokens[0], now)]
    for position, token in enumerate(tokens[1:], start=1):
        last, before = position == len(tokens) - 1, links[-1]
        _check_bound(token, before, last=last)
        links.append(_link(token, now))
    if len(links) == 3 and links[0].content is not None:
        raise Broken("chain_unsupported", "Authority that an agent passes on to another is not taken.")
    opened, closed = links[-2].content, links[-1].content
    if opened is None or closed is None or "cnf" in closed or links[-2].key is None:
        raise Broken("chain_unsupported", "An open mandate confirms a key, and the closed one made of it does not.")
    return links, issuer


def _token(part: str) -> SdJwt:
    signed, *disclosures = part.split("~")
    if not all(disclosures):
        raise SdJwtInvalid("malformed", "A disclosure is empty.")
    return read_sd_jwt(signed, tuple(disclosures))


def _issuer(token: SdJwt, issuers: tuple[TrustedIssuer, ...]) -> TrustedIssuer:
    """Whose key signed the first token; a key id, and an issuer, that it names count. Raises Broken."""
    if _is_of(token, _LAST_TYPES | _PASSED_ON_TYPES):
        raise Broken("chain_unsupported", "The chain does not begin with what an issuer signed.")
    kid, named = token.header.get("kid"), token.payload.get("iss")
    for one in issuers:
        is_named = (kid is None or kid == one.jwk.get("kid")) and (named is None or named == one.issuer)
        if is_named and verified_by(token, one.jwk):
            return one
    raise Broken("issuer_not_trusted", "The mandate is not signed by an issuer that is trusted here.")


def _is_of(token: SdJwt, types: frozenset[str]) -> bool:
    return isinstance(typ := token.header.get("typ"), str) and typ in types


def _check_bound(token: SdJwt, before: Link, *, last: bool) -> None:
    """That `token` was signed with the key that `before` confirms, and for that and nothing else."""
    if not _is_of(token, _LAST_TYPES if last else _PASSED_ON_TYPES):
        raise Broken("chain_unsupported", "A token of the chain is not of the type that its place asks for.")
    key = before.key
    if not isinstance(key, dict) or "d" in key or (key.get("kty"), key.get("crv")) != ("EC", "P-256"):
        raise Broken("key_unusable", "The key that the mandate confirms is no public key on P-256.")
    if not verified_by(token, key):
        raise Broken("signature_invalid", "A token is not signed with the key that the one before it confirms.")
    bindings = {"sd_hash": before.token.presented, "issuer_jwt_hash": before.token.signed}
    stated = [name for name in bindings if name in token.payload]
    if len(stated) != 1 or token.payload[stated[0]] != digest(bindings[stated[0]]):
        raise Broken("binding_invalid", "A token was made for another than the one before it.")


def _link(token: SdJwt, now: datetime) -> Link:
    claims = resolved(token)
    content = _content(claims)
    for said in (claims, content or {}):
        _check_time(said, now)
    if "status" in claims or (content is not None and "status" in content):
        raise Broken("status_unchecked", "Whether the mandate was revoked is said where nobody looks it up here.")
    if content is not None and _hides(content):
        raise Broken("undisclosed", "A part of the mandate is not disclosed: nobody can say what it forbids.")
    return Link(token, claims, content)


def _content(claims: Mapping[str, Any]) -> dict[str, Any] | None:
    """The one mandate that is disclosed; other elements may stay hidden, being other mandates."""
    if "delegate_payload" not in claims:
        return dict(claims) if str(claims.get("vct", "")).startswith("mandate.") else None
    elements = claims["delegate_payload"]
    if not isinstance(elements, list):
        raise SdJwtInvalid("malformed", "What is delegated is a list.")
    shown = [one for one in elements if not (isinstance(one, dict) and "..." in one)]
    if len(shown) != 1 or not isinstance(shown[0], dict):
        raise Broken("chain_unsupported", "Of each token exactly one mandate is disclosed.")
    return shown[0]


def _hides(content: Any, name: str = "") -> bool:
    """Whether anything but an element of an `allowed` list is left out."""
    match content:
        case dict():
            return "_sd" in content or any(_hides(inner, key) for key, inner in content.items())
        case list():
            return any(
                (name != "allowed") if isinstance(one, dict) and "..." in one else _hides(one) for one in content
            )
        case _:
            return False


def _check_time(said: Mapping[str, Any], now: datetime) -> None:
    at = now.timestamp()
    for name in ("iat", "nbf", "exp"):
        if name in said and (type(said[name]) is not int or not 0 <= said[name] < 1 << 40):
            raise SdJwtInvalid("malformed", f"{name} is a time in whole seconds.")
    if said.get("iat", 0) > at + LEEWAY_SECONDS or said.get("nbf", 0) > at + LEEWAY_SECONDS:
        raise Broken("not_yet_valid", "The mandate is not valid yet.")
    if "exp" in said and said["exp"] <= at:
        raise Broken(EXPIRED.removeprefix("mandate_"), "The mandate is over.")


def _check_presented(closed: Link, shown: Presented, now: datetime) -> None:
    claims = closed.claims
    if claims.get("aud") != shown.audience or claims.get("nonce") != shown.nonce:
        raise Broken("audience_mismatch", "The agent signed this for another audience, or another nonce.")
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
    for name in content.keys() - _OF_THE_MANDATE:
        if content[name] != payment.get(name) or name not in payment:
            raise Broken("claim_changed", "The closed mandate differs from what the open one says already.")


def _checkout(text: str, payment: Mapping[str, Any], issuers: tuple[TrustedIssuer, ...], now: datetime) -> str:
    """The hash of the open checkout mandate that the payment's checkout was made under. Raises Broken, SdJwtInvalid."""
    links, _ = _chain(text, issuers, now)
    opened, closed = links[-2].content or {}, links[-1].content or {}
    if opened.get("vct") != OPEN_CHECKOUT or closed.get("vct") != CLOSED_CHECKOUT:
        raise Broken("type_unknown", "The checkout's mandate is of a type, or a version, that is not known here.")
    if closed.get("checkout_hash") != payment["transaction_id"]:
        raise Broken("checkout_not_allowed", "The payment is for another checkout than its mandate.")
    return digest(links[-2].token.presented)


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


def _user(links: Iterable[Link]) -> str | None:
    """Whom the issuer speaks of, where it says."""
    for link in links:
        for part in (link.claims, link.content or {}):
            if isinstance(sub := part.get("sub"), str) and sub and _is_short(sub):
                return sub
    return None
