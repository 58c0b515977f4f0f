"""Undo: what was executed is taken back, where Stripe has a way; asked for, permitted and settled, each sealed once.

Neither the kill switch nor a freeze stops it: it moves money back to where it came from. What it needs is what every
call needs, an active connection that may write this action.
"""

from datetime import datetime
from typing import Any, Final

import msgspec

from axiru.database import row, rows
from axiru.domain.execution import ExecutionResult, StripeCall
from axiru.domain.movement import Mode
from axiru.domain.undoing import BRINGS_BACK, undo_of, why_not_undone
from axiru.errors import AxiruError
from ledger.acts.chain import Act, act, json
from ledger.acts.intend import OutcomeUncertain, planned_call
from ledger.entry import EntrySigner, entry_hash, parse_body

UNDER_WAY: Final = frozenset({"intended", "calling"})
ENDED: Final = frozenset({"succeeded", "failed"})


class NotUndoable(AxiruError):
    """There is nothing to take back, or Stripe has no way; the message says why."""

    code = "conflict"


class UndoPermission(msgspec.Struct, frozen=True):
    """Permission for attempt number `attempt`, counted from 1 over all askings; asked for at `since`."""

    call: StripeCall
    idempotency_key: str
    attempt: int
    since: datetime


class Undoing(msgspec.Struct, frozen=True):
    """What was asked for, and how far it is. `last_call_at` is of this asking."""

    state: str
    call: StripeCall
    idempotency_key: str
    attempts: int
    requested_at: datetime
    last_call_at: datetime | None


async def ask_undo(
    decision_id: str,
    *,
    stripe_status: str | None,
    reason: str,
    member_id: str,
    organization_id: str,
    mode: Mode,
    signer: EntrySigner,
) -> str:
    """Write down that an executed decision is to be taken back, and return the undoing's state.

    The call follows from the sealed one and from what Stripe made of it, which is in `stripe_status` now. Asked again
    while it is under way, it changes nothing; one that failed may be tried again. Raises NotUndoable.
    """
    async with act(signer, organization_id, mode) as asking:
        standing = await read_undoing(decision_id)
        if standing is not None and standing.state in UNDER_WAY:
            return standing.state
        if standing is not None and standing.state == "succeeded":
            raise NotUndoable("This was undone already.", state="succeeded")
        made = await _made(decision_id)
        call = await planned_call(decision_id)
        undo = undo_of(decision_id, call, made.get("stripe_object_id"), stripe_status)
        if undo is None:
            raise NotUndoable(why_not_undone(call), state=stripe_status or "unknown")
        key = f"axiru:{decision_id}:undo:{(standing.attempts if standing else 0) + 1}"
        asked = {"call": msgspec.to_builtins(undo), "idempotency_key": key, "reason": reason, "member_id": member_id}
        asking.seal("undo_intent", {"decision_id": decision_id, **asked})
        await rows(
            """
            INSERT INTO undoings (decision_id, organization_id, mode, state, call, idempotency_key, reason,
                requested_by, requested_at) VALUES ({}, {}, {}, 'intended', {}::jsonb, {}, {}, {}, {})
            ON CONFLICT (decision_id) DO UPDATE SET state = 'intended', call = excluded.call,
                idempotency_key = excluded.idempotency_key, reason = excluded.reason,
                requested_by = excluded.requested_by, requested_at = excluded.requested_at, last_call_at = NULL,
                stripe_object_id = NULL, stripe_status = NULL, error_code = NULL, error_message = NULL,
                settled_at = NULL
            """,
            *(decision_id, organization_id, mode, json(undo), key, reason, member_id, asking.now),
        )
        asking.tell("undo", {"decision_id": decision_id, "state": "intended"})
        return "intended"


async def permit_undo(
    decision_id: str,
    *,
    organization_id: str,
    mode: Mode,
    uncertain_seconds: float,
    unfit: ExecutionResult | None,
    signer: EntrySigner,
) -> UndoPermission | str:
    """Permission for one attempt, or the state in which the undoing has ended.

    `unfit` is why the object, as Stripe shows it, cannot be taken back. After a first attempt the caller has to look on
    Stripe before it asks again; until `uncertain_seconds` have passed since, nothing is said to have failed. Raises
    OutcomeUncertain and NotUndoable.
    """
    async with act(signer, organization_id, mode) as permitting:
        standing = await read_undoing(decision_id)
        if standing is None:
            raise NotUndoable("Nobody has asked to undo this.", state="unknown")
        if standing.state in ENDED:
            return standing.state
        failed = await _objection(decision_id, standing.call) or unfit
        if failed is not None:
            last = standing.last_call_at
            if last is not None and (permitting.now - last).total_seconds() < uncertain_seconds:
                raise OutcomeUncertain("An earlier call may still be under way.", decision_id=decision_id)
            return await _end(permitting, decision_id, standing.call, failed)
        attempt = standing.attempts + 1
        await rows(
            "UPDATE undoings SET state = 'calling', attempts = {}, last_call_at = {} WHERE decision_id = {}",
            attempt,
            permitting.now,
            decision_id,
        )
        return UndoPermission(standing.call, standing.idempotency_key, attempt, standing.requested_at)


async def settle_undo(
    decision_id: str, result: ExecutionResult, *, organization_id: str, mode: Mode, signer: EntrySigner
) -> str:
    """Seal how an undoing ended and return its state; settling again changes nothing. Raises NotUndoable."""
    async with act(signer, organization_id, mode) as settling:
        standing = await read_undoing(decision_id)
        if standing is None:
            raise NotUndoable("Nobody has asked to undo this.", state="unknown")
        if standing.state in ENDED:
            return standing.state
        return await _end(settling, decision_id, standing.call, result)


async def read_undoing(decision_id: str) -> Undoing | None:
    """How far the undoing of a decision is; None where nobody has asked for one.

    The call is the one that was sealed when it was asked for, whatever its row says. Raises NotUndoable where nothing
    was sealed, or the entry is not what it was.
    """
    found = await row(
        "SELECT state, attempts, requested_at, last_call_at FROM undoings WHERE decision_id = {}", decision_id
    )
    if found is None:
        return None
    sealed = await row(
        "SELECT body, prev_hash, entry_hash FROM ledger_entries WHERE decision_id = {} AND kind = 'undo_intent' "
        "ORDER BY seq DESC LIMIT 1",
        decision_id,
    )
    if sealed is None or entry_hash(bytes(sealed["prev_hash"]), bytes(sealed["body"])) != bytes(sealed["entry_hash"]):
        raise NotUndoable("What was asked for is not what was sealed.", state="altered")
    asked = parse_body(bytes(sealed["body"])).data
    return msgspec.convert({**found, "call": asked["call"], "idempotency_key": asked["idempotency_key"]}, Undoing)


async def _made(decision_id: str) -> dict[str, Any]:
    """What the execution was sealed with. Raises NotUndoable where nothing was executed by Axiru."""
    found = await row(
        "SELECT body FROM ledger_entries WHERE decision_id = {} AND kind = 'execution' ORDER BY seq DESC LIMIT 1",
        decision_id,
    )
    sealed = parse_body(bytes(found["body"])).data if found else {}
    if not sealed.get("succeeded"):
        raise NotUndoable("Axiru has executed nothing for this decision.", state="not_executed")
    return dict(sealed)


async def _objection(decision_id: str, call: StripeCall) -> ExecutionResult | None:
    found = await row(
        "SELECT c.status, d.rail_action = ANY(c.write_actions) AS may_write FROM stripe_connections c, decisions d "
        "WHERE c.id = {} AND d.id = {} AND c.organization_id = d.organization_id",
        call.stripe_connection_id,
        decision_id,
    )
    if found is None or found["status"] != "active":
        message = "The Stripe connection is no longer active."
        return ExecutionResult(False, None, None, "connection_not_active", message)
    if not found["may_write"]:
        message = "The Stripe connection may no longer write this."
        return ExecutionResult(False, None, None, "write_scope_missing", message)
    return None


async def _end(settling: Act, decision_id: str, call: StripeCall, result: ExecutionResult) -> str:
    """Money that is certainly back counts no longer in any window."""
    state = "succeeded" if result.succeeded else "failed"
    settling.seal(
        "undo",
        {
            "decision_id": decision_id,
            "operation": call.operation,
            "state": state,
            **msgspec.to_builtins(result),
        },
    )
    await rows(
        """
        UPDATE undoings SET state = {}, stripe_object_id = {}, stripe_status = {}, error_code = {}, error_message = {},
            settled_at = {} WHERE decision_id = {}
        """,
        *(state, result.stripe_object_id, result.stripe_status, result.error_code, result.error_message),
        settling.now,
        decision_id,
    )
    if result.succeeded and call.operation in BRINGS_BACK:
        await rows("UPDATE movements SET state = 'released' WHERE decision_id = {}", decision_id)
    settling.tell("undo", {"decision_id": decision_id, "state": state})
    return state
