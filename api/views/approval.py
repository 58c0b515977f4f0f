"""An approval as the people see it who have to decide: what was asked, what the policy said, what would be executed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from api.auth import Caller
from api.errors import NotFound
from api.views.page import Cursor
from api.views.people import Person
from axiru.database import rows
from axiru.domain.approval import ApprovalState, Door, Verdict, seats
from axiru.domain.evaluation import ReviewTerms
from axiru.domain.execution import StripeCall
from axiru.domain.movement import Mode, Ovt
from ledger.entry import parse_body


class VoteView(msgspec.Struct, frozen=True):
    vote_id: str
    member: Person
    verdict: Verdict
    reason: str
    door: Door
    cast_at: datetime


class ApprovedBy(msgspec.Struct, frozen=True):
    member_id: str
    name: str


class GroupView(msgspec.Struct, frozen=True):
    """`count` different members of `role` are needed; `approved` are those who have."""

    role: str
    count: int
    approved: list[ApprovedBy]


class AskedView(msgspec.Struct, frozen=True, kw_only=True):
    """The request, in the words it came in."""

    action: str
    amount_cents: int
    currency: str
    stripe_connection_id: str | None
    stripe_account_id: str | None
    charge: str | None
    payment_intent: str | None
    customer_id: str | None
    customer_email: str | None
    customer_tenure_days: int | None
    reason_code: str | None
    source: str | None
    extra: dict[str, Any]
    metadata: dict[str, str]


class PolicyView(msgspec.Struct, frozen=True):
    """Why people are asked."""

    reason: str
    message: str
    matched_rule: str
    hits: list[Any]
    flags: list[Any]


class DiffView(msgspec.Struct, frozen=True):
    """`would_execute` is the very call that was sealed; null where the caller executes."""

    asked: AskedView
    policy: PolicyView
    would_execute: StripeCall | None


class ApprovalView(msgspec.Struct, frozen=True, kw_only=True):
    approval_id: str
    decision_id: str
    mode: Mode
    state: ApprovalState
    approver_role: str | None
    groups: list[GroupView]
    digest: str
    asked_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    requested_by: Person
    votes: list[VoteView]
    diff: DiffView
    can_vote: bool
    cannot_vote_because: str | None


class ApprovalPage(msgspec.Struct, frozen=True):
    items: list[ApprovalView]
    next_cursor: str | None


_SELECT: Final = """
SELECT a.*, d.approver_role, d.reason, d.message, d.matched_rule, d.evaluation, r.ovt, e.body,
    m.name AS requested_by_name
FROM approvals a
JOIN decisions d ON d.id = a.decision_id
JOIN requests r ON r.decision_id = a.decision_id
JOIN ledger_entries e ON e.organization_id = d.organization_id AND e.mode = d.mode AND e.seq = d.seq
LEFT JOIN members m ON m.id = a.requested_by
WHERE a.organization_id = {}
"""


async def find_approvals(
    caller: Caller, mode: Mode, state: ApprovalState | None, *, limit: int, after: Cursor | None
) -> ApprovalPage:
    """One page of an organization's approvals in one mode, newest first."""
    conditions = ["a.mode = {}"]
    arguments: list[Any] = [mode]
    if state is not None:
        conditions.append("a.state = {}")
        arguments.append(state)
    if after is not None:
        conditions.append("(a.asked_at, a.id) < ({}::timestamptz, {}::text)")
        arguments += [after.at, after.id]
    found = await rows(
        f"{_SELECT} AND {' AND '.join(conditions)} ORDER BY a.asked_at DESC, a.id DESC LIMIT {{}}",
        caller.organization_id,
        *arguments,
        limit + 1,
    )
    shown = found[:limit]
    more = Cursor(shown[-1]["asked_at"], shown[-1]["id"]).text() if len(found) > limit else None
    return ApprovalPage(await _views(shown, caller), more)


async def find_approval(approval_id: str, caller: Caller) -> ApprovalView:
    """Raises NotFound, also for a mode that the caller does not see."""
    found = await rows(f"{_SELECT} AND a.id = {{}}", caller.organization_id, approval_id)
    if not found or caller.mode not in {None, found[0]["mode"]}:
        raise NotFound
    (view,) = await _views(found, caller)
    return view


async def _views(found: Sequence[Mapping[str, Any]], caller: Caller) -> list[ApprovalView]:
    votes: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    if found:
        cast = await rows(
            """
            SELECT v.*, m.name FROM votes v LEFT JOIN members m ON m.id = v.member_id
            WHERE v.approval_id = ANY({}::text[]) ORDER BY v.cast_at
            """,
            [approval["id"] for approval in found],
        )
        for vote in cast:
            votes[vote["approval_id"]].append(vote)
    return [_view(approval, votes[approval["id"]], caller) for approval in found]


def _view(found: Mapping[str, Any], votes: Sequence[Mapping[str, Any]], caller: Caller) -> ApprovalView:
    terms = msgspec.json.decode(found["terms"], type=ReviewTerms)
    groups = [
        GroupView(
            group.role,
            group.count,
            [
                ApprovedBy(vote["member_id"], vote["name"] or vote["member_id"])
                for vote in votes
                if vote["role"] == group.role and vote["verdict"] == "approve"
            ],
        )
        for group in terms.groups
    ]
    obstacle = _obstacle(found, terms, groups, votes, caller)
    return ApprovalView(
        approval_id=found["id"],
        decision_id=found["decision_id"],
        mode=found["mode"],
        state=found["state"],
        approver_role=found["approver_role"],
        groups=groups,
        digest=found["digest"],
        asked_at=found["asked_at"],
        expires_at=found["expires_at"],
        closed_at=found["closed_at"],
        requested_by=Person(found["requested_by"], found["requested_by_name"] or found["requested_by"]),
        votes=[
            VoteView(
                vote["id"],
                Person(vote["member_id"], vote["name"] or vote["member_id"]),
                vote["verdict"],
                vote["reason"],
                vote["door"],
                vote["cast_at"],
            )
            for vote in votes
        ],
        diff=_diff(found),
        can_vote=obstacle is None,
        cannot_vote_because=obstacle,
    )


def _diff(found: Mapping[str, Any]) -> DiffView:
    ovt = msgspec.json.decode(found["ovt"], type=Ovt)
    evaluation = msgspec.json.decode(found["evaluation"])
    call = parse_body(bytes(found["body"])).data.get("call")
    return DiffView(
        AskedView(
            action=ovt.rail_action,
            amount_cents=ovt.amount.minor_units,
            currency=ovt.amount.asset,
            stripe_connection_id=ovt.merchant.stripe_connection_id,
            stripe_account_id=ovt.merchant.stripe_account_id,
            charge=ovt.target.charge,
            payment_intent=ovt.target.payment_intent,
            customer_id=ovt.context.customer_id,
            customer_email=ovt.context.customer_email,
            customer_tenure_days=ovt.context.customer_tenure_days,
            reason_code=ovt.context.reason_code,
            source=ovt.context.source,
            extra=ovt.context.extra,
            metadata=ovt.metadata,
        ),
        PolicyView(
            found["reason"],
            found["message"],
            found["matched_rule"],
            list(evaluation.get("hits", ())),
            list(evaluation.get("flags", ())),
        ),
        msgspec.convert(call, StripeCall) if call else None,
    )


def _obstacle(
    found: Mapping[str, Any],
    terms: ReviewTerms,
    groups: Sequence[GroupView],
    votes: Sequence[Mapping[str, Any]],
    caller: Caller,
) -> str | None:
    """What the act of voting would say to this caller, so that nobody is shown a button that refuses."""
    seated = seats(terms, caller.roles, asked_at=found["asked_at"], now=datetime.now(UTC))
    mine = [group for group in groups if group.role in seated.roles]
    roles = " or ".join(sorted({group.role for group in groups}))
    obstacles = {
        f"This approval is already {found['state']}.": found["state"] != "pending",
        "The deadline has passed.": datetime.now(UTC) >= found["expires_at"],
        "You asked for this yourself; someone else has to approve it.": found["requested_by"] == caller.member_id,
        "You have already voted on this approval.": any(vote["member_id"] == caller.member_id for vote in votes),
        f"This needs the role {roles}.": not mine,
        "Your role has approved already.": all(len(group.approved) >= group.count for group in mine),
    }
    return next((because for because, holds in obstacles.items() if holds), None)
