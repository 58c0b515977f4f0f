"""What gives an agent leave beside policy: its own authority, and the mandate of a user that it shows."""

from datetime import datetime

from axiru.database import row
from axiru.domain.control import ControlHit
from axiru.domain.mandate import EXPIRED, ISSUER_REMOVED, RAIL, MandateUse, refusal_of
from ledger.acts.lineage import authority_lost
from ledger.acts.projection import Recorded


async def leave_lost(decision_id: str, request: Recorded, now: datetime) -> ControlHit | None:
    """Why a request has no leave, within the act that decides it: what was paid before under its mandate counts."""
    mandate, asked = request.ovt.mandate, request.ovt.amount
    if (hit := await leave_ended(request, now)) is not None:
        return hit
    if mandate is None:
        missing = ControlHit("none", "mandate_missing", "Payments on this rail are made under a mandate.", "mandate")
        return missing if request.ovt.rail == RAIL else None
    used = await _used(decision_id, request)
    refused = refusal_of(mandate, asked.minor_units, used, now)
    return ControlHit(mandate.id, refused.reason, refused.message, "mandate") if refused else None


async def leave_ended(request: Recorded, now: datetime) -> ControlHit | None:
    """Why a request that had leave has none any more."""
    if (hit := await authority_lost(request.organization_id, request.ovt, now)) is not None:
        return hit
    mandate = request.ovt.mandate
    if mandate is None or mandate.refusal is not None:
        return None
    if mandate.ended(now):
        return ControlHit(mandate.id, EXPIRED, "The mandate is over.", "mandate")
    trusted = await row(
        "SELECT 1 AS there FROM ap2_issuers WHERE id = {} AND organization_id = {} AND removed_at IS NULL",
        mandate.issuer_id,
        request.organization_id,
    )
    if trusted is None:
        return ControlHit(
            mandate.id, ISSUER_REMOVED, "The issuer of the mandate is not trusted here any more.", "mandate"
        )
    return None


async def _used(decision_id: str, request: Recorded) -> MandateUse:
    """What was made of the mandate in this mode, on surfaces in shadow as well: tokens are issued there too."""
    mandate = request.ovt.mandate
    if mandate is None:
        return MandateUse(0, 0, None, presented=False)
    found = await row(
        """
        SELECT count(*) AS uses, coalesce(sum(m.units), 0) AS units, max(m.moved_at) AS last_used_at,
            coalesce(bool_or(m.presentation = {}), false) AS presented
        FROM movements m JOIN decisions d ON d.id = m.decision_id
        WHERE m.organization_id = {} AND m.mode = {} AND m.mandate = {} AND m.state <> 'released'
            AND d.state <> 'denied' AND m.decision_id <> {}
        """,
        mandate.presentation,
        request.organization_id,
        request.mode,
        mandate.id,
        decision_id,
    )
    if found is None:
        raise RuntimeError("a sum came back without a row")
    return MandateUse(found["uses"], found["units"], found["last_used_at"], found["presented"])
