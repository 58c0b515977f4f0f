"""Control: engage and lift what stops money. Works without Temporal, and is in force before it is acknowledged."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

import msgspec
import structlog

from axiru import ids
from axiru.database import row, rows
from axiru.domain.control import AppliesTo, Control, ControlKind, ControlReceipt, forbidding
from axiru.domain.movement import Mode, Ovt, for_account
from axiru.errors import AxiruError
from ledger.acts.chain import Act, acts, json
from ledger.acts.hold import check_holdable, hold, mode_to_hold_in, release, state_behind
from ledger.acts.payout_pause import plan_pause
from ledger.entry import Entry, EntrySigner

log = structlog.get_logger()

SETTLE_SECONDS: Final = 10.0
UNDER_WAY_SECONDS: Final = 60.0
"""Longer than any call to Stripe lasts: twice the longest limit that `stripe_timeout_seconds` takes."""

_POLL_SECONDS: Final = 0.05

MODES: Final[dict[AppliesTo, tuple[Mode, ...]]] = {"test": ("test",), "live": ("live",), "both": ("live", "test")}
"""The chains that a control is sealed in."""


class ControlNotFound(AxiruError):
    """There is no such control in this organization."""

    code = "not_found"


class ControlNotInForce(AxiruError):
    """The control was lifted before."""

    code = "conflict"


async def engage(
    *,
    organization_id: str,
    member_id: str,
    kind: ControlKind,
    scope: dict[str, str],
    applies_to: AppliesTo,
    reason: str,
    expires_at: datetime | None,
    signer: EntrySigner,
    pause_payouts: bool | None = None,
) -> ControlReceipt:
    """Put a control in force, then wait up to 10 s for calls to Stripe that were under way.

    Every attempt to call asks for the same lock, so after the commit none begins that the control forbids. Those that
    began before and have not settled are returned as `in_flight`. A hold applies to the mode of its decision; raises
    DecisionUnknown, NotHoldable.
    """
    if kind == "hold":
        applies_to = await mode_to_hold_in(scope["decision_id"], organization_id, applies_to)
    async with acts(signer, organization_id, MODES[applies_to]) as engaging:
        if kind == "hold":
            await check_holdable(scope["decision_id"])
        engaged, sealed = await put_in_force(
            engaging,
            kind=kind,
            scope=scope,
            applies_to=applies_to,
            reason=reason,
            expires_at=expires_at,
            member_id=member_id,
            pause_payouts=pause_payouts,
        )
        if kind == "hold":
            await hold(engaging[0], scope["decision_id"])
    in_flight = await list_in_flight(engaged, engaging, signer)
    return ControlReceipt(
        engaged.id, kind, True, tuple(entry.ledger_id for entry in sealed), engaging[0].now, in_flight
    )


async def put_in_force(
    engaging: Sequence[Act],
    *,
    kind: ControlKind,
    scope: dict[str, str],
    applies_to: AppliesTo,
    reason: str,
    expires_at: datetime | None,
    member_id: str | None,
    breaker_id: str | None = None,
    pause_payouts: bool | None = None,
) -> tuple[Control, list[Entry]]:
    """Engage a control in acts under way, one for each mode it applies to.

    By a person, by a circuit breaker (`member_id` None), or by a person whom a breaker proposed it to.
    """
    control_id = ids.new_id(ids.CONTROL)
    by_breaker = {"breaker_id": breaker_id} if breaker_id else {}
    # What a hold is about belongs to the decision's own entries.
    about = {"decision_id": scope["decision_id"]} if kind == "hold" else {}
    sealed = [
        one.seal(
            "control",
            {
                "control_id": control_id,
                "kind": kind,
                "scope": scope,
                "applies_to": applies_to,
                "action": "engage",
                "reason": reason,
                "member_id": member_id,
                "expires_at": expires_at.isoformat() if expires_at else None,
                **by_breaker,
                **about,
            },
        )
        for one in engaging
    ]
    await rows(
        """
        INSERT INTO controls (id, organization_id, kind, scope, applies_to, reason, engaged_by, engaged_at,
            expires_at, breaker_id)
        VALUES ({}, {}, {}, {}::jsonb, {}, {}, {}, {}, {}, {})
        """,
        control_id,
        engaging[0].organization_id,
        kind,
        json(scope),
        applies_to,
        reason,
        member_id,
        engaging[0].now,
        expires_at,
        breaker_id,
    )
    for one in engaging:
        one.tell("control", {"control_id": control_id, "kind": kind, "in_force": True})
    if kind == "freeze" and (account_id := scope.get("stripe_account_id")) is not None:
        await plan_pause(engaging, control_id, account_id, pause_payouts)
    return Control(control_id, kind, scope, reason, expires_at), sealed


async def lift(
    *, organization_id: str, member_id: str | None, control_id: str, reason: str, signer: EntrySigner
) -> ControlReceipt:
    """Take a control out of force, by a person or (`member_id` None) because its time is over; a hold is released.

    Raises ControlNotFound, ControlNotInForce.
    """
    found = await row(
        "SELECT kind, applies_to, scope ->> 'decision_id' AS held FROM controls WHERE id = {} AND organization_id = {}",
        control_id,
        organization_id,
    )
    if found is None:
        raise ControlNotFound("There is no such control.")
    async with acts(signer, organization_id, MODES[found["applies_to"]]) as lifting:
        now = lifting[0].now
        lifted = await rows(
            "UPDATE controls SET lifted_by = {}, lifted_reason = {}, lifted_at = {} "
            "WHERE id = {} AND lifted_at IS NULL RETURNING id",
            member_id,
            reason,
            now,
            control_id,
        )
        if not lifted:
            raise ControlNotInForce("This control was already lifted.", state="lifted")
        released = await state_behind(lifting[0], found["held"]) if found["kind"] == "hold" else None
        sealed = [
            one.seal(
                "control",
                {
                    "control_id": control_id,
                    "kind": found["kind"],
                    "action": "lift",
                    "reason": reason,
                    "member_id": member_id,
                    **(msgspec.to_builtins(released) if released else {}),
                },
            )
            for one in lifting
        ]
        for one in lifting:
            one.tell("control", {"control_id": control_id, "kind": found["kind"], "in_force": False})
        if released is not None:
            await release(lifting[0], released, control_id)
    return ControlReceipt(control_id, found["kind"], False, tuple(entry.ledger_id for entry in sealed), now)


async def lift_overdue_holds(signer: EntrySigner) -> int:
    """Release what was to be held until a time that has passed; returns how many holds there were.

    One that cannot be released holds up no other; the first failure is raised when all have had their turn.
    """
    overdue = await rows(
        "SELECT id, organization_id FROM controls WHERE kind = 'hold' AND lifted_at IS NULL "
        "AND expires_at <= clock_timestamp() ORDER BY expires_at"
    )
    failures: list[Exception] = []
    for control in overdue:
        try:
            await lift(
                organization_id=control["organization_id"],
                member_id=None,
                control_id=control["id"],
                reason="Its time was over.",
                signer=signer,
            )
        except ControlNotInForce:
            pass  # somebody else has just lifted it
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
    return len(overdue)


async def list_in_flight(engaged: Control, engaging: Sequence[Act], signer: EntrySigner) -> tuple[str, ...]:
    """Once the acts that engaged a control are over: wait for open calls, and seal which ones it came too late for."""
    organization_id, modes = engaging[0].organization_id, tuple(one.mode for one in engaging)
    in_flight = await _settled_or_open(organization_id, modes, engaged)
    if in_flight:
        try:
            async with acts(signer, organization_id, modes) as listing:
                for one in listing:
                    facts = {"control_id": engaged.id, "kind": engaged.kind, "action": "in_flight"}
                    one.seal("control", {**facts, "in_flight": in_flight})
                await rows("UPDATE controls SET in_flight = {}::text[] WHERE id = {}", list(in_flight), engaged.id)
        except Exception:
            # The control is in force and the calls are told of; an error here would say that it is not.
            log.exception("in_flight_not_sealed", control_id=engaged.id, in_flight=in_flight)
    return in_flight


async def _settled_or_open(organization_id: str, modes: tuple[Mode, ...], engaged: Control) -> tuple[str, ...]:
    """Decisions whose call may be under way and would now be forbidden, once they have settled or 10 s are over.

    A call is over, whatever became of it, `UNDER_WAY_SECONDS` after it was permitted.
    """
    deadline = monotonic() + SETTLE_SECONDS
    while True:
        found = await rows(
            """
            SELECT x.decision_id, r.ovt, c.stripe_account_id FROM executions x
            JOIN requests r ON r.decision_id = x.decision_id
            LEFT JOIN stripe_connections c ON c.id = r.ovt -> 'merchant' ->> 'stripe_connection_id'
            WHERE x.organization_id = {} AND x.mode = ANY({}::text[]) AND x.state = 'calling'
                AND x.last_call_at > clock_timestamp() - make_interval(secs => {})
            ORDER BY x.intended_at
            """,
            organization_id,
            list(modes),
            UNDER_WAY_SECONDS,
        )
        under_way = tuple(call["decision_id"] for call in found if _concerns(engaged, call))
        if not under_way or monotonic() >= deadline:
            return under_way
        await asyncio.sleep(_POLL_SECONDS)


def _concerns(engaged: Control, call: dict[str, Any]) -> bool:
    try:
        ovt = for_account(msgspec.json.decode(call["ovt"], type=Ovt), call["stripe_account_id"])
    except msgspec.MsgspecError:
        return True  # nobody can say that it is another's: it is listed
    return forbidding([engaged], ovt, datetime.now(UTC), call["decision_id"]) is not None
