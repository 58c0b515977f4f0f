"""A chain of AP2 mandates, from an issuer that is trusted to the one that an agent signed for the payment at hand.

    [user credential ~~] open mandate ~~ closed mandate

Each link is signed with the key that the one before confirms (`cnf`), and hashes it; the last is the agent's own, made
for one audience and one nonce. https://ap2-protocol.org/ap2/agent_authorization/ and RFC 9901. Pure.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from axiru.domain import ap2_names as names
from axiru.domain.ap2_names import check_known, is_issued_type, is_key
from axiru.domain.mandate import EXPIRED, Broken
from axiru.domain.sd_jwt import SdJwt, SdJwtInvalid, digest, read_sd_jwt, resolved, verified_by

CLOSED_CHECKOUT: Final = "mandate.checkout.1"
LEEWAY_SECONDS: Final = 60

_LAST_TYPES: Final = frozenset({"kb+sd-jwt", "kb-sd-jwt"})
_PASSED_ON_TYPES: Final = frozenset({"kb+sd-jwt+kb", "kb-sd-jwt+kb"})


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


def verified_chain(text: str, issuers: tuple[TrustedIssuer, ...], now: datetime) -> tuple[list[Link], TrustedIssuer]:
    """Every token of the chain, each verified against the one before. Raises Broken, SdJwtInvalid."""
    tokens = [_token(part) for part in text.removesuffix("~").split("~~")]
    if not 2 <= len(tokens) <= 3:
        raise Broken("chain_unsupported", "A mandate comes as an open one and the closed one made of it.")
    issuer = _issuer(tokens[0], issuers)
    links = [_link(tokens[0], now)]
    if any(said.get("iss", issuer.issuer) != issuer.issuer for said in (links[0].claims, links[0].content or {})):
        raise Broken("issuer_not_trusted", "The mandate names another issuer than the one whose key signed it.")
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
    if "typ" in token.header and not is_issued_type(token.header["typ"]):
        raise Broken("type_unknown", "What the issuer signed is of a type of token that is not known here.")
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
    if not is_key(key):
        raise Broken("key_unusable", "The key that the mandate confirms is no public key on P-256 for signatures.")
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
    if content is None and "constraints" not in claims:
        return Link(token, claims, content)
    if _hides(content) or "_sd" in claims:
        raise Broken("undisclosed", "A part of the mandate is not disclosed: nobody can say what it forbids.")
    if "delegate_payload" in claims or content is None:
        check_known(claims, names.TOKEN, "The token around the mandate")
    return Link(token, claims, content)


def _content(claims: Mapping[str, Any]) -> dict[str, Any] | None:
    """The one mandate that is disclosed; other elements may stay hidden, being other mandates."""
    if "delegate_payload" not in claims:
        mandate = {name: said for name, said in claims.items() if name not in names.BINDING}
        return mandate if str(claims.get("vct", "")).startswith("mandate.") else None
    elements = claims["delegate_payload"]
    if not isinstance(elements, list):
        raise SdJwtInvalid("malformed", "What is delegated is a list.")
    shown = [one for one in elements if not (isinstance(one, dict) and "..." in one)]
    if len(shown) != 1 or not isinstance(shown[0], dict):
        raise Broken("chain_unsupported", "Of each token exactly one mandate is disclosed.")
    return shown[0]


_CHOICES: Final = frozenset({"allowed", "acceptable_items"})
"""Lists to choose from: what is not disclosed of one is one choice less."""


def _hides(content: Any, name: str = "") -> bool:
    """Whether anything is left out but what AP2 lets be: choices, and what is bought, of which the hash is there."""
    match content:
        case {"vct": str(vct), "_sd": [_], **shown} if vct == CLOSED_CHECKOUT and "checkout_jwt" not in shown:
            return _hides(shown)
        case dict():
            return "_sd" in content or any(_hides(inner, key) for key, inner in content.items())
        case list():
            return any(
                (name not in _CHOICES) if isinstance(one, dict) and "..." in one else _hides(one) for one in content
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
