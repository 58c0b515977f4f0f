"""The token of an authorization as those who may read decisions see it: never the signed text itself."""

from datetime import datetime
from typing import Literal

import msgspec

from axiru.database import row
from axiru.domain.control import ControlHit

TokenState = Literal["issued", "consumed", "settled", "failed", "revoked", "expired", "withheld"]


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """The token that was used or, as long as none was, the newest of the `issued` ones of a decision.

    `settled_units` are in the smallest units of the asset. `status` `withheld`: a control keeps it from being used.
    """

    jti: str
    key_id: str
    issued_at: datetime
    expires_at: datetime
    consumed_at: datetime | None
    settlement: Literal["settled", "failed"] | None
    settled_at: datetime | None
    settled_units: str | None
    status: TokenState
    issued: int


async def find_token(decision_id: str, forbidden_by: ControlHit | None) -> TokenView | None:
    """None where no token was ever issued."""
    found = await row(
        """
        SELECT t.*, t.settled_units::text AS settled_text, t.expires_at <= clock_timestamp() AS is_over, k.revoked_at,
            count(*) OVER () AS issued
        FROM authorization_tokens t JOIN signing_keys k ON k.key_id = t.key_id WHERE t.decision_id = {}
        ORDER BY t.consumed_at IS NULL, t.issued_at DESC LIMIT 1
        """,
        decision_id,
    )
    if found is None:
        return None
    status: TokenState = "issued"
    if found["consumed_at"] is not None:
        status = found["settlement"] or "consumed"
    elif found["revoked_at"] is not None:
        status = "revoked"
    elif found["is_over"]:
        status = "expired"
    elif forbidden_by is not None:
        status = "withheld"
    return TokenView(
        jti=found["jti"],
        key_id=found["key_id"],
        issued_at=found["issued_at"],
        expires_at=found["expires_at"],
        consumed_at=found["consumed_at"],
        settlement=found["settlement"],
        settled_at=found["settled_at"],
        settled_units=found["settled_text"],
        status=status,
        issued=found["issued"],
    )
