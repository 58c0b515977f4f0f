"""An approval as the people see it who have to decide: what was asked, what the policy said, what would be executed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from api.auth import Caller
from api.errors import NotFound
from api.permissions import SCOPE_OF, Permission
from api.views.page import Cursor
from api.views.people import Person
from axiru.database import rows
from axiru.domain.approval import ApprovalState, Door, Verdict
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
)
from axiru.domain.call_words import IRREVERSIBLE, call_sentence
from axiru.domain.decision import DecisionState
from axiru.domain.evaluation import RuleHit
from axiru.domain.execution import StripeCall
from axiru.domain.movement import Amount, Counterparty, Execute, Initiator, Mode, Target
from ledger.approval_sheet import read_sheets
from ledger.eligibility import Standing, standings

_SCANNED_AT_ONCE: Final = 200


class VoteView(msgspec.Struct, frozen=True):
    """`on_behalf_of` is in whose place a delegate voted."""

    vote_id: str
    member: Person
    verdict: Verdict
    reason: str
    door: Door
    cast_at: datetime
    on_behalf_of: Person | None


class ApprovedBy(msgspec.Struct, frozen=True):
    member_id: str
    name: str


class GroupView(msgspec.Struct, frozen=True):
    """`count` different members of `role` are needed; `approved` are those whose approvals fill its places."""

    role: str
    count: int
    approved: list[ApprovedBy]


class AskedView(msgspec.Struct, frozen=True, kw_only=True):
    """The request, in the words it came in. `amount_cents` is in minor units of a currency with `exponent` decimals.

    It is null where the asset is no currency: `amount` says it in units of any size. `agent` is who asks for an
    authorization, and `counterparty` who would be paid.
    """

    rail: str
    action: str
    amount: Amount
    amount_cents: int | None
    currency: str
    exponent: int
    agent: Initiator | None
    counterparty: Counterparty
    stripe_connection_id: str | None
    stripe_account_id: str | None
    charge: str | None
    payment_intent: str | None
    target: Target
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
    hits: Sequence[RuleHit]
    flags: Sequence[RuleHit]


class DiffView(msgspec.Struct, frozen=True):
    """`would_execute` is the very call that was sealed; null where the caller executes.

    `in_words` says what it does and what can be done about it afterwards; `evidence` is all that a bank would read.
    """

    asked: AskedView
    policy: PolicyView
    would_execute: StripeCall | None
    in_words: str | None
    evidence: Sequence[tuple[str, str]]


class ApprovalView(msgspec.Struct, frozen=True, kw_only=True):
    """What every door shows, and what the caller may do about it: `votes_on_behalf_of` names whose seat they sit in.

    `payment` is Stripe's word on the payment, null until it was asked; `earlier` are refunds of the same customer or
    charge in the last 90 days, ten at most, and `earlier_total` counts all of them.
    """

    approval_id: str
    decision_id: str
    mode: Mode
    state: ApprovalState
    decision_state: DecisionState
    execute: Execute
    approver_role: str | None
    groups: list[GroupView]
    escalations: Sequence[EscalationDue]
    digest: str
    asked_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    requested_by: Person
    votes: list[VoteView]
    diff: DiffView
    payment: PaymentContext | None
    earlier: Sequence[EarlierRefund]
    earlier_total: Sequence[EarlierTotal]
    assignee: Person | None
    info_requested_at: datetime | None
    comments_count: int
    held_by: HeldBy | None
    break_glass: BrokenGlass | None
    can_vote: bool
    cannot_vote_because: str | None
    votes_on_behalf_of: str | None


class ApprovalPage(msgspec.Struct, frozen=True):
    items: list[ApprovalView]
    next_cursor: str | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which approvals are wanted. `mine` are those the caller may vote on now."""

    mode: Mode
    state: ApprovalState | None = None
    mine: bool = False
    assignee_member_id: str | None = None


class _Place(msgspec.Struct, frozen=True):
    id: str
    asked_at: datetime


async def find_approvals(caller: Caller, wanted: Wanted, *, limit: int, after: Cursor | None) -> ApprovalPage:
    """One page of an organization's approvals in one mode, newest first."""
    found: list[_Place] = []
    while len(found) <= limit:
        scanned = await _places(caller, wanted, _SCANNED_AT_ONCE if wanted.mine else limit + 1, after)
        kept = await _votable(scanned, caller) if wanted.mine else scanned
        found += kept
        if not wanted.mine or len(scanned) < _SCANNED_AT_ONCE:
            break
        after = Cursor(scanned[-1].asked_at, scanned[-1].id)
    shown = found[:limit]
    more = Cursor(shown[-1].asked_at, shown[-1].id).text() if len(found) > limit else None
    return ApprovalPage(await _views([place.id for place in shown], caller), more)


async def find_approval(approval_id: str, caller: Caller) -> ApprovalView:
    """Raises NotFound, also for a mode that the caller does not see."""
    await require_approval(approval_id, caller)
    for view in await _views([approval_id], caller):
        return view
    raise NotFound


async def require_approval(approval_id: str, caller: Caller) -> None:
    """Raises NotFound for an approval of another organization, or of a mode that the caller does not see."""
    found = await rows(
        "SELECT mode FROM approvals WHERE id = {} AND organization_id = {}", approval_id, caller.organization_id
    )
    if not found or caller.mode not in {None, found[0]["mode"]}:
        raise NotFound


async def _places(caller: Caller, wanted: Wanted, most: int, after: Cursor | None) -> list[_Place]:
    conditions = ["organization_id = {} AND mode = {}"]
    arguments: list[Any] = [caller.organization_id, wanted.mode]
    if wanted.state is not None:
        conditions.append("state = {}")
        arguments.append(wanted.state)
    if wanted.assignee_member_id is not None:
        conditions.append("assignee_member_id = {}")
        arguments.append(wanted.assignee_member_id)
    if wanted.mine:
        # What nobody may vote on any more, or this caller never may, need not be looked at one by one.
        conditions.append("state = 'pending' AND expires_at > clock_timestamp() AND {} <> ALL (excluded_member_ids)")
        arguments.append(caller.member_id)
    if after is not None:
        conditions.append("(asked_at, id) < ({}::timestamptz, {}::text)")
        arguments += [after.at, after.id]
    found = await rows(
        f"SELECT id, asked_at FROM approvals WHERE {' AND '.join(conditions)} "  # noqa: S608 - no value in it
        "ORDER BY asked_at DESC, id DESC LIMIT {}",
        *arguments,
        most,
    )
    return [_Place(place["id"], place["asked_at"]) for place in found]


async def _votable(places: Sequence[_Place], caller: Caller) -> list[_Place]:
    told = await _standings([place.id for place in places], caller)
    return [place for place in places if place.id in told and told[place.id].cannot_vote_because is None]


async def _standings(approval_ids: Sequence[str], caller: Caller) -> dict[str, Standing]:
    """A key votes for its owner, and only with the scope for it."""
    if caller.api_key_id is not None and Permission.VOTE not in caller.permissions:
        return dict.fromkeys(approval_ids, Standing(f"This needs the scope {SCOPE_OF[Permission.VOTE]}."))
    return await standings(approval_ids, caller.member_id)


async def _views(approval_ids: Sequence[str], caller: Caller) -> list[ApprovalView]:
    told = await _standings(approval_ids, caller)
    return [_view(sheet, told[sheet.approval_id]) for sheet in await read_sheets(approval_ids)]


def _view(sheet: ApprovalSheet, standing: Standing) -> ApprovalView:
    return ApprovalView(
        approval_id=sheet.approval_id,
        decision_id=sheet.decision_id,
        mode=sheet.mode,
        state=sheet.state,
        decision_state=sheet.decision_state,
        execute=sheet.execute,
        approver_role=sheet.approver_role,
        groups=[_group(group, sheet) for group in sheet.groups],
        escalations=sheet.escalations,
        digest=sheet.digest,
        asked_at=sheet.asked_at,
        expires_at=sheet.expires_at,
        closed_at=sheet.closed_at,
        requested_by=_person(sheet.requested_by),
        votes=[
            VoteView(
                vote.vote_id,
                _person(vote.member),
                vote.verdict,
                vote.reason,
                vote.door,
                vote.cast_at,
                _person(vote.on_behalf_of) if vote.on_behalf_of else None,
            )
            for vote in sheet.votes
        ],
        diff=_diff(sheet),
        payment=sheet.payment,
        earlier=sheet.earlier,
        earlier_total=sheet.earlier_total,
        assignee=_person(sheet.assignee) if sheet.assignee else None,
        info_requested_at=sheet.info_requested_at,
        comments_count=sheet.comments_count,
        held_by=sheet.held_by,
        break_glass=sheet.break_glass,
        can_vote=standing.cannot_vote_because is None,
        cannot_vote_because=standing.cannot_vote_because,
        votes_on_behalf_of=standing.on_behalf_of_name,
    )


def _diff(sheet: ApprovalSheet) -> DiffView:
    asked = {name: getattr(sheet, name) for name in AskedView.__struct_fields__} | {"amount_cents": sheet.amount.cents}
    policy = PolicyView(sheet.reason, sheet.message, sheet.matched_rule, sheet.hits, sheet.flags)
    call = sheet.would_execute
    in_words = f"{call_sentence(call)} {IRREVERSIBLE[call.operation]}" if call else None
    return DiffView(AskedView(**asked), policy, call, in_words, sheet.evidence)


def _group(group: GroupNeeded, sheet: ApprovalSheet) -> GroupView:
    by_name = {vote.member.name: vote.member.id for vote in sheet.votes if vote.verdict == "approve"}
    return GroupView(group.role, group.count, [ApprovedBy(by_name[name], name) for name in group.approved])


def _person(named: Named) -> Person:
    return Person(named.id, named.name)
