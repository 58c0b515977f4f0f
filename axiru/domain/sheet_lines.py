"""An approval sheet as labelled lines of text, for doors that show it as a page or a mail. Pure."""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from axiru.domain.approval_sheet import ApprovalSheet, SheetVote
from axiru.domain.call_words import IRREVERSIBLE, call_sentence, movement_title
from axiru.domain.money import amount_text, money_text
from axiru.domain.movement import Initiator, account_said
from axiru.domain.payment_warnings import warnings_of

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Line(NamedTuple):
    """A label and its value, one line each."""

    label: str
    value: str


class Section(NamedTuple):
    """Lines that belong together, under a heading."""

    heading: str
    lines: tuple[Line, ...]


def headline(sheet: ApprovalSheet) -> str:
    """`Refund of $400.00`, and `(test)` where no real money moves."""
    test = " (test)" if sheet.mode == "test" else ""
    title = movement_title(sheet.action, sheet.would_execute)
    return f"{title} of {amount_text(sheet.amount, code=False)}{test}"


def sections(sheet: ApprovalSheet, *, personal: bool = True) -> tuple[Section, ...]:
    """Everything the sheet holds. Without `personal`, not the customer's e-mail nor what callers wrote freely."""
    said = (
        ("What was asked", _asked(sheet, personal)),
        ("What policy says", _policy(sheet)),
        ("What Stripe will be told", _call(sheet, personal)),
        ("The evidence that would be submitted", sheet.evidence if personal else ()),
        ("What Stripe says of the payment", _payment(sheet, personal)),
        ("Earlier refunds of this customer or charge, 90 days", _earlier(sheet)),
        ("Approvals", _approvals(sheet)),
    )
    return tuple(Section(heading, found) for heading, lines in said if (found := _cleaned(lines)))


def afterwards(sheet: ApprovalSheet) -> str:
    """What follows an approval where Axiru calls nobody."""
    if sheet.agent is None:
        return "your own system executes this once it is approved."
    return "once it is approved, the agent gets a token, and your settling code makes this one payment with it."


def on_one_line(text: str) -> str:
    """`text` without line breaks and without characters that nobody sees, which make one text look like another."""
    return "".join(one for one in " ".join(text.split()) if unicodedata.category(one) not in _UNSEEN)


def time_text(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _cleaned(lines: Iterable[tuple[str, str | None]]) -> tuple[Line, ...]:
    return tuple(Line(on_one_line(label), on_one_line(value)) for label, value in lines if value)


def _asked(sheet: ApprovalSheet, personal: bool) -> Iterator[tuple[str, str | None]]:
    yield "Action", _spaced(sheet.action)
    yield "Amount", amount_text(sheet.amount)
    yield "Mode", sheet.mode
    yield "Organization", sheet.organization_name
    yield "Asked by", sheet.requested_by.name
    yield "Asked at", time_text(sheet.asked_at)
    if sheet.agent is not None:
        yield from _by_agent(sheet, sheet.agent)
    yield "Charge", sheet.charge
    yield "Payment intent", sheet.payment_intent
    target = sheet.target
    yield "Destination", target.destination
    yield "Payout to take back", target.payout
    yield "Transfer to reverse", target.transfer
    yield "Application fee", target.application_fee
    yield "Dispute", target.dispute
    yield "Account", sheet.stripe_account_id or sheet.stripe_connection_id
    yield "Customer", sheet.customer_id
    if personal:
        yield "Customer's e-mail", sheet.customer_email
    if sheet.customer_tenure_days is not None:
        yield "Customer for", f"{sheet.customer_tenure_days} days"
    yield "Reason given", sheet.reason_code
    yield "Source", sheet.source
    if personal:
        yield from ((f"Given: {name}", _value(value)) for name, value in {**sheet.extra, **sheet.metadata}.items())


def _by_agent(sheet: ApprovalSheet, agent: Initiator) -> Iterator[tuple[str, str | None]]:
    paid = sheet.counterparty
    yield "Rail", _spaced(sheet.rail)
    yield "Who would pay", f"{agent.kind} {agent.id}"
    yield "Under its scopes", ", ".join(agent.scopes)
    yield "Paid to", paid.id
    said = account_said(sheet.rail, paid)
    yield "Paid to account", None if said else paid.stripe_account_id
    yield "Paid to account, as the agent says", said
    yield "Paid to country", paid.country


def _policy(sheet: ApprovalSheet) -> Iterator[tuple[str, str | None]]:
    yield "Why people are asked", sheet.message
    yield "Reason", sheet.reason
    yield "Decided by", sheet.matched_rule
    yield from ((f"Rule {hit.rule_id}", f"{hit.effect}: {hit.message or hit.reason}") for hit in sheet.hits)
    yield from (("Noticed", flag.message or flag.reason) for flag in sheet.flags)


def _call(sheet: ApprovalSheet, personal: bool) -> Iterator[tuple[str, str | None]]:
    call = sheet.would_execute
    if call is None:
        yield "By Axiru", f"Nothing: {afterwards(sheet)}"
        return
    yield "In words", call_sentence(call)
    yield "Afterwards", IRREVERSIBLE[call.operation]
    yield "Operation", call.operation
    yield "On account", call.stripe_account_id
    for name, value in call.parameters.items():
        if name == "amount" and isinstance(value, int):
            yield name, f"{value} = {money_text(value, sheet.currency)}"
        elif personal or name != "metadata":
            yield name, _value(value)


def _payment(sheet: ApprovalSheet, personal: bool) -> Iterator[tuple[str, str | None]]:
    payment = sheet.payment
    if payment is None:
        return
    yield from (("Warning", warning) for warning in warnings_of(sheet))
    yield "Paid", f"{money_text(payment.amount_cents, payment.currency)} on {time_text(payment.created_at)}"
    yield "Status", f"{payment.status}, disputed" if payment.disputed else payment.status
    yield "Refunded so far", money_text(payment.amount_refunded_cents, payment.currency)
    yield "Still refundable", money_text(payment.remaining_cents, payment.currency)
    yield "Stripe's customer", payment.customer_id
    if personal:
        yield "Description", payment.description
    yield "Read at", time_text(payment.read_at)


def _earlier(sheet: ApprovalSheet) -> Iterator[tuple[str, str | None]]:
    for total in sheet.earlier_total:
        yield "In all", f"{total.count} for {money_text(total.amount_cents, total.currency)}"
    for refund in sheet.earlier:
        why = f", {refund.reason_code}" if refund.reason_code else ""
        yield (
            time_text(refund.decided_at),
            f"{money_text(refund.amount_cents, refund.currency)}, {_spaced(refund.state)}{why}",
        )


def _approvals(sheet: ApprovalSheet) -> Iterator[tuple[str, str | None]]:
    for group in sheet.groups:
        names = f" ({', '.join(group.approved)})" if group.approved else ""
        yield f"Needed from {group.role}", f"{len(group.approved)} of {group.count}{names}"
    if sheet.state == "pending":
        yield from ((f"From {time_text(due.due_at)}", f"{due.role} may stand in") for due in sheet.escalations)
        yield "Deadline", f"{time_text(sheet.expires_at)}, then it is denied"
    yield from ((f"Vote of {vote.member.name}", _vote(vote)) for vote in sheet.votes)
    yield "Assigned to", sheet.assignee.name if sheet.assignee else None
    if sheet.info_requested_at:
        yield "More information", f"asked for at {time_text(sheet.info_requested_at)}; the deadline stays"
    yield "On hold", sheet.held_by.reason if sheet.held_by else None
    if sheet.comments_count:
        yield "Comments", str(sheet.comments_count)


def _vote(vote: SheetVote) -> str:
    place = f" in place of {vote.on_behalf_of.name}" if vote.on_behalf_of else ""
    why = f": {vote.reason}" if vote.reason else ""
    return f"{vote.verdict}{place}, by {vote.door}, {time_text(vote.cast_at)}{why}"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _spaced(code: str) -> str:
    return code.replace("_", " ")
