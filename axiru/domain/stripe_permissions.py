"""What the Stripe App asks of an account: every permission of its manifest, the action it serves, and why.

Names as Stripe lists them (https://docs.stripe.com/stripe-apps/reference/permissions). Stripe grants all of a manifest
at once; what of it is used is decided by the grants that an admin makes here.
"""

from typing import Final, Literal

import msgspec

PermissionAccess = Literal["read", "write"]

OBSERVE: Final = "observe"
"""What every connection does from its first moment."""


class StripePermission(msgspec.Struct, frozen=True, kw_only=True):
    """One permission. `action` is what it serves; `when` is when it is used, whatever Stripe has granted."""

    permission: str
    access: PermissionAccess
    action: str
    why: str
    when: str


_FROM_THE_START: Final = "From the moment the account is connected."


def _when_granted(action: str) -> str:
    return f"Only while an admin has granted {action} here, which takes stripe.{action} to be enforced."


PERMISSIONS: Final[tuple[StripePermission, ...]] = (
    StripePermission(
        permission="connected_account_read",
        access="read",
        action=OBSERVE,
        why="To show which account is connected, its country and its currency, and the accounts connected to it.",
        when=_FROM_THE_START,
    ),
    StripePermission(
        permission="event_read",
        access="read",
        action=OBSERVE,
        why="To hear of refunds, payouts, transfers and disputes as they happen, and to find those that were missed.",
        when=_FROM_THE_START,
    ),
    StripePermission(
        permission="charge_read",
        access="read",
        action=OBSERVE,
        why="To read charges and their refunds: what rules are about, and what a refund is compared with.",
        when=_FROM_THE_START,
    ),
    StripePermission(
        permission="customer_read",
        access="read",
        action=OBSERVE,
        why="To know since when a refund's customer is known to Stripe. Of customers, their id and that day are kept.",
        when=_FROM_THE_START,
    ),
    StripePermission(
        permission="payment_intent_read",
        access="read",
        action=OBSERVE,
        why="To find the charge of a payment that is named by its payment intent.",
        when=_FROM_THE_START,
    ),
    StripePermission(
        permission="payout_read",
        access="read",
        action=OBSERVE,
        why="To see payouts that were made without asking, and to find a payout again whose answer was lost.",
        when=_FROM_THE_START,
    ),
    StripePermission(
        permission="transfer_read",
        access="read",
        action=OBSERVE,
        why="To see transfers and their reversals, and to find one again whose answer was lost.",
        when=_FROM_THE_START,
    ),
    StripePermission(
        permission="application_fee_read",
        access="read",
        action=OBSERVE,
        why="To see application fees and what of them was refunded.",
        when=_FROM_THE_START,
    ),
    StripePermission(
        permission="dispute_read",
        access="read",
        action=OBSERVE,
        why="To see disputes and their deadlines, and to prepare evidence in time.",
        when=_FROM_THE_START,
    ),
    StripePermission(
        permission="balance_read",
        access="read",
        action=OBSERVE,
        why="To tell whether a payout or transfer can be covered, and to read the schedule of payouts.",
        when=_FROM_THE_START,
    ),
    StripePermission(
        permission="charge_write",
        access="write",
        action="refund",
        why="To make a refund that was allowed or approved, and to cancel one that Stripe still lets be cancelled.",
        when=_when_granted("refund"),
    ),
    StripePermission(
        permission="payout_write",
        access="write",
        action="payout",
        why="To make, cancel or reverse a payout that was decided.",
        when=_when_granted("payout"),
    ),
    StripePermission(
        permission="connected_account_write",
        access="write",
        action="payout",
        why="To pause the automatic payouts of an account that somebody froze, and to restore its schedule afterwards.",
        when=_when_granted("payout"),
    ),
    StripePermission(
        permission="transfer_write",
        access="write",
        action="transfer",
        why="To make or reverse a transfer that was decided.",
        when=_when_granted("transfer"),
    ),
    StripePermission(
        permission="application_fee_write",
        access="write",
        action="app_fee_refund",
        why="To refund an application fee, as was decided.",
        when=_when_granted("app_fee_refund"),
    ),
    StripePermission(
        permission="dispute_write",
        access="write",
        action="dispute",
        why="To stage evidence, and to submit it or close the dispute once that was decided.",
        when=_when_granted("dispute"),
    ),
)
