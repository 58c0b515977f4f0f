"""Decide: evaluate one request against what is in force, reserve its budget, and seal facts and outcome in full."""

from datetime import datetime, timedelta

import msgspec

from axiru import ids
from axiru.domain.control import forbidding
from axiru.domain.decision import DecisionReceipt
from axiru.domain.evaluation import Outcome
from axiru.domain.execution import StripeCall, refund_call
from axiru.errors import AxiruError
from ledger.acts.chain import Act, act, commitments_to, json, salted
from ledger.acts.personal import separated
from ledger.acts.projection import Recorded, ask_people, project_decision, read_request, receipt_of, reserve_budget
from ledger.acts.ruling import Evaluated, Ruling, execution_digest, rule, severest
from ledger.acts.standing import CompiledVersions, Standing, read_standing, read_windows
from ledger.entry import EntrySigner
from policies import evaluate, facts_of

STALE_AFTER = timedelta(seconds=60)
"""A request nobody has asked for since is not decided: its caller was told to ask again and may have given up."""


class RequestStale(AxiruError):
    """The request is too old to be decided without being asked for again with the same idempotency key."""

    code = "request_stale"


async def decide(decision_id: str, *, signer: EntrySigner, compiled: CompiledVersions) -> DecisionReceipt:
    """Decide once; deciding again returns the first receipt.

    Raises RequestUnknown, RequestStale, ChainMissing and PolicyVersionMissing; none of them leaves anything written.
    """
    request = await read_request(decision_id)
    async with act(signer, request.organization_id, request.mode) as deciding:
        ovt = request.ovt
        known = bool(request.connection_account_id)
        standing = await read_standing(decision_id, request.organization_id, request.mode, ovt, connection_known=known)
        if standing.decided:
            return await receipt_of(decision_id)
        if deciding.now - standing.asked_at > STALE_AFTER:
            raise RequestStale(
                "Nobody has asked for this decision for a while.", asked_at=standing.asked_at.isoformat()
            )
        windows, live, shadows = await _evaluated(request, standing, deciding.now, compiled)
        control = forbidding(standing.controls, ovt, deciding.now)
        ruling = rule(live, control, standing)
        return await _seal(decision_id, request, standing, windows, live, shadows, ruling, deciding)


async def _evaluated(
    request: Recorded, standing: Standing, now: datetime, compiled: CompiledVersions
) -> tuple[dict[str, int | None], Evaluated | None, list[Evaluated]]:
    """Windows read, the active version's word (None where no active policy covers the movement), every shadow's."""
    ovt = request.ovt
    covering = [
        (version, policy)
        for version in standing.versions
        if (policy := await compiled.get(version)).applies_to(ovt.rail, ovt.rail_action)
    ]
    needed = {window.name: window for _, policy in covering for window in policy.windows}
    windows = await read_windows(
        needed.values(),
        ovt,
        organization_id=request.organization_id,
        mode=request.mode,
        surface_mode=standing.surface_mode,
        now=now,
    )
    facts = facts_of(ovt, windows=windows)
    words = [Evaluated(version, evaluate(policy, facts, now=now)) for version, policy in covering]
    live = severest(word for word in words if word.version.status == "active")
    return windows, live, [word for word in words if word.version.status == "shadow"]


async def _seal(
    decision_id: str,
    request: Recorded,
    standing: Standing,
    windows: dict[str, int | None],
    live: Evaluated | None,
    shadows: list[Evaluated],
    ruling: Ruling,
    deciding: Act,
) -> DecisionReceipt:
    ovt = request.ovt
    review = live.evaluation.review if live and ruling.outcome is Outcome.REVIEW else None
    approval_id = ids.new_id(ids.APPROVAL) if ruling.outcome is Outcome.REVIEW else None
    expires_at = deciding.now + timedelta(seconds=review.deadline_seconds) if review else None
    call = _call(decision_id, request, standing, ruling)
    clear, values = separated(
        {
            "decision_id": decision_id,
            "endpoint": request.endpoint,
            "fingerprint": request.fingerprint,
            "api_key_id": request.api_key_id,
            "requested_by": request.requested_by,
            "received_at": request.received_at.isoformat(),
            "ovt": msgspec.to_builtins(ovt),
            "outcome": ruling.outcome.value,
            "state": ruling.state,
            "reason": ruling.reason,
            "message": ruling.message,
            "matched_rule": ruling.matched_rule,
            "surface_mode": standing.surface_mode,
            "advisory": msgspec.to_builtins(ruling.advisory),
            "policy": msgspec.to_builtins(live.version) if live else None,
            "evaluation": msgspec.to_builtins(live.evaluation) if live else None,
            "shadows": [
                {
                    "slug": word.version.slug,
                    "version": word.version.version,
                    "policy_hash": word.version.content_hash,
                    "outcome": word.evaluation.outcome.value,
                    "reason": word.evaluation.reason,
                    "matched_rule_id": word.evaluation.matched_rule_id,
                }
                for word in shadows
            ],
            "windows": windows,
            "controls": [control.id for control in standing.controls],
            "call": msgspec.to_builtins(call),
        }
    )
    personal = salted(values)
    digest = execution_digest({**clear, "personal": commitments_to(personal)})
    if approval_id and expires_at and review:
        clear["approval"] = {
            "approval_id": approval_id,
            "terms": msgspec.to_builtins(review),
            "digest": digest,
            "expires_at": expires_at.isoformat(),
        }
    policy_hash = live.version.content_hash if live else None
    by_policy = not ruling.matched_rule.startswith("control:")
    entry = deciding.seal("decision", clear, policy_hash=policy_hash, personal=personal)
    receipt = DecisionReceipt(
        decision_id=decision_id,
        mode=request.mode,
        outcome=ruling.outcome,
        state=ruling.state,
        reason=ruling.reason,
        message=ruling.message,
        matched_rule=ruling.matched_rule,
        surface_mode=standing.surface_mode,
        execute=ovt.execute,
        ledger_id=entry.ledger_id,
        logged_at=deciding.now,
        matched_rule_id=live.evaluation.matched_rule_id if live and by_policy else None,
        rule_kind=live.evaluation.rule_kind if live and by_policy else None,
        policy_version=f"v{live.version.version}" if live else None,
        approver_role=live.evaluation.approver_role if live and review else None,
        approval_id=approval_id,
        approval_expires_at=expires_at,
        advisory=ruling.advisory,
    )
    await project_decision(receipt, request, live, entry.seq)
    if _counts(receipt):
        await reserve_budget(receipt, request)
    if approval_id and expires_at and review:
        await ask_people(receipt, request, json(review), digest)
        deciding.tell("approval", {"approval_id": approval_id, "decision_id": decision_id, "state": "pending"})
    deciding.tell(
        "decision",
        {
            "decision_id": decision_id,
            "state": ruling.state,
            "outcome": ruling.outcome.value,
            "amount_cents": ovt.amount.minor_units,
            "currency": ovt.amount.asset,
        },
    )
    return receipt


def _call(decision_id: str, request: Recorded, standing: Standing, ruling: Ruling) -> StripeCall | None:
    """The call Axiru will make; None where the caller executes, the surface is in shadow or nothing may move."""
    if request.ovt.execute == "caller" or standing.surface_mode == "shadow" or ruling.outcome is Outcome.DENY:
        return None
    return refund_call(decision_id, request.ovt)


def _counts(receipt: DecisionReceipt) -> bool:
    """Shadow counts what enforcement would have let through or asked about."""
    meant = receipt.advisory.outcome if receipt.advisory else receipt.outcome
    return receipt.outcome is not Outcome.DENY and meant is not Outcome.DENY
