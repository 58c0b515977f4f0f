"""What was seen on Stripe of a decision's movement."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec


class ObservedView(msgspec.Struct, frozen=True, kw_only=True):
    """The object on Stripe, its newest status, and why it belongs to this decision, or to nobody's."""

    stripe_object_id: str
    why: str
    status: str | None
    observed_at: datetime


def observed_view(found: Mapping[str, Any]) -> ObservedView | None:
    """From a row of `decisions` joined with `OBSERVED_COLUMNS`; None where nothing was seen."""
    if found["observed_object_id"] is None:
        return None
    return ObservedView(
        stripe_object_id=found["observed_object_id"],
        why=found["observed_why"],
        status=found["observed_status"],
        observed_at=found["observed_at"],
    )


OBSERVED_COLUMNS: Final = """o.stripe_object_id AS observed_object_id, o.why AS observed_why,
    o.stripe_status AS observed_status, o.observed_at"""
