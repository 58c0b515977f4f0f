"""Recheck: what forbids now what was decided before. Hours may lie between a decision and the approval of it."""

from datetime import datetime
from typing import Final

import msgspec

from axiru.domain.control import forbidding
from axiru.domain.decision import SurfaceMode
from axiru.domain.evaluation import Outcome
from axiru.domain.execution import Objection
from ledger.acts.evaluating import has_a_share, hear
from ledger.acts.leave import leave_ended
from ledger.acts.projection import read_request
from ledger.acts.standing import CompiledVersions, PolicyVersionMissing, read_standing
from ledger.acts.unaltered import is_as_sealed

_COMPILED: Final = CompiledVersions()
"""One for the process: what a text compiles to depends on nothing but its hash."""


async def objection_to(decision_id: str, now: datetime, *, surface_mode: SurfaceMode = "enforce") -> Objection | None:
    """The control, or the hard denial of a version in force, that forbids a decision at `now`; within an act.

    The sealed facts are judged anew, with windows that leave the decision's own reservation out. A rule that asks
    people objects to nothing: they were asked. Fails closed: no policy in force, or one that cannot be read, objects.
    """
    if not await is_as_sealed(decision_id):
        return Objection("request_altered", "The request is not what was sealed with the decision.")
    request = await read_request(decision_id)
    known = bool(request.connection_account_id)
    standing = await read_standing(
        decision_id, request.organization_id, request.mode, request.ovt, connection_known=known
    )
    hit = forbidding(standing.controls, request.ovt, now) or await leave_ended(request, now)
    if hit is not None:
        return Objection(hit.reason, hit.message, hit.rule)
    in_force = tuple(version for version in standing.versions if has_a_share(version))
    # What was enforced when it was decided counts with what was enforced, wherever its surface is now.
    standing = msgspec.structs.replace(standing, versions=in_force, surface_mode=surface_mode)
    try:
        live = (await hear(request, standing, now, _COMPILED, excluding=decision_id)).live
    except PolicyVersionMissing as missing:
        return Objection(missing.code, missing.message)
    if live is None:
        return Objection("no_active_policy", "No active policy covers this kind of movement any more.")
    if live.evaluation.outcome is Outcome.DENY:
        return Objection(live.evaluation.reason, live.message, live.matched_rule)
    return None
