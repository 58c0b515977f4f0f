"""Refunds as Stripe's API tells them, each with its charge and its customer, through a policy as a file of them is."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from policies.history.columns import Columns
from policies.history.judging import NO_LISTS, Lists
from policies.history.marks import not_made
from policies.history.metadata import METADATA
from policies.history.refund import History, Refund
from policies.history.replay import Progress, decide, must_cover_refunds, silent
from policies.history.report import Report
from policies.syntax import Policy

TOLD_EVERY_REFUNDS: Final = 2_000
_ALWAYS: Final = frozenset(
    {
        *("rail", "rail_action", "amount_cents", "currency", "now", "target.charge", "target.payment_intent"),
        *("context.customer_id", "context.reason_code", "merchant.stripe_account_id"),
    }
)
"""Facts that every refund of Stripe's can tell, or tells to be missing."""

_TENURE: Final = "context.customer_tenure_days"
_DAY_SECONDS: Final = 86_400
_NO_COLUMNS: Final = Columns((), {}, {}, ())


class Charge(msgspec.Struct, frozen=True):
    created: int
    customer: str = ""
    metadata: dict[str, str] = {}


class Customer(msgspec.Struct, frozen=True):
    """`created` is when Stripe came to know the customer."""

    created: int


class RefundObject(msgspec.Struct, frozen=True):
    """Stripe's refund. https://docs.stripe.com/api/refunds/object"""

    id: str
    amount: int
    currency: str
    created: int
    charge: str = ""
    payment_intent: str = ""
    customer: str = ""
    reason: str = ""
    status: str = ""
    metadata: dict[str, str] = {}


class PulledRefund(msgspec.Struct, frozen=True):
    """One line in. Charge and customer are None where the refund has none, or Stripe did not tell."""

    account: str
    refund: RefundObject
    charge: Charge | None = None
    customer: Customer | None = None


def replay_pulled(
    lines: Iterable[bytes], policy: Policy, *, lists: Lists = NO_LISTS, progress: Progress = silent
) -> Report:
    """Decide the refunds of Stripe as `replay` decides those of its exports. Raises NothingAboutRefunds.

    Tenure is counted from the day the customer was made at Stripe, or from the first charge that was pulled with a
    refund of theirs. Findings name no line.
    """
    must_cover_refunds(policy)
    decoder, pulled = msgspec.json.Decoder(PulledRefund), list[PulledRefund]()
    for line in lines:
        pulled.append(decoder.decode(line))
        if len(pulled) % TOLD_EVERY_REFUNDS == 0:
            progress("reading", len(pulled), None)
    report = decide(_history(pulled), policy, lists=lists, progress=progress)
    findings = tuple(msgspec.structs.replace(finding, line=None) for finding in report.findings)
    return msgspec.structs.replace(report, findings=findings)


def _history(pulled: list[PulledRefund]) -> History:
    pulled.sort(key=lambda one: (one.refund.created, one.refund.id))
    made = [one for one in pulled if one.refund.amount and not not_made(one.refund.status)]
    known_since = _known_since(made)
    refunds = [_refund(line, one, known_since) for line, one in enumerate(made, start=1)]
    facts = _ALWAYS | {METADATA + key for refund in refunds for key in refund.metadata}
    if not refunds or any(refund.tenure_days is not None for refund in refunds):
        facts |= {_TENURE}
    return History(len(pulled), refunds, facts, _NO_COLUMNS, _caveats(len(pulled) - len(made)))


def _known_since(made: list[PulledRefund]) -> dict[str, int]:
    """By customer, since when they are known, in seconds."""
    since: dict[str, int] = {}
    for one in made:
        if (customer := _customer(one)) and (first := one.customer or one.charge):
            since[customer] = min(since.get(customer, first.created), first.created)
    return since


def _customer(one: PulledRefund) -> str:
    return (one.charge.customer if one.charge else "") or one.refund.customer


def _refund(line: int, one: PulledRefund, known_since: dict[str, int]) -> Refund:
    told, customer = one.refund, _customer(one)
    since = known_since.get(customer)
    return Refund(
        line=line,
        id=told.id,
        units=told.amount,
        currency=told.currency,
        at=datetime.fromtimestamp(told.created, UTC),
        charge=told.charge,
        payment_intent=told.payment_intent,
        customer=customer,
        tenure_days=None if since is None else max(0, told.created - since) // _DAY_SECONDS,
        reason=told.reason,
        metadata={**(one.charge.metadata if one.charge else {}), **told.metadata},
        others={"merchant.stripe_account_id": one.account},
    )


def _caveats(not_counted: int) -> tuple[str, ...]:
    if not not_counted:
        return ()
    refunds = f"{not_counted:,} refund{'' if not_counted == 1 else 's'}"
    return (f"{refunds} not counted, because Stripe says that nothing reached the customer.",)
