"""Break-glass: one pending approval is approved past quorum and roles, by two people or by one and an alarm.

Controls, hard denials and what is left of the payment bind as ever: the glass stands in for people, for nothing else.
"""

from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.approval import ApprovalState
from axiru.errors import AxiruError
from ledger.acts.chain import Act, act
from ledger.acts.closing import close_approval
from ledger.acts.participant import roles_of
from ledger.acts.question import ApprovalClosed, Question, mode_of, read_question
from ledger.acts.recheck import objection_to
from ledger.acts.unaltered import check_unaltered
from ledger.acts.vote import NotEligible, ReasonRequired
from ledger.entry import Entry, EntrySigner

OPEN_FOR: Final = timedelta(minutes=15)
"""How long a second person has."""

BREAKERS: Final = frozenset({"controller", "admin"})
"""Who may break the glass, whatever the approval asks for."""

GlassState = Literal["open", "used", "withdrawn"]


class GlassNotFound(AxiruError):
    """There is no such break-glass in this organization."""

    code = "not_found"


class GlassRefused(AxiruError):
    """The organization does not break the glass like this, or this one is not open any more; `state` says which."""

    code = "conflict"


class GlassReceipt(msgspec.Struct, frozen=True):
    """A break-glass as it was sealed, and where it leaves the approval."""

    break_glass_id: str
    approval_id: str
    decision_id: str
    state: GlassState
    alone: bool
    approval_state: ApprovalState
    expires_at: datetime
    ledger_id: str


class Glass(msgspec.Struct, frozen=True):
    """One attempt, as its row holds it."""

    id: str
    approval_id: str
    state: GlassState
    alone: bool
    digest: str
    reason: str
    opened_by: str
    expires_at: datetime


async def open_glass(
    approval_id: str,
    *,
    organization_id: str,
    member_id: str,
    reason: str,
    alone: bool,
    digest: str,
    signer: EntrySigner,
) -> GlassReceipt:
    """Ask a second person to approve past everybody else within 15 minutes, or do it `alone` where that was chosen.

    Raises ApprovalNotFound, ApprovalClosed, NotEligible, ReasonRequired, GlassRefused.
    """
    if not reason.strip():
        raise ReasonRequired("Say why the glass has to be broken.", field="reason")
    async with act(signer, organization_id, await mode_of(approval_id, organization_id)) as opening:
        question = await read_question(approval_id)
        await _check_may(question, member_id, digest, opening)
        await _check_rule(organization_id, alone=alone)
        await _end_stale(question, opening)
        glass = Glass(
            id=ids.new_id(ids.BREAK_GLASS),
            approval_id=approval_id,
            state="used" if alone else "open",
            alone=alone,
            digest=question.digest,
            reason=reason,
            opened_by=member_id,
            expires_at=min(opening.now + OPEN_FOR, question.expires_at),
        )
        await rows(
            """
            INSERT INTO break_glass (id, organization_id, mode, approval_id, decision_id, state, alone, digest, reason,
                opened_by, opened_at, expires_at)
            VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
            """,
            glass.id,
            organization_id,
            question.mode,
            approval_id,
            question.decision_id,
            glass.state,
            alone,
            glass.digest,
            reason,
            member_id,
            opening.now,
            glass.expires_at,
        )
        if alone:
            return await _approve(question, glass, member_id, reason, opening)
        entry = _seal(question, glass, member_id, reason, opening)
        return _receipt(question, glass, entry)


async def confirm_glass(
    break_glass_id: str, *, organization_id: str, member_id: str, reason: str = "", signer: EntrySigner
) -> GlassReceipt:
    """The second person's word, which approves. Raises GlassNotFound, GlassRefused, ApprovalClosed, NotEligible."""
    mode = await mode_of(await _approval_of(break_glass_id, organization_id), organization_id)
    async with act(signer, organization_id, mode) as confirming:
        glass = await _glass(break_glass_id)
        question = await read_question(glass.approval_id)
        _check_open(glass, confirming)
        await _check_may(question, member_id, glass.digest, confirming)
        await _check_rule(organization_id, alone=False)
        if member_id == glass.opened_by:
            raise NotEligible("Somebody else has to confirm this.", because="opener")
        # Who opened it may have lost the right since.
        await _check_may(question, glass.opened_by, glass.digest, confirming)
        used = msgspec.structs.replace(glass, state="used")
        await rows(
            "UPDATE break_glass SET state = 'used', confirmed_by = {}, confirmed_at = {} WHERE id = {}",
            member_id,
            confirming.now,
            glass.id,
        )
        return await _approve(question, used, member_id, reason, confirming)


async def withdraw_glass(
    break_glass_id: str, *, organization_id: str, member_id: str, reason: str = "", signer: EntrySigner
) -> GlassReceipt:
    """Take it back before it is confirmed: for who opened it and all who could confirm it.

    Raises GlassNotFound, GlassRefused, NotEligible.
    """
    mode = await mode_of(await _approval_of(break_glass_id, organization_id), organization_id)
    async with act(signer, organization_id, mode) as withdrawing:
        glass = await _glass(break_glass_id)
        if glass.state != "open":
            raise GlassRefused(f"This was {glass.state} before.", state=glass.state)
        if not await roles_of(member_id, organization_id) & BREAKERS and member_id != glass.opened_by:
            raise NotEligible("Only controllers and administrators break the glass.", because="role")
        withdrawn = msgspec.structs.replace(glass, state="withdrawn")
        question = await read_question(glass.approval_id)
        await _withdraw(glass.id)
        entry = _seal(question, withdrawn, member_id, reason, withdrawing)
        return _receipt(question, withdrawn, entry)


async def _approve(question: Question, glass: Glass, member_id: str, reason: str, approving: Act) -> GlassReceipt:
    objection = await objection_to(question.decision_id, approving.now)
    entry = _seal(
        question,
        glass,
        member_id,
        reason,
        approving,
        approval_state="approved",
        forbidden_by=msgspec.to_builtins(objection),
    )
    await close_approval(question, "approved", approving, objection)
    return msgspec.structs.replace(_receipt(question, glass, entry), approval_state="approved")


def _seal(question: Question, glass: Glass, member_id: str, reason: str, breaking: Act, **more: Any) -> Entry:
    entry = breaking.seal(
        "break_glass",
        {
            "decision_id": question.decision_id,
            "approval_id": question.id,
            "break_glass_id": glass.id,
            "state": glass.state,
            "alone": glass.alone,
            "digest": glass.digest,
            "opened_by": glass.opened_by,
            "member_id": member_id,
            "reason": reason,
            **more,
        },
    )
    payload = {"break_glass_id": glass.id, "approval_id": question.id, "decision_id": question.decision_id}
    breaking.tell("break_glass", {**payload, "alone": glass.alone, "state": glass.state})
    return entry


def _receipt(question: Question, glass: Glass, entry: Entry) -> GlassReceipt:
    return GlassReceipt(
        break_glass_id=glass.id,
        approval_id=question.id,
        decision_id=question.decision_id,
        state=glass.state,
        alone=glass.alone,
        approval_state=question.state,
        expires_at=glass.expires_at,
        ledger_id=entry.ledger_id,
    )


async def _check_may(question: Question, member_id: str, digest: str, breaking: Act) -> None:
    if question.state != "pending":
        raise ApprovalClosed(f"This approval is already {question.state}.", state=question.state)
    if breaking.now >= question.expires_at:
        raise ApprovalClosed("The deadline has passed.", state="expired", expires_at=question.expires_at.isoformat())
    if not await roles_of(member_id, question.organization_id) & BREAKERS:
        raise NotEligible("Only controllers and administrators break the glass.", because="role")
    if member_id in question.excluded:
        raise NotEligible("You cannot break the glass for what you, your key or your agent asked for.", because="owner")
    if member_id in question.let_in:
        raise NotEligible(
            "Who asked for this has let you in since then; somebody else breaks the glass.", because="let_in"
        )
    await check_unaltered(question, digest)


async def _check_rule(organization_id: str, *, alone: bool) -> None:
    found = await row("SELECT break_glass FROM organization_settings WHERE organization_id = {}", organization_id)
    rule = found["break_glass"] if found else "two_people"
    if rule == "off":
        raise GlassRefused("This organization does not break the glass.", state=rule)
    if alone and rule != "one_with_alarm":
        raise GlassRefused("Here it takes two people to break the glass.", state=rule)


async def _end_stale(question: Question, opening: Act) -> None:
    """One that nobody confirmed in time makes room; one that is open is to be confirmed instead."""
    found = await row("SELECT * FROM break_glass WHERE approval_id = {} AND state = 'open'", question.id)
    if found is None:
        return
    glass = msgspec.convert(found, Glass)
    if opening.now < glass.expires_at:
        raise GlassRefused("Somebody has asked for this already; confirm it.", state="open", break_glass_id=glass.id)
    await _withdraw(glass.id)
    _seal(question, msgspec.structs.replace(glass, state="withdrawn"), glass.opened_by, "Nobody confirmed it.", opening)


def _check_open(glass: Glass, confirming: Act) -> None:
    if glass.state != "open":
        raise GlassRefused(f"This was {glass.state} before.", state=glass.state)
    if confirming.now >= glass.expires_at:
        raise GlassRefused("Nobody confirmed this in time.", state="expired", expired_at=glass.expires_at.isoformat())


async def _withdraw(break_glass_id: str) -> None:
    await rows("UPDATE break_glass SET state = 'withdrawn' WHERE id = {}", break_glass_id)


async def _approval_of(break_glass_id: str, organization_id: str) -> str:
    found = await row(
        "SELECT approval_id FROM break_glass WHERE id = {} AND organization_id = {}", break_glass_id, organization_id
    )
    if found is None:
        raise GlassNotFound("There is no such break-glass.")
    return str(found["approval_id"])


async def _glass(break_glass_id: str) -> Glass:
    """Behind the lock."""
    return msgspec.convert(await row("SELECT * FROM break_glass WHERE id = {}", break_glass_id), Glass)
