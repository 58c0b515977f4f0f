"""Authorizations: what an agent is given before it pays on a rail, and what settling code is shown.

The token is a JWT (RFC 7519) in a compact JWS under ES256 (RFC 7515, RFC 7518); its `typ` is of its own (RFC 8725
§3.11), so that no other token of Axiru passes for one.
"""

from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from axiru.domain.movement import Mode, Ovt

ENDPOINT: Final = "/api/v1/authorizations"
ALGORITHM: Final = "ES256"
TYPE: Final = "axiru-authz+jwt"

AGENT_SURFACES: Final = frozenset(
    {"stripe_daa.agent_payment", "stripe_daa.agent_payout", "x402.payment", "ap2.payment"}
)
"""What authorizations are asked for; the rest asks `/api/v1/decisions`."""

TokenStatus = Literal["issued", "consumed", "withheld", "expired"]
"""`issued`: here it is; `consumed`: a token of this decision was used; `withheld`: a control forbids it now; `expired`:
its time is over, and so is the time in which another is issued."""


class Token(msgspec.Struct, frozen=True):
    """One token as it is kept. Times are whole seconds, as its claims have them."""

    jti: str
    key_id: str
    issued_at: datetime
    expires_at: datetime


def claims_of(
    token: Token, ovt: Ovt, *, issuer: str, organization_id: str, decision_id: str, fingerprint: str, mode: Mode
) -> dict[str, Any]:
    """The claims. `amount_cents` is null where the asset is no currency: `amount` says it in units of any size."""
    issued = int(token.issued_at.timestamp())
    return {
        "jti": token.jti,
        "iss": issuer,
        "iat": issued,
        "nbf": issued,
        "exp": int(token.expires_at.timestamp()),
        "sub": ovt.initiator.id,
        "aud": organization_id,
        "ovt_fingerprint": fingerprint,
        "rail": ovt.rail,
        "rail_action": ovt.rail_action,
        "amount_cents": ovt.amount.cents,
        "currency": ovt.amount.asset,
        "amount": msgspec.to_builtins(ovt.amount),
        "decision_id": decision_id,
        "mode": mode,
    }


def whole_seconds(moment: datetime) -> datetime:
    """The second that `moment` is in, which is what a claim can say."""
    return moment.astimezone(UTC).replace(microsecond=0)
