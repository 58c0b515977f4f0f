"""What a token needs besides its time when it is given out or used: leave that was sealed, and room in its windows.

Rows say what a decision is now; that it was ever permitted, its entry in the ledger says.
"""

from datetime import datetime
from typing import Final

import structlog

from axiru.database import row, rows
from axiru.domain.control import ControlHit
from axiru.domain.decision import SurfaceMode
from axiru.domain.evaluation import Outcome
from ledger.acts.in_force import forbidden_now
from ledger.acts.recheck import objection_to
from ledger.acts.unaltered import is_as_sealed
from ledger.entry import parse_body

log = structlog.get_logger()

_ALTERED: Final = "The decision is not what was sealed, so nothing is permitted by it."


async def kept_back(decision_id: str) -> ControlHit | None:
    """What keeps the token of a decision from being given out or used now."""
    if not await _was_permitted(decision_id):
        log.error("decision_not_as_sealed", decision_id=decision_id)
        return ControlHit(decision_id, "request_altered", _ALTERED, "ledger")
    return await forbidden_now(decision_id)


async def no_room(decision_id: str, now: datetime) -> ControlHit | None:
    """Why another token is not issued, within an act: what was reserved may have left its window since."""
    decided = await row("SELECT surface_mode FROM decisions WHERE id = {}", decision_id)
    counted_in: SurfaceMode = decided["surface_mode"] if decided else "enforce"
    objection = await objection_to(decision_id, now, surface_mode=counted_in)
    if objection is None:
        return None
    return ControlHit(objection.matched_rule or "none", objection.reason, objection.message, "policy")


async def count_from(decision_id: str, now: datetime) -> None:
    """Within an act: windows see what a decision reserved from now on, and not only from when it was decided."""
    await rows("UPDATE movements SET moved_at = {} WHERE decision_id = {}", now, decision_id)


async def _was_permitted(decision_id: str) -> bool:
    """Whether the entry of this very decision allows it, or people have approved what it asked them."""
    found = await row(
        """
        SELECT e.body, EXISTS (SELECT FROM approvals a WHERE a.decision_id = d.id AND a.state = 'approved') AS approved
        FROM decisions d
        JOIN ledger_entries e ON e.organization_id = d.organization_id AND e.mode = d.mode AND e.seq = d.seq
        WHERE d.id = {}
        """,
        decision_id,
    )
    if found is None:
        return False
    sealed = parse_body(bytes(found["body"])).data
    permitted = {Outcome.ALLOW.value} | ({Outcome.REVIEW.value} if found["approved"] else set())
    is_its_own = sealed.get("decision_id") == decision_id and sealed.get("outcome") in permitted
    return is_its_own and await is_as_sealed(decision_id)
