"""Settle: how an execution ended, sealed once."""

import msgspec

from axiru.database import row, rows
from axiru.domain.execution import Blocked, ExecutionResult, StripeCall
from axiru.domain.movement import Mode
from ledger.acts.chain import Act, act, json
from ledger.acts.evidence import note_submitted
from ledger.acts.hold import end_hold
from ledger.entry import EntrySigner


async def settle(
    decision_id: str, result: ExecutionResult, *, organization_id: str, mode: Mode, signer: EntrySigner
) -> str:
    """Seal the result of an execution and return the decision's state; settling again changes nothing."""
    async with act(signer, organization_id, mode) as settling:
        standing = await row(
            "SELECT state, call ->> 'operation' AS operation FROM executions WHERE decision_id = {}", decision_id
        )
        if standing is not None and standing["state"] in {"succeeded", "failed"}:
            return _DECISION_STATE[standing["state"]]
        state = "succeeded" if result.succeeded else "failed"
        settling.seal("execution", {"decision_id": decision_id, "state": state, **msgspec.to_builtins(result)})
        await rows(
            """
            UPDATE executions SET state = {}, stripe_object_id = {}, stripe_status = {}, error_code = {},
                error_message = {}, settled_at = {} WHERE decision_id = {}
            """,
            state,
            result.stripe_object_id,
            result.stripe_status,
            result.error_code,
            result.error_message,
            settling.now,
            decision_id,
        )
        await _close(settling, decision_id, state, result.stripe_object_id)
        if result.succeeded and standing is not None and standing["operation"] == "disputes.submit_evidence":
            await note_submitted(settling, decision_id, result.stripe_status)
        return _DECISION_STATE[state]


async def settle_blocked(settling: Act, blocked: Blocked, call: StripeCall) -> None:
    """Within an act under way: seal that the call was never made, or is certain not to have done anything."""
    settling.seal(
        "execution",
        {
            "decision_id": blocked.decision_id,
            "state": "failed",
            "succeeded": False,
            "error_code": blocked.reason,
            "error_message": blocked.message,
            "matched_rule": blocked.matched_rule,
        },
    )
    await rows(
        """
        INSERT INTO executions (decision_id, organization_id, mode, state, idempotency_key, call, attempts, error_code,
            error_message, intended_at, settled_at)
        VALUES ({}, {}, {}, 'failed', {}, {}::jsonb, 0, {}, {}, {}, {})
        ON CONFLICT (decision_id) DO UPDATE SET state = 'failed', error_code = excluded.error_code,
            error_message = excluded.error_message, settled_at = excluded.settled_at
        """,
        blocked.decision_id,
        settling.organization_id,
        settling.mode,
        idempotency_key(blocked.decision_id),
        json(call),
        blocked.reason,
        blocked.message,
        settling.now,
        settling.now,
    )
    await _close(settling, blocked.decision_id, "failed", None)


def idempotency_key(decision_id: str) -> str:
    """Omits run and attempt, so that a retry after any crash meets the same Stripe refund."""
    return f"axiru:{decision_id}:execute"


_DECISION_STATE = {"succeeded": "executed", "failed": "execution_failed"}
_MOVEMENT_STATE = {"succeeded": "committed", "failed": "released"}


async def _close(settling: Act, decision_id: str, state: str, stripe_object_id: str | None) -> None:
    before = await row(
        """
        UPDATE decisions d SET state = {}, updated_at = {} FROM (SELECT id, state FROM decisions WHERE id = {}) before
        WHERE d.id = before.id RETURNING before.state
        """,
        _DECISION_STATE[state],
        settling.now,
        decision_id,
    )
    await rows("UPDATE movements SET state = {} WHERE decision_id = {}", _MOVEMENT_STATE[state], decision_id)
    settling.tell(
        "execution",
        {"decision_id": decision_id, "state": _DECISION_STATE[state], "stripe_object_id": stripe_object_id},
    )
    if before is not None and before["state"] == "held":
        await end_hold(settling, decision_id, _DECISION_STATE[state])
