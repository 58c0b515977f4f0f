"""What may go on while Axiru cannot be reached, as the API tells it."""

from datetime import datetime

import msgspec

from axiru.domain.movement import Mode
from console.views import Person


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    """A payout programme that callers may carry on with alone, each payout up to `max_amount_cents` of `currency`."""

    id: str
    mode: Mode
    programme: str
    currency: str
    max_amount_cents: int
    reason: str
    added_by: Person
    added_at: datetime
    expires_at: datetime
    removed_at: datetime | None = None
    in_force: bool = True


class ProgrammeList(msgspec.Struct, frozen=True):
    items: tuple[Programme, ...]
