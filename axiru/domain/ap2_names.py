"""Every name to which AP2 v0.2, and what it is built on, gives a meaning. What any other says, nobody here can check.

AP2's schemas leave their objects open, and ask that what is not known counts as broken of whole constraints only. A
limit may as well be said by one more name in a constraint, or beside them: such a mandate is refused, and told which
name it was. Of what is no promise to a user more may be said: a credential, `risk_data`, the instrument that is paid
with (AP2 leaves its further names to its type). https://ap2-protocol.org/ap2/specification/
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from axiru.domain.mandate import Broken

MERCHANT: Final = frozenset({"id", "name", "website"})
INSTRUMENT: Final = frozenset({"id", "type", "description"})
PISP: Final = frozenset({"legal_name", "brand_name", "domain_name"})
AMOUNT: Final = frozenset({"amount", "currency"})

_OF_A_CREDENTIAL: Final = frozenset({"vct", "vct#integrity", "iss", "sub", "iat", "nbf", "exp", "jti", "cnf", "status"})
BINDING: Final = frozenset(
    {"aud", "nonce", "sd_hash", "issuer_jwt_hash", "transaction_data_hashes", "transaction_data_hashes_alg"}
)
"""What a token says of whom it was made for and of what (RFC 9901 §4.3, OpenID4VP appendix B.3.3)."""

TOKEN: Final = _OF_A_CREDENTIAL | BINDING | {"delegate_payload"}
CLOSED: Final = _OF_A_CREDENTIAL | {
    *("transaction_id", "payee", "pisp", "payment_amount", "payment_instrument", "execution_date", "risk_data")
}
OPEN: Final = CLOSED | {"constraints"}
OF_THE_MANDATE: Final = _OF_A_CREDENTIAL | {"constraints", "risk_data"}
"""What an open mandate says of itself; everything else in it is of the payment, and stays as it is."""

_KEY: Final = frozenset({"kty", "crv", "x", "y", "use", "key_ops", "alg", "kid", "x5u", "x5c", "x5t", "x5t#S256"})
_LONGEST_NAME: Final = 60


def check_known(said: Mapping[str, Any], known: frozenset[str], what: str, why: str = "claim_unknown") -> None:
    """That `said` has no name but those `known`. Raises Broken, whose message has the first that is not."""
    for name in sorted(said.keys() - known):
        raise Broken(why, f"{what} says {_shown(name)}, which nobody here can check.")


def is_key(jwk: Any) -> bool:
    """Whether it is a public key on P-256 that may verify signatures (`types/jwk.json`, RFC 7517 §4)."""
    return (
        isinstance(jwk, dict)
        and jwk.keys() <= _KEY
        and (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256")
        and (jwk.get("use", "sig"), jwk.get("alg", "ES256")) == ("sig", "ES256")
        and "verify" in _texts(jwk.get("key_ops", ["verify"]))
    )


def is_issued_type(typ: Any) -> bool:
    """Whether an issuer's SD-JWT may be of this `typ` (RFC 9901 §9.11): JWT, or one that ends as SD-JWTs' do."""
    name = typ.lower().removeprefix("application/") if isinstance(typ, str) else ""
    return name in {"jwt", "sd-jwt"} or (name.endswith("+sd-jwt") and not name.startswith("kb"))


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _shown(name: str) -> str:
    """As JSON writes it, in ASCII: nothing of it is taken for words of ours, and it can be kept whatever it is."""
    return json.dumps(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…")
