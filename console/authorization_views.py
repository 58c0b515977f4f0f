"""What the API says of an authorization's token, and of the versions that looked on; never the signed token itself."""

from datetime import datetime
from typing import Literal

import msgspec

from axiru.domain.authorization import AGENT_SURFACES
from axiru.domain.movement import Ovt

TokenState = Literal["issued", "consumed", "settled", "failed", "revoked", "expired", "withheld"]


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """The token that was used or, as long as none was, the newest of the `issued` ones."""

    jti: str
    key_id: str
    issued_at: datetime
    expires_at: datetime
    status: TokenState
    consumed_at: datetime | None = None
    settlement: Literal["settled", "failed"] | None = None
    settled_at: datetime | None = None
    settled_units: str | None = None
    issued: int = 1


class AgreementOfVersions(msgspec.Struct, frozen=True):
    """How many versions looked on, and whether all of them agree; None where none did."""

    compared: int = 0
    agrees: bool | None = None


def is_authorization(ovt: Ovt) -> bool:
    """Whether an agent asked for a token, rather than somebody for a movement that Axiru may execute."""
    return ovt.surface in AGENT_SURFACES
