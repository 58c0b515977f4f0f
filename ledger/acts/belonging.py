"""Belonging: which decision a movement seen on Stripe was made for, if it was made for any."""

from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from axiru.database import row, rows
from axiru.domain.execution import Operation
from axiru.domain.movement import Mode, Target
from axiru.domain.seen_movement import SeenMovement

MATCHED_WITHIN: Final = timedelta(days=7)
"""So long after its decision a caller may make the movement without naming it."""

_CLOCKS_APART: Final = timedelta(seconds=60)
"""What was made before it was decided was not made for the decision; Stripe's clock is another than the database's."""

_MAKING: Final[tuple[Operation, ...]] = (
    "refunds.create",
    "payouts.create",
    "transfers.create",
    "application_fees.refund",
)
"""What makes a movement. Other calls are about one that was there before, and whose it is they do not say."""

_PERMITTED: Final = frozenset({"allowed", "approved"})
_BEGUN: Final = frozenset({"calling", "intended", "requires_approval"})
_TARGETS: Final = ("charge", "payment_intent", "destination", "application_fee")
_MOST: Final = 500


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that the movement may have been made for. `taken`: another movement was.

    `execute` is who really does: in shadow Axiru executes nothing, whatever was asked.
    """

    id: str
    state: str
    execute: Literal["caller", "axiru"]
    rail_action: str
    amount_cents: int
    currency: str
    decided_at: datetime
    stripe_connection_id: str | None
    customer_id: str | None
    target: Target
    bypass: bool
    taken: bool
    execution_state: str | None


class Belongs(msgspec.Struct, frozen=True):
    """The movement was made for this decision."""

    decision_id: str
    execute: Literal["caller", "axiru"]
    why: str


class Undecided(msgspec.Struct, frozen=True):
    """Axiru may be making this very movement now; its answer will say."""

    decision_id: str


class Unasked(msgspec.Struct, frozen=True):
    """Nobody had asked for it, or not for this. `why` is a sentence."""

    why: str


async def belonging(
    seen: SeenMovement, *, organization_id: str, mode: Mode, connection_id: str
) -> Belongs | Undecided | Unasked:
    """Whose movement it is. Its metadata is somebody's word: a decision it names has to permit exactly this movement.

    Nobody else may look at the same time, or two movements would belong to one decision.
    """
    whose = (organization_id, mode)
    executed = await row(
        "SELECT decision_id FROM executions WHERE organization_id = {} AND mode = {} AND stripe_object_id = {} "
        "AND call ->> 'operation' = ANY({}::text[])",
        *(*whose, seen.stripe_object_id, list(_MAKING)),
    )
    if executed is not None:
        return Belongs(executed["decision_id"], "axiru", "Axiru made it for this decision.")
    named = await _named(seen, whose)
    obstacle = None
    if named is not None:
        obstacle = _obstacle(named, seen, connection_id)
        if obstacle is None and named.execute == "axiru":
            if named.execution_state in _BEGUN:
                return Undecided(named.id)
            obstacle = "which Axiru executes itself, and this is not what it made"
        elif obstacle is None:
            return Belongs(named.id, "caller", "It names this decision, which permits it.")
    for candidate in await _candidates(seen, whose):
        if candidate.execute == "caller" and _obstacle(candidate, seen, connection_id, named=False) is None:
            return Belongs(candidate.id, "caller", "This decision permits the same amount for the same target.")
    return Unasked(await _why(seen, named, obstacle, connection_id, whose))


def _obstacle(candidate: Candidate, seen: SeenMovement, connection_id: str, *, named: bool = True) -> str | None:
    """Why the decision does not permit the movement; None where it does."""
    unfit = _another_movement(candidate, seen, connection_id, named=named)
    if unfit is not None:
        return unfit
    if candidate.taken:
        return "which was used for another movement"
    executed = candidate.execute == "axiru" and candidate.execution_state in {*_BEGUN, "succeeded"}
    if candidate.state not in _PERMITTED and not executed:
        return f"which is {candidate.state.replace('_', ' ')}"
    if seen.made_at < candidate.decided_at - _CLOCKS_APART:
        return "which was made only after it"
    return None


def _another_movement(candidate: Candidate, seen: SeenMovement, connection_id: str, *, named: bool) -> str | None:
    if candidate.bypass:
        return "which nobody asked for either"
    if candidate.rail_action != seen.kind:
        return f"which is about a {candidate.rail_action}"
    if (candidate.amount_cents, candidate.currency) != (seen.amount_cents, seen.currency):
        return "which is for another amount"
    if candidate.stripe_connection_id not in {None, connection_id}:
        return "which is for another Stripe account"
    if not _same_target(candidate, seen, named=named):
        return "which is for something else"
    return None


def _same_target(candidate: Candidate, seen: SeenMovement, *, named: bool) -> bool:
    """Everything that both say must agree. Of what says too little, only the customer, or the name, can tell."""
    asked = candidate.target
    # What takes a movement back is no new one of its kind.
    if asked.payout is not None or asked.transfer is not None:
        return False
    pairs = [(getattr(asked, field), getattr(seen.target, field)) for field in _TARGETS]
    said = [(given, had) for given, had in pairs if given is not None]
    if said:
        known = [(given, had) for given, had in said if had is not None]
        return bool(known) and all(given == had for given, had in known)
    if seen.kind == "payout":
        return True
    if candidate.customer_id is not None and seen.customer_id is not None:
        return candidate.customer_id == seen.customer_id
    return named


async def _named(seen: SeenMovement, whose: tuple[str, Mode]) -> Candidate | None:
    if seen.named is None:
        return None
    found = await row(f"{_SELECT} AND d.id = {{}}", *whose, seen.named)
    return _candidate(found) if found is not None else None


async def _candidates(seen: SeenMovement, whose: tuple[str, Mode]) -> list[Candidate]:
    """Decisions about this amount, the oldest first; those that can still be used, and those that forbade it."""
    found = await rows(
        f"{_SELECT} {_ABOUT_IT}",
        *(*whose, seen.kind, seen.amount_cents, seen.currency, MATCHED_WITHIN, seen.target.charge),
        *(seen.kind in {"payout", "transfer"}, seen.customer_id, _MOST),
    )
    return [_candidate(one) for one in found]


async def _why(
    seen: SeenMovement, named: Candidate | None, obstacle: str | None, connection_id: str, whose: tuple[str, Mode]
) -> str:
    """A payment that was denied and made all the same says so first."""
    forbade = [
        candidate
        for candidate in await _candidates(seen, whose)
        if candidate.state in _FORBIDDEN and _another_movement(candidate, seen, connection_id, named=False) is None
    ]
    if forbade:
        return f"Decision {forbade[-1].id} {_FORBIDDEN[forbade[-1].state]}, and it was made all the same."
    if named is not None:
        return f"It names decision {named.id}, {obstacle}."
    if seen.named is not None:
        return "It names a decision that there is not."
    return "Nobody had asked for it."


_FORBIDDEN: Final = {
    "denied": "denied it",
    "expired": "expired without approval",
    "pending_approval": "still waits for approval",
    "held": "is on hold",
}

_SELECT: Final = """
SELECT d.id, d.state, CASE d.surface_mode WHEN 'shadow' THEN 'caller' ELSE d.execute END AS execute, d.rail_action,
    d.amount_cents, d.currency, d.decided_at, d.stripe_connection_id, d.customer_id, d.bypass,
    r.ovt -> 'target' AS target, x.state AS execution_state,
    EXISTS (SELECT FROM observed_movements o WHERE o.decision_id = d.id) AS taken
FROM decisions d JOIN requests r ON r.decision_id = d.id LEFT JOIN executions x ON x.decision_id = d.id
WHERE d.organization_id = {} AND d.mode = {}
"""
_ABOUT_IT: Final = """
AND d.rail = 'stripe' AND d.rail_action = {} AND d.amount_cents = {} AND d.currency = {}
AND d.decided_at > clock_timestamp() - {}::interval AND NOT d.bypass AND coalesce(d.charge = {}, true)
AND ({}::boolean OR jsonb_strip_nulls(r.ovt -> 'target') <> jsonb_build_object() OR d.customer_id = {})
ORDER BY taken, d.decided_at, d.id LIMIT {}
"""


def _candidate(found: dict[str, Any]) -> Candidate:
    return msgspec.convert({**found, "target": msgspec.json.decode(found["target"], type=Target)}, Candidate)
