"""Reads the approval sheet: the one thing every door shows."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from axiru.database import rows
from axiru.domain.approval import Cast, filled
from axiru.domain.approval_sheet import (
    ApprovalSheet,
    BrokenGlass,
    EarlierRefund,
    EarlierTotal,
    EscalationDue,
    GroupNeeded,
    HeldBy,
    Named,
    PaymentContext,
    SheetVote,
)
from axiru.domain.authorization import AGENT_SURFACES
from axiru.domain.evaluation import ReviewTerms, RuleHit
from axiru.domain.execution import StripeCall
from axiru.domain.movement import Ovt
from ledger.entry import parse_body
from ledger.evidence_packets import packet_lines

EARLIER_SHOWN: Final = 10

_SHEETS: Final = """
SELECT a.*, o.name AS organization_name, d.state AS decision_state, d.execute, d.approver_role, d.reason, d.message,
    d.matched_rule, d.evaluation, d.stripe_connection_id, r.ovt, e.body, asker.name AS requested_by_name,
    assignee.name AS assignee_name, hold.id AS hold_id, hold.reason AS hold_reason,
    (SELECT count(*) FROM approval_comments c WHERE c.approval_id = a.id) AS comments_count,
    (SELECT json_build_object('break_glass_id', b.id, 'state', b.state, 'alone', b.alone, 'reason', b.reason,
        'opened_by', json_build_object('id', opener.id, 'name', opener.name), 'confirmed_by',
        CASE WHEN second.id IS NOT NULL THEN json_build_object('id', second.id, 'name', second.name) END,
        'expires_at', b.expires_at)
        FROM break_glass b JOIN members opener ON opener.id = b.opened_by
        LEFT JOIN members second ON second.id = b.confirmed_by
        WHERE b.approval_id = a.id ORDER BY b.opened_at DESC LIMIT 1)::text AS break_glass
FROM approvals a
JOIN organizations o ON o.id = a.organization_id
JOIN decisions d ON d.id = a.decision_id
JOIN requests r ON r.decision_id = a.decision_id
JOIN ledger_entries e ON e.organization_id = d.organization_id AND e.mode = d.mode AND e.seq = d.seq
LEFT JOIN members asker ON asker.id = a.requested_by
LEFT JOIN members assignee ON assignee.id = a.assignee_member_id
LEFT JOIN controls hold ON hold.organization_id = a.organization_id AND hold.kind = 'hold' AND hold.lifted_at IS NULL
    AND hold.scope ->> 'decision_id' = d.id
WHERE a.id = ANY({}::text[])
"""

_VOTES: Final = """
SELECT v.*, m.name, absent.name AS absent_name FROM votes v LEFT JOIN members m ON m.id = v.member_id
LEFT JOIN members absent ON absent.id = v.on_behalf_of
WHERE v.approval_id = ANY({}::text[]) ORDER BY v.cast_at, v.id
"""

# Two index scans rather than one condition with OR, which no index serves.
_EARLIER: Final = """
SELECT a.id AS approval_id, d.id AS decision_id, d.amount_cents, d.currency, d.state, d.decided_at,
    d.state IN ('allowed', 'approved', 'executing', 'executed') AS let_through
FROM approvals a JOIN decisions asked ON asked.id = a.decision_id, LATERAL (
    SELECT decision_id FROM movements m WHERE m.organization_id = a.organization_id AND m.mode = a.mode
        AND m.surface_mode IN ('enforce', 'shadow') AND m.customer_id = asked.customer_id AND m.state <> 'released'
        AND m.rail_action = 'refund' AND m.moved_at > clock_timestamp() - interval '90 days'
    UNION SELECT decision_id FROM movements m WHERE m.organization_id = a.organization_id AND m.mode = a.mode
        AND m.surface_mode IN ('enforce', 'shadow') AND m.charge = asked.charge AND m.state <> 'released'
        AND m.rail_action = 'refund' AND m.moved_at > clock_timestamp() - interval '90 days'
) moved JOIN decisions d ON d.id = moved.decision_id
WHERE a.id = ANY({}::text[]) AND d.id <> a.decision_id
"""

_NEWEST: Final = f"""
SELECT newest.*, r.ovt -> 'context' ->> 'reason_code' AS reason_code FROM (
    SELECT *, row_number() OVER (PARTITION BY approval_id ORDER BY decided_at DESC, decision_id DESC) AS place
    FROM ({_EARLIER}) earlier
) newest JOIN requests r USING (decision_id) WHERE place <= {{}} ORDER BY place
"""  # noqa: S608 - the constant above

_TOTALS: Final = f"""
SELECT approval_id, currency, sum(amount_cents)::bigint AS amount_cents, count(*) AS count FROM ({_EARLIER}) earlier
WHERE let_through GROUP BY approval_id, currency ORDER BY currency
"""  # noqa: S608 - the constant above


async def read_sheet(approval_id: str) -> ApprovalSheet | None:
    """Everything a person needs in order to decide, as it is now; None for an approval that there is not."""
    return next(iter(await read_sheets([approval_id])), None)


async def read_sheets(approval_ids: Sequence[str]) -> list[ApprovalSheet]:
    """Those that exist, in the order of their ids given."""
    wanted = list(approval_ids)
    found = {approval["id"]: approval for approval in await rows(_SHEETS, wanted)}
    votes = await rows(_VOTES, wanted)
    earlier, totals = await rows(_NEWEST, wanted, EARLIER_SHOWN), await rows(_TOTALS, wanted)
    sheets = [
        _sheet(found[each], _of(each, votes), _of(each, earlier), _of(each, totals)) for each in wanted if each in found
    ]
    return [await _with_evidence(sheet) for sheet in sheets]


async def _with_evidence(sheet: ApprovalSheet) -> ApprovalSheet:
    """What the bank would read is what people approve: they see all of it."""
    call = sheet.would_execute
    if call is None or call.operation != "disputes.submit_evidence":
        return sheet
    lines = await packet_lines(str(call.parameters["packet"]))
    return msgspec.structs.replace(sheet, evidence=tuple(lines))


def _of(approval_id: str, found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in found if one["approval_id"] == approval_id]


def _sheet(
    found: Mapping[str, Any],
    votes: Sequence[Mapping[str, Any]],
    earlier: Sequence[Mapping[str, Any]],
    totals: Sequence[Mapping[str, Any]],
) -> ApprovalSheet:
    ovt = msgspec.json.decode(found["ovt"], type=Ovt)
    terms = msgspec.json.decode(found["terms"], type=ReviewTerms)
    evaluation = msgspec.json.decode(found["evaluation"])
    call = parse_body(bytes(found["body"])).data.get("call")
    return ApprovalSheet(
        approval_id=found["id"],
        decision_id=found["decision_id"],
        organization_id=found["organization_id"],
        organization_name=found["organization_name"],
        mode=found["mode"],
        state=found["state"],
        decision_state=found["decision_state"],
        digest=found["digest"],
        execute=found["execute"],
        asked_at=found["asked_at"],
        expires_at=found["expires_at"],
        closed_at=found["closed_at"],
        requested_by=Named(found["requested_by"], found["requested_by_name"] or found["requested_by"]),
        approver_role=found["approver_role"],
        rail=ovt.rail,
        action=ovt.rail_action,
        amount=ovt.amount,
        amount_cents=ovt.amount.cents,
        currency=ovt.amount.asset,
        exponent=ovt.amount.exponent,
        agent=ovt.initiator if ovt.surface in AGENT_SURFACES else None,
        counterparty=ovt.counterparty,
        stripe_connection_id=ovt.merchant.stripe_connection_id,
        stripe_account_id=ovt.merchant.stripe_account_id,
        charge=ovt.target.charge,
        payment_intent=ovt.target.payment_intent,
        target=ovt.target,
        customer_id=ovt.context.customer_id,
        customer_email=ovt.context.customer_email,
        customer_tenure_days=ovt.context.customer_tenure_days,
        reason_code=ovt.context.reason_code,
        source=ovt.context.source,
        extra=ovt.context.extra,
        metadata=ovt.metadata,
        reason=found["reason"],
        message=found["message"],
        matched_rule=found["matched_rule"],
        hits=msgspec.convert(evaluation.get("hits", ()), tuple[RuleHit, ...]),
        flags=msgspec.convert(evaluation.get("flags", ()), tuple[RuleHit, ...]),
        would_execute=msgspec.convert(call, StripeCall) if call else None,
        payment=_payment(found),
        earlier=tuple(msgspec.convert(one, EarlierRefund) for one in earlier),
        earlier_total=tuple(msgspec.convert(one, EarlierTotal) for one in totals),
        groups=_groups(terms, votes),
        escalations=tuple(
            EscalationDue(one.role, found["asked_at"] + timedelta(seconds=one.after_seconds))
            for one in terms.escalations
        ),
        votes=tuple(_vote(vote) for vote in votes),
        assignee=_named(found["assignee_member_id"], found["assignee_name"]),
        info_requested_at=found["info_requested_at"],
        comments_count=found["comments_count"],
        held_by=HeldBy(found["hold_id"], found["hold_reason"]) if found["hold_id"] else None,
        break_glass=msgspec.json.decode(found["break_glass"], type=BrokenGlass) if found["break_glass"] else None,
    )


def _named(member_id: str | None, name: str | None) -> Named | None:
    return Named(member_id, name or member_id) if member_id else None


def _payment(found: Mapping[str, Any]) -> PaymentContext | None:
    if found["context"] is None:
        return None
    context = msgspec.json.decode(found["context"])
    return msgspec.convert({"read_at": found["context_read_at"], **context}, PaymentContext)


def _groups(terms: ReviewTerms, votes: Sequence[Mapping[str, Any]]) -> tuple[GroupNeeded, ...]:
    names = {vote["member_id"]: vote["name"] or vote["member_id"] for vote in votes}
    places = filled(terms, [msgspec.convert(vote, Cast) for vote in votes])
    return tuple(
        GroupNeeded(group.role, group.count, tuple(names[vote.member_id] for vote in approved))
        for group, approved in zip(terms.groups, places, strict=True)
    )


def _vote(vote: Mapping[str, Any]) -> SheetVote:
    return SheetVote(
        vote_id=vote["id"],
        member=Named(vote["member_id"], vote["name"] or vote["member_id"]),
        on_behalf_of=_named(vote["on_behalf_of"], vote["absent_name"]),
        verdict=vote["verdict"],
        reason=vote["reason"],
        door=vote["door"],
        cast_at=vote["cast_at"],
    )
