"""What forbids a request now: controls in force, and leave that has ended."""

from datetime import UTC, datetime

import msgspec

from axiru.database import rows
from axiru.domain.control import Control, ControlHit, forbidding
from axiru.domain.movement import Mode
from ledger.acts.leave import leave_ended
from ledger.acts.projection import read_request


async def controls_in_force(organization_id: str, mode: Mode, decision_id: str = "") -> list[Control]:
    """Controls that bind `mode` now, oldest first; of holds only the one on `decision_id`."""
    found = await rows(
        """
        SELECT id, kind, scope, reason, expires_at FROM controls
        WHERE organization_id = {} AND applies_to IN ({}, 'both') AND lifted_at IS NULL
            AND CASE WHEN kind = 'hold' THEN scope ->> 'decision_id' = {}
                ELSE expires_at IS NULL OR expires_at > clock_timestamp() END
        ORDER BY engaged_at
        """,
        organization_id,
        mode,
        decision_id,
    )
    return [msgspec.convert({**control, "scope": msgspec.json.decode(control["scope"])}, Control) for control in found]


async def forbidden_now(decision_id: str) -> ControlHit | None:
    """What forbids a recorded request, read without a lock: what a replay is told, and who would use its token.

    A control in force, or that the agent which asked, or the mandate it showed, gives no leave any more.
    """
    request, now = await read_request(decision_id), datetime.now(UTC)
    controls = await controls_in_force(request.organization_id, request.mode, decision_id)
    return forbidding(controls, request.ovt, now, decision_id) or await leave_ended(request, now)
