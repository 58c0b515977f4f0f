"""An approval as a message: what was asked, why people are, what Stripe will be told, for whom, and what is missing."""

from collections.abc import Iterator
from typing import Final

import msgspec

from axiru.domain.approval_sheet import ApprovalSheet, SheetVote
from axiru.domain.call_words import IRREVERSIBLE, call_sentence, movement_title
from axiru.domain.money import amount_text, money_text
from axiru.domain.movement import account_said
from axiru.domain.payment_warnings import warnings_of
from axiru.domain.sheet_lines import afterwards
from axiru.slack.buttons import open_button, vote_buttons
from axiru.slack.message import Block, SlackText
from axiru.slack.text import code, code_block, moment, mrkdwn, plain, said

_FIELDS: Final = 10
_VOTES_SHOWN: Final = 6
_EARLIER_SHOWN: Final = 3
_STATES: Final = {
    "approved": ":white_check_mark: *Approved*",
    "denied": ":no_entry: *Denied*",
    "expired": ":hourglass: *Expired*: nobody decided in time, so it was denied",
}
_DECISIONS: Final = {
    "held": "on hold",
    "executing": "Stripe is being called",
    "executed": "done at Stripe",
    "execution_failed": "Stripe was not called, or refused it",
    "denied": "stopped after the approval",
}


def approval_message(sheet: ApprovalSheet, console_url: str) -> SlackText:
    """The message as it is to be shown now. Buttons to vote are there while it is open, and no longer."""
    title = heading(sheet)
    blocks: list[Block] = [
        {"type": "header", "text": plain(title, 150)},
        _section(_standing(sheet)),
        {"type": "section", "fields": [mrkdwn(field, 2_000) for field in _fields(sheet)][:_FIELDS]},
        _section(_call(sheet)),
        *(_section(text) for text in _evidence(sheet)),
        *(_section(text) for text in _context(sheet)),
        _section(_groups(sheet)),
        *(_section(text) for text in _votes(sheet)),
        {"type": "context", "elements": [mrkdwn(f"{code(sheet.decision_id)} · digest {code(sheet.digest[:12])}")]},
    ]
    buttons = [vote_buttons(sheet, console_url)] if sheet.state == "pending" else open_button(sheet, console_url)
    return SlackText(f"{title} ({sheet.state})", [*blocks, *buttons])


def heading(sheet: ApprovalSheet) -> str:
    """One line; of characters that Slack reads as they are."""
    amount = amount_text(sheet.amount, code=False)
    test = "TEST · " if sheet.mode == "test" else ""
    asks = "needs approval" if sheet.state == "pending" else sheet.state
    return f"{test}{movement_title(sheet.action, sheet.would_execute)} of {amount} {asks}"


def _standing(sheet: ApprovalSheet) -> str:
    lines = [f"{said(sheet.organization_name, 200)} · asked by {said(sheet.requested_by.name, 200)}"]
    if sheet.state != "pending":
        outcome = _DECISIONS.get(sheet.decision_state) if sheet.state == "approved" else None
        closed = f" {moment(sheet.closed_at)}" if sheet.closed_at else ""
        lines.append(f"{_STATES[sheet.state]}{closed}{f' · {outcome}' if outcome else ''}")
    if sheet.held_by is not None:
        lines.append(f":raised_hand: *On hold*: {said(sheet.held_by.reason)}")
    if sheet.info_requested_at is not None and sheet.state == "pending":
        lines.append(":question: *More information was asked for*; the deadline stays")
    if sheet.break_glass is not None and sheet.break_glass.state != "withdrawn":
        opened = f"{said(sheet.break_glass.opened_by.name, 200)}: {said(sheet.break_glass.reason)}"
        lines.append(f":rotating_light: *Break-glass {sheet.break_glass.state}* by {opened}")
    if sheet.assignee is not None:
        lines.append(f"Assigned to {said(sheet.assignee.name, 200)}")
    return "\n".join(lines)


def _fields(sheet: ApprovalSheet) -> Iterator[str]:
    yield f"*Amount*\n{said(amount_text(sheet.amount), 200)}"
    yield f"*Why people are asked*\n{said(sheet.message)}\n{code(sheet.matched_rule)}"
    tenure = "" if sheet.customer_tenure_days is None else f"\ncustomer for {sheet.customer_tenure_days} days"
    customer = [code(sheet.customer_id)] if sheet.customer_id else []
    email = [said(sheet.customer_email, 330)] if sheet.customer_email else []
    yield from _agent(sheet)
    if sheet.agent is None or customer or email or tenure:
        yield f"*Customer*\n{' '.join([*customer, *email]) or 'not named'}{tenure}"
    if sheet.agent is None or sheet.reason_code:
        yield f"*Reason given*\n{code(sheet.reason_code) if sheet.reason_code else 'none'}"
    # One field, however many objects are named: Slack shows ten fields, and the deadline is the last.
    named = [(name, code(value)) for name, value in _acted_on(sheet) if value]
    if len(named) == 1:
        yield f"*{named[0][0]}*\n{named[0][1]}"
    elif named:
        yield "*Acts on*\n" + "\n".join(f"{name} {value}" for name, value in named)
    if sheet.source:
        yield f"*Source*\n{code(sheet.source)}"
    account = sheet.stripe_account_id or sheet.stripe_connection_id
    if account:
        yield f"*Account*\n{code(account)}"
    if sheet.state == "pending":
        yield f"*Deadline*\n{moment(sheet.expires_at)}, then it is denied"


def _agent(sheet: ApprovalSheet) -> Iterator[str]:
    """Who would pay, on which rail, and whom."""
    if sheet.agent is None:
        return
    scopes = f"\nscopes {code(', '.join(sheet.agent.scopes), 300)}" if sheet.agent.scopes else ""
    yield f"*{said(sheet.agent.kind, 100)} on {said(sheet.rail, 100)}*\n{code(sheet.agent.id)}{scopes}"
    paid = sheet.counterparty
    account = account_said(sheet.rail, paid)
    named = [code(one) for one in (paid.id, None if account else paid.stripe_account_id, paid.country) if one]
    yield f"*Paid to*\n{' '.join(named) or 'not named'}"
    if account:
        yield f"*Into account, as the agent says*\n{code(account)}"


def _acted_on(sheet: ApprovalSheet) -> Iterator[tuple[str, str | None]]:
    target = sheet.target
    yield "Payment", sheet.charge or sheet.payment_intent
    yield "Payout", target.payout
    yield "Transfer", target.transfer
    yield "Application fee", target.application_fee
    yield "Dispute", target.dispute
    yield "Destination", target.destination


def _call(sheet: ApprovalSheet) -> str:
    if sheet.would_execute is None:
        return f"*Stripe is told nothing by Axiru:* {afterwards(sheet)}"
    call = sheet.would_execute
    parameters = msgspec.json.format(msgspec.json.encode(call.parameters), indent=2).decode()
    when = "will be" if sheet.state in {"pending", "approved"} else "would have been"
    told = f"*Stripe {when} told* {code(call.operation)} for {code(call.stripe_account_id)}"
    words = f"{said(call_sentence(call))} {IRREVERSIBLE[call.operation]}"
    return f"{told}\n{words}\n{code_block(parameters, 2_000)}"


def _evidence(sheet: ApprovalSheet) -> Iterator[str]:
    """The start of each text; the console shows all of it."""
    if sheet.evidence:
        yield "*The evidence that would be submitted*\n" + "\n".join(
            f"• *{name}*: {said(text, 150)}" for name, text in sheet.evidence[:12]
        )


def _context(sheet: ApprovalSheet) -> Iterator[str]:
    if (payment := sheet.payment) is not None:
        warned = "".join(f"\n:warning: {said(warning)}" for warning in warnings_of(sheet))
        disputed = " · :warning: *disputed*" if payment.disputed else ""
        yield (
            f"*Stripe says of the payment* {money_text(payment.amount_cents, payment.currency)} "
            f"{said(payment.status, 100)} on {moment(payment.created_at)} · refunded "
            f"{money_text(payment.amount_refunded_cents, payment.currency)} · still refundable "
            f"{money_text(payment.remaining_cents, payment.currency)}{disputed}{warned}"
        )
    if sheet.earlier:
        totals = ", ".join(
            f"{one.count} for {money_text(one.amount_cents, one.currency)}" for one in sheet.earlier_total
        )
        newest = "\n".join(
            f"• {money_text(one.amount_cents, one.currency)} {one.state} {moment(one.decided_at)}"
            f"{f' {code(one.reason_code, 100)}' if one.reason_code else ''}"
            for one in sheet.earlier[:_EARLIER_SHOWN]
        )
        yield f"*Earlier refunds, 90 days*: {totals or 'none let through'}\n{newest}"
    if sheet.extra or sheet.metadata:
        given = msgspec.json.format(msgspec.json.encode({**sheet.extra, **sheet.metadata}), indent=2).decode()
        yield f"*Given with the request*\n{code_block(given, 1_000)}"
    if sheet.flags:
        yield "*Noticed*\n" + "\n".join(f"• {said(flag.message, 250)}" for flag in sheet.flags[:8])


def _groups(sheet: ApprovalSheet) -> str:
    needed = [
        f"• {said(group.role, 100)}: {len(group.approved)} of {group.count}"
        + (f" ({said(', '.join(group.approved), 150)})" if group.approved else "")
        for group in sheet.groups[:8]
    ]
    escalations = [
        f"• from {moment(one.due_at)} {said(one.role, 100)} may stand in"
        for one in sheet.escalations[:3]
        if sheet.state == "pending"
    ]
    return "*Approvals needed*\n" + "\n".join([*needed, *escalations] or ["• nobody can approve this"])


def _votes(sheet: ApprovalSheet) -> Iterator[str]:
    if sheet.votes:
        yield "*Votes*\n" + "\n".join(f"• {vote_line(vote)}" for vote in sheet.votes[-_VOTES_SHOWN:])


def vote_line(vote: SheetVote) -> str:
    """Who voted what, for whom, through which door and why."""
    for_whom = f" for {said(vote.on_behalf_of.name, 100)}" if vote.on_behalf_of else ""
    why = f": {said(vote.reason, 120)}" if vote.reason else ""
    verdict = {"approve": "approved", "deny": "denied"}[vote.verdict]
    return f"{said(vote.member.name, 100)} {verdict}{for_whom} ({vote.door}, {moment(vote.cast_at)}){why}"


def _section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}
