"""Intend: permission for one attempt to call Stripe, given behind the lock that every control takes."""

from datetime import datetime

import msgspec

from axiru.database import row, rows
from axiru.domain.control import forbidding
from axiru.domain.execution import Blocked, ExecutionResult, Held, Intent, Objection, StripeCall
from axiru.domain.movement import Mode, Ovt, for_account
from axiru.errors import AxiruError
from ledger.acts.chain import Act, act, json
from ledger.acts.in_force import controls_in_force
from ledger.acts.recheck import objection_to
from ledger.acts.ruling import execution_digest
from ledger.acts.settle import idempotency_key, settle_blocked
from ledger.entry import EntrySigner, entry_hash, parse_body


class NotExecutable(AxiruError):
    """The decision is not one that Axiru executes in its present state."""

    code = "not_executable"


class OutcomeUncertain(AxiruError):
    """An earlier attempt may still reach Stripe; it is too early to say that nothing was done."""

    code = "outcome_uncertain"


class Executable(msgspec.Struct, frozen=True):
    """A decision and its execution so far, behind the lock."""

    state: str
    execute: str
    policy_hash: str | None
    ovt: Ovt
    decision_body: bytes
    prev_hash: bytes
    entry_hash: bytes
    approved_digest: str | None
    execution_state: str | None
    idempotency_key: str | None
    attempts: int
    first_call_at: datetime | None
    last_call_at: datetime | None
    connection_status: str | None
    write_actions: list[str]
    policy_stands: bool
    waited: bool


async def intend(
    decision_id: str,
    *,
    organization_id: str,
    mode: Mode,
    uncertain_seconds: float,
    signer: EntrySigner,
    unfit: ExecutionResult | None = None,
) -> Intent | Blocked | Held:
    """Write the intention to call, or settle the decision as failed because the call is forbidden now.

    The call is the one that was sealed with the decision; `unfit` is why the payment, as Stripe shows it, does not
    allow it. After a first attempt the caller has to look on Stripe before it intends again: a forbidden or held
    decision stays as it is until `uncertain_seconds` have passed since the last call, and until then raises
    OutcomeUncertain. Raises NotExecutable.
    """
    async with act(signer, organization_id, mode) as intending:
        found = await _executable(decision_id)
        if found.execute != "axiru" or found.execution_state in {"succeeded", "failed"}:
            raise NotExecutable("There is nothing left to execute.", state=found.state)
        if found.execution_state == "requires_approval":
            raise NotExecutable("Stripe asks its own people about this call.", state=found.execution_state)
        if found.state not in {"allowed", "approved", "executing", "held"}:
            raise NotExecutable("This decision does not permit execution.", state=found.state)
        held = found.state == "held"
        call = _sealed_call(found)
        objection = None if held else await _objection(decision_id, found, intending) or _of_payment(unfit)
        if (held or objection) and _may_be_under_way(found, intending.now, uncertain_seconds):
            raise OutcomeUncertain("An earlier call may still be under way.", decision_id=decision_id)
        if held:
            await rows(
                "UPDATE executions SET state = 'intended' WHERE decision_id = {} AND state = 'calling'", decision_id
            )
            return Held(decision_id)
        if objection is not None:
            blocked = Blocked(decision_id, objection.reason, objection.message, objection.matched_rule)
            await settle_blocked(intending, blocked, call)
            return blocked
        since = found.first_call_at or intending.now
        key = found.idempotency_key or idempotency_key(decision_id)
        intent = Intent(decision_id, call, key, found.attempts + 1, since)
        if found.execution_state is None:
            await _begin(intent, intending)
        else:
            await rows(
                "UPDATE executions SET state = 'calling', attempts = {}, last_call_at = {} WHERE decision_id = {}",
                intent.attempt,
                intending.now,
                decision_id,
            )
        return intent


async def give_back(permission: Intent) -> None:
    """Say that a permission was not used: no call was made by it, and none is under way that no earlier one made."""
    await rows(
        "UPDATE executions SET state = 'intended', last_call_at = CASE WHEN attempts > 1 THEN last_call_at END "
        "WHERE decision_id = {} AND attempts = {} AND state = 'calling'",
        permission.decision_id,
        permission.attempt,
    )


def _sealed_call(found: Executable) -> StripeCall:
    """The call as it was sealed with the decision, and as people approved it where they were asked.

    Raises NotExecutable when there is none, or the entry or the approval is not what it was.
    """
    sealed = parse_body(found.decision_body).data
    if entry_hash(found.prev_hash, found.decision_body) != found.entry_hash:
        raise NotExecutable("The entry of this decision was altered.", state=found.state)
    if found.approved_digest is not None and found.approved_digest != execution_digest(sealed):
        raise NotExecutable("This is not what was approved.", state=found.state)
    if sealed["call"] is None:
        raise NotExecutable("This decision was sealed without a call.", state=found.state)
    return msgspec.convert(sealed["call"], StripeCall)


async def is_stopped(decision_id: str, *, organization_id: str, mode: Mode, signer: EntrySigner) -> bool:
    """Whether a hold came, or anything that forbids a call that Stripe has not made yet."""
    async with act(signer, organization_id, mode) as looking:
        found = await _executable(decision_id)
        return found.state == "held" or await _objection(decision_id, found, looking) is not None


async def planned_call(decision_id: str) -> StripeCall:
    """The call that was sealed with a decision, read without a lock. Raises NotExecutable."""
    return _sealed_call(await _executable(decision_id))


async def _begin(intent: Intent, intending: Act) -> None:
    intending.seal(
        "execution_intent",
        {
            "decision_id": intent.decision_id,
            "call": msgspec.to_builtins(intent.call),
            "idempotency_key": intent.idempotency_key,
        },
    )
    await rows(
        """
        INSERT INTO executions (decision_id, organization_id, mode, state, idempotency_key, call, attempts, intended_at,
            first_call_at, last_call_at)
        VALUES ({}, {}, {}, 'calling', {}, {}::jsonb, 1, {}, {}, {})
        """,
        intent.decision_id,
        intending.organization_id,
        intending.mode,
        intent.idempotency_key,
        json(intent.call),
        intending.now,
        intending.now,
        intending.now,
    )
    await rows(
        "UPDATE decisions SET state = 'executing', updated_at = {} WHERE id = {}", intending.now, intent.decision_id
    )
    intending.tell("execution", {"decision_id": intent.decision_id, "state": "executing"})


async def _objection(decision_id: str, found: Executable, intending: Act) -> Objection | None:
    """What has changed since the decision and forbids the call now.

    The policy is asked again about what has waited, for people or under a hold; what follows its decision at once
    would only be judged twice.
    """
    controls = await controls_in_force(intending.organization_id, intending.mode)
    if (hit := forbidding(controls, found.ovt, intending.now)) is not None:
        return Objection(hit.reason, hit.message, hit.rule)
    if found.connection_status != "active":
        return Objection("connection_not_active", "The Stripe connection is no longer active.")
    if found.ovt.rail_action not in found.write_actions:
        return Objection("write_scope_missing", "The Stripe connection may no longer write this.")
    if not found.policy_stands:
        return Objection("policy_version_missing", "The policy version that decided is no longer there.")
    return await objection_to(decision_id, intending.now) if found.waited else None


def _of_payment(unfit: ExecutionResult | None) -> Objection | None:
    return Objection(unfit.error_code or "stripe_refused", unfit.error_message or "") if unfit else None


def _may_be_under_way(found: Executable, now: datetime, uncertain_seconds: float) -> bool:
    return found.last_call_at is not None and (now - found.last_call_at).total_seconds() < uncertain_seconds


async def _executable(decision_id: str) -> Executable:
    found = await row(
        """
        SELECT d.state, d.execute, d.policy_hash, r.ovt, c.stripe_account_id AS connection_account_id,
            e.body AS decision_body, e.prev_hash, e.entry_hash,
            a.digest AS approved_digest, x.state AS execution_state, x.idempotency_key,
            coalesce(x.attempts, 0) AS attempts, x.first_call_at, x.last_call_at, c.status AS connection_status,
            coalesce(c.write_actions, ARRAY[]::text[]) AS write_actions,
            EXISTS (SELECT FROM policy_versions v WHERE v.organization_id = d.organization_id
                AND v.content_hash = d.policy_hash AND v.published_at IS NOT NULL) AS policy_stands,
            a.id IS NOT NULL OR EXISTS (SELECT FROM controls h
                WHERE h.kind = 'hold' AND h.scope ->> 'decision_id' = d.id) AS waited
        FROM decisions d
        JOIN requests r ON r.decision_id = d.id
        JOIN ledger_entries e ON e.organization_id = d.organization_id AND e.mode = d.mode AND e.seq = d.seq
        LEFT JOIN approvals a ON a.decision_id = d.id
        LEFT JOIN executions x ON x.decision_id = d.id
        LEFT JOIN stripe_connections c ON c.id = d.stripe_connection_id AND c.organization_id = d.organization_id
        WHERE d.id = {}
        """,
        decision_id,
    )
    if found is None:
        raise NotExecutable("There is no such decision.", state="unknown")
    ovt = for_account(msgspec.json.decode(found["ovt"], type=Ovt), found["connection_account_id"])
    return msgspec.convert({**found, "ovt": ovt}, Executable)
