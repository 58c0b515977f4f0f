"""Decide: evaluate one request against what is in force, reserve its budget, and seal facts and outcome in full."""

from datetime import timedelta
from typing import Any

import msgspec

from axiru import ids
from axiru.domain.authorization import ENDPOINT as AUTHORIZATIONS
from axiru.domain.control import forbidding
from axiru.domain.decision import DecisionReceipt, SurfaceMode
from axiru.domain.evaluation import Outcome
from axiru.domain.exact import exact
from axiru.domain.execution import StripeCall, call_of
from axiru.domain.notice import notices_of
from axiru.domain.seen_movement import Bypass
from axiru.errors import AxiruError
from ledger.acts.budget_alerts import tell_budgets
from ledger.acts.chain import Act, act, commitments_to, json, salted
from ledger.acts.evaluating import Words, hear
from ledger.acts.evidence import AXIRU
from ledger.acts.leave import leave_lost
from ledger.acts.organization import bypass_alerts
from ledger.acts.personal import separated
from ledger.acts.projection import (
    Recorded,
    agreement_of,
    ask_people,
    excluded_member_ids,
    project_decision,
    read_request,
    receipt_of,
    reserve_budget,
)
from ledger.acts.ruling import Ruling, execution_digest, rule, rule_alone, rule_authorization, rule_observed
from ledger.acts.standing import CompiledVersions, Standing, read_standing
from ledger.acts.token import keep_token, new_token
from ledger.entry import EntrySigner

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
        alone = ovt.initiator.kind == AXIRU
        if request.bypass is None and not alone and deciding.now - standing.asked_at > STALE_AFTER:
            raise RequestStale(
                "Nobody has asked for this decision for a while.", asked_at=standing.asked_at.isoformat()
            )
        if request.bypass is not None:
            # What Stripe says of it may have changed before the lock.
            request = await read_request(decision_id)
        words = await hear(request, standing, deciding.now, compiled)
        control = forbidding(standing.controls, ovt, deciding.now)
        if request.bypass is None:
            control = control or await leave_lost(decision_id, request, deciding.now)
        counted_in = standing.surface_mode
        if request.bypass is not None:
            ruling = rule_observed(words.live, control)
            standing = msgspec.structs.replace(standing, surface_mode="shadow")
        elif request.endpoint == AUTHORIZATIONS:
            ruling = rule_authorization(words.live, control, standing)
        else:
            ruling = (rule_alone if alone else rule)(words.live, control, standing)
        receipt = await _seal(decision_id, request, standing, words, ruling, deciding)
        reserved = False
        if request.bypass is not None or _counts(receipt):
            reserved = await reserve_budget(receipt, request, counted_in)
        await tell_budgets(
            deciding,
            decision_id,
            ovt,
            words,
            alert_percent=standing.budget_alert_percent,
            surface_mode=counted_in,
            reserved=reserved,
            by_policy=request.bypass is None and control is None,
        )
        if request.bypass is not None:
            await _seal_bypass(receipt, request, request.bypass, counted_in, deciding)
        return receipt


async def _seal(
    decision_id: str,
    request: Recorded,
    standing: Standing,
    words: Words,
    ruling: Ruling,
    deciding: Act,
) -> DecisionReceipt:
    ovt, live = request.ovt, words.live
    asks_people = ruling.state == "pending_approval"
    review = live.evaluation.review if live and asks_people else None
    approval_id = ids.new_id(ids.APPROVAL) if asks_people else None
    expires_at = deciding.now + timedelta(seconds=review.deadline_seconds) if review else None
    call = _call(decision_id, request, standing, ruling)
    gets_token = request.endpoint == AUTHORIZATIONS and ruling.outcome is Outcome.ALLOW
    token = await new_token(deciding.now) if gets_token else None
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
            "evaluation": exact(msgspec.to_builtins(live.evaluation)) if live else None,
            **_heard(words),
            "controls": [control.id for control in standing.controls],
            "call": msgspec.to_builtins(call),
            "agreement": {"compared": len(words.results), "agrees": agreement_of(words.results)},
            **({"token": msgspec.to_builtins(token)} if token else {}),
        }
    )
    personal = salted(values)
    digest = execution_digest({**clear, "personal": commitments_to(personal)})
    excluded = await excluded_member_ids(decision_id) if approval_id else []
    if approval_id and expires_at and review:
        clear["approval"] = {
            "approval_id": approval_id,
            "terms": msgspec.to_builtins(review),
            "excluded_member_ids": excluded,
            "digest": digest,
            "expires_at": expires_at.isoformat(),
        }
    policy_hash = live.version.content_hash if live else None
    by_policy = not ruling.matched_rule.startswith(("control:", "agent:", "mandate:"))
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
        approval_notices=notices_of(review, deciding.now, expires_at) if review and expires_at else (),
        token=token,
    )
    await project_decision(receipt, request, live, words.results, entry.seq)
    if token is not None:
        await keep_token(token, decision_id, entry.ledger_id, deciding)
    if approval_id and expires_at and review:
        await ask_people(receipt, request, json(review), digest, excluded)
        deciding.tell("approval", {"approval_id": approval_id, "decision_id": decision_id, "state": "pending"})
    deciding.tell(
        "decision",
        {
            "decision_id": decision_id,
            "state": ruling.state,
            "outcome": ruling.outcome.value,
            "amount_cents": ovt.amount.cents,
            "currency": ovt.amount.asset,
            "amount": msgspec.to_builtins(ovt.amount),
        },
    )
    return receipt


async def _seal_bypass(
    receipt: DecisionReceipt, request: Recorded, bypass: Bypass, counted_in: SurfaceMode, deciding: Act
) -> None:
    """An entry of its own, and the alarm, by the ways that the organization chose."""
    advised = receipt.advisory.outcome.value if receipt.advisory else None
    about = {
        "decision_id": receipt.decision_id,
        "stripe_object_id": bypass.stripe_object_id,
        "amount_cents": request.ovt.amount.minor_units,
        "currency": request.ovt.amount.asset,
        "advisory_outcome": advised,
    }
    deciding.seal(
        "bypass",
        {
            **about,
            "stripe_connection_id": bypass.stripe_connection_id,
            "rail_action": bypass.kind,
            "why": bypass.why,
            "stripe_status": bypass.stripe_status,
            "counted_in": counted_in,
        },
    )
    deciding.tell("bypass", {**about, "alerts": await bypass_alerts(request.organization_id)})


def _heard(words: Words) -> dict[str, Any]:
    """Beside the evaluation: what the others said, and all that the request itself does not hold of what was read.

    With the texts of the versions named, and `sealed_at` as the time, every word can be derived again. Of the agents
    above the one that asks, the request holds who they are.
    """
    return {
        "shadows": [
            {
                "slug": word.version.slug,
                "version": word.version.version,
                "policy_hash": word.version.content_hash,
                "outcome": word.evaluation.outcome.value,
                "reason": word.evaluation.reason,
                "matched_rule_id": word.evaluation.matched_rule_id,
                "flags": [flag.rule_id for flag in word.evaluation.flags],
                **({"judged_as": word.evaluation.judged_as} if word.evaluation.judged_as else {}),
            }
            for word in words.shadows
        ],
        "canaries": [{**canary._asdict(), "decides": canary.decides} for canary in words.canaries],
        "windows": exact(words.measured.windows),
        "listed": words.measured.listed,
        **({"listed_above": above} if any((above := words.measured.above).values()) else {}),
        "lists": [{"slug": one.slug, "version": one.version, "content_hash": one.content_hash} for one in words.lists],
        "labels": words.labels,
        "unread": [{"slug": version.slug, "version": version.version} for version in words.unread],
    }


def _call(decision_id: str, request: Recorded, standing: Standing, ruling: Ruling) -> StripeCall | None:
    """The call Axiru will make; None where the caller executes, the surface is in shadow or nothing may move."""
    if request.ovt.execute == "caller" or standing.surface_mode == "shadow" or ruling.outcome is Outcome.DENY:
        return None
    return call_of(decision_id, request.ovt)


def _counts(receipt: DecisionReceipt) -> bool:
    """Shadow counts what enforcement would have let through or asked about."""
    meant = receipt.advisory.outcome if receipt.advisory else receipt.outcome
    return receipt.outcome is not Outcome.DENY and meant is not Outcome.DENY
