"""A payment mandate as a decision counts by it: what its user allows in all, whatever was asked for before."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

Frequency = Literal["ON_DEMAND", "DAILY", "WEEKLY", "BIWEEKLY", "MONTHLY", "QUARTERLY", "ANNUALLY"]

RAIL: Final = "ap2"
"""On this rail nothing is paid but under a mandate, by whichever door it is asked for."""

EXPIRED: Final = "mandate_expired"
ISSUER_REMOVED: Final = "mandate_issuer_not_trusted"


class Mandate(msgspec.Struct, frozen=True):
    """A mandate as it was found when the request came in. `refusal` is why it does not cover the payment, if so.

    `id` belongs to what the user signed, `presentation` to what the agent signed for this one payment; both are SHA-256
    (hex). `most_units` in all and `most_uses` bound what may be made of it, None being no bound, and `every` how often.
    `ends_at` is in Unix seconds.
    """

    id: str
    presentation: str
    issuer_id: str | None = None
    most_units: str | None = None
    most_uses: int | None = None
    every: Frequency = "ON_DEMAND"
    ends_at: int | None = None
    refusal: str | None = None
    message: str | None = None

    def ended(self, now: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now.timestamp()


class MandateUse(NamedTuple):
    """What was made of a mandate so far and not given back. `presented`: by the very same presentation."""

    uses: int
    units: int
    last_used_at: datetime | None
    presented: bool


class MandateRefusal(NamedTuple):
    """Why a mandate does not cover a payment: a snake_case reason, and a sentence."""

    reason: str
    message: str


class Broken(Exception):
    """A mandate does not cover the payment, or nobody can tell whether it does."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.refusal = MandateRefusal(f"mandate_{why}", message)


def refusal_of(mandate: Mandate, units: int, used: MandateUse, now: datetime) -> MandateRefusal | None:
    """Why a payment of `units` is not covered after what was `used`; None where it is. Days are those of UTC."""
    if mandate.refusal is not None:
        return MandateRefusal(mandate.refusal, mandate.message or "The mandate does not cover this payment.")
    if mandate.ended(now):
        return MandateRefusal(EXPIRED, "The mandate is over.")
    return _counted_out(mandate, units, used, now)


def _counted_out(mandate: Mandate, units: int, used: MandateUse, now: datetime) -> MandateRefusal | None:
    if used.presented:
        return MandateRefusal("mandate_already_presented", "What the agent signed is for one payment, and had one.")
    if mandate.most_uses is not None and used.uses >= mandate.most_uses:
        return MandateRefusal("mandate_used_up", "The mandate allows no further payment.")
    if used.last_used_at is not None and now.astimezone(UTC).date() < _due(used.last_used_at, mandate.every):
        return MandateRefusal("mandate_too_soon", "The mandate allows its next payment later.")
    if mandate.most_units is not None and used.units + units > int(mandate.most_units):
        return MandateRefusal("mandate_budget_exceeded", "With this payment the mandate's budget would be exceeded.")
    return None


_DAYS: Final[dict[Frequency, int]] = {"ON_DEMAND": 0, "DAILY": 1, "WEEKLY": 7, "BIWEEKLY": 14}
_MONTHS: Final[dict[Frequency, int]] = {"MONTHLY": 1, "QUARTERLY": 3, "ANNUALLY": 12}


def _due(last: datetime, every: Frequency) -> date:
    """The first day of the next payment after one at `last`."""
    day = last.astimezone(UTC).date()
    return day + timedelta(days=_DAYS[every]) if every in _DAYS else _months_after(day, _MONTHS[every])


def _months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
