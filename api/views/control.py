"""A control as people see it: in force, expired or lifted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from api.errors import NotFound
from api.views.people import Person
from axiru.database import rows
from axiru.domain.control import AppliesTo, ControlKind
from axiru.domain.movement import Mode
from ledger.acts.payout_pause import PauseState


class PayoutPauseView(msgspec.Struct, frozen=True, kw_only=True):
    """What a freeze does to the account's payout schedule at Stripe; `schedule_before` is what its end gives back."""

    state: PauseState
    detail: str | None
    schedule_before: dict[str, Any] | None
    stripe_connection_id: str | None
    updated_at: datetime


class ControlView(msgspec.Struct, frozen=True, kw_only=True):
    """`engaged_by` is None where a circuit breaker set its freeze by itself; with both, a person took up its proposal.

    `in_flight`: decisions whose call to Stripe was under way when the control was engaged and did not settle.
    `payout_pause` is None where the control has nothing to do with payout schedules.
    """

    id: str
    kind: ControlKind
    scope: dict[str, str]
    mode: AppliesTo
    reason: str
    in_force: bool
    engaged_by: Person | None
    breaker: Person | None
    engaged_at: datetime
    expires_at: datetime | None
    lifted_at: datetime | None
    lifted_by: Person | None
    lifted_reason: str | None
    in_flight: Sequence[str] = ()
    payout_pause: PayoutPauseView | None = None


class ControlList(msgspec.Struct, frozen=True):
    items: list[ControlView]


_MOST: Final = 500
_SELECT: Final = """
SELECT c.*, e.name AS engaged_by_name, l.name AS lifted_by_name, b.name AS breaker_name,
    c.lifted_at IS NULL AND (c.kind = 'hold' OR c.expires_at IS NULL OR c.expires_at > clock_timestamp()) AS in_force,
    p.state AS pause_state, p.detail AS pause_detail, p.schedule_before AS pause_schedule,
    p.stripe_connection_id AS pause_connection, p.updated_at AS pause_updated_at
FROM controls c LEFT JOIN members e ON e.id = c.engaged_by LEFT JOIN members l ON l.id = c.lifted_by
    LEFT JOIN breakers b ON b.id = c.breaker_id LEFT JOIN payout_pauses p ON p.control_id = c.id
WHERE c.organization_id = {}
"""
_IN_FORCE: Final = (
    " AND c.lifted_at IS NULL AND (c.kind = 'hold' OR c.expires_at IS NULL OR c.expires_at > clock_timestamp())"
)


async def find_controls(organization_id: str, mode: Mode | None, *, in_force: bool | None) -> ControlList:
    """The newest controls that bind `mode` (None: either)."""
    condition = _IN_FORCE if in_force else " AND NOT (TRUE" + _IN_FORCE + ")" if in_force is False else ""
    found = await rows(
        f"{_SELECT}{condition} AND c.applies_to = ANY({{}}::text[]) ORDER BY c.engaged_at DESC, c.id LIMIT {_MOST}",
        organization_id,
        [mode, "both"] if mode else ["test", "live", "both"],
    )
    return ControlList([_view(control) for control in found])


async def find_control(control_id: str, organization_id: str) -> ControlView:
    """Raises NotFound."""
    found = await rows(f"{_SELECT} AND c.id = {{}}", organization_id, control_id)
    if not found:
        raise NotFound
    return _view(found[0])


def _view(found: Mapping[str, Any]) -> ControlView:
    engaged_by, lifted_by, breaker_id = found["engaged_by"], found["lifted_by"], found["breaker_id"]
    return ControlView(
        id=found["id"],
        kind=found["kind"],
        scope=msgspec.json.decode(found["scope"]),
        mode=found["applies_to"],
        reason=found["reason"],
        in_force=found["in_force"],
        engaged_by=Person(engaged_by, found["engaged_by_name"] or engaged_by) if engaged_by else None,
        breaker=Person(breaker_id, found["breaker_name"]) if breaker_id else None,
        engaged_at=found["engaged_at"],
        expires_at=found["expires_at"],
        lifted_at=found["lifted_at"],
        lifted_by=Person(lifted_by, found["lifted_by_name"] or lifted_by) if lifted_by else None,
        lifted_reason=found["lifted_reason"],
        in_flight=found["in_flight"],
        payout_pause=_payout_pause(found) if found["pause_state"] else None,
    )


def _payout_pause(found: Mapping[str, Any]) -> PayoutPauseView:
    state, schedule = found["pause_state"], found["pause_schedule"]
    return PayoutPauseView(
        # The worker takes it up within a second.
        state="restoring" if not found["in_force"] and state in {"pausing", "paused"} else state,
        detail=found["pause_detail"],
        schedule_before=msgspec.json.decode(schedule) if schedule else None,
        stripe_connection_id=found["pause_connection"],
        updated_at=found["pause_updated_at"],
    )
