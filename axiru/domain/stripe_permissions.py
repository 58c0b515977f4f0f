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


def _read(permission: str, why: str) -> StripePermission:
    when = "From the moment the account is connected."
    return StripePermission(permission=permission, access="read", action=OBSERVE, why=why, when=when)


def _write(permission: str, action: str, why: str) -> StripePermission:
    when = f"Only while an admin has granted {action} here, which takes stripe.{action} to be enforced."
    return StripePermission(permission=permission, access="write", action=action, why=why, when=when)


PERMISSIONS: Final[tuple[StripePermission, ...]] = (
    _read(
        "connected_account_read",
        "To show which account is connected, its country and its currency, and the accounts connected to it.",
    ),
    _read(
        "event_read",
        "To hear of refunds, payouts, transfers and disputes as they happen, and to find those that were missed.",
    ),
    _read(
        "charge_read", "To read charges and their refunds: what rules are about, and what a refund is compared with."
    ),
    _read(
        "customer_read",
        "To know since when a refund's customer is known to Stripe. Of customers, their id and that day are kept.",
    ),
    _read("payment_intent_read", "To find the charge of a payment that is named by its payment intent."),
    _read(
        "payout_read", "To see payouts that were made without asking, and to find a payout again whose answer was lost."
    ),
    _read("transfer_read", "To see transfers and their reversals, and to find one again whose answer was lost."),
    _read("application_fee_read", "To see application fees and what of them was refunded."),
    _read("dispute_read", "To see disputes and their deadlines, and to prepare evidence in time."),
    _read("balance_read", "To tell whether a payout or transfer can be covered, and to read the schedule of payouts."),
    _write(
        "charge_write",
        "refund",
        "To make a refund that was allowed or approved, and to cancel one that Stripe still lets be cancelled.",
    ),
    _write("payout_write", "payout", "To make, cancel or reverse a payout that was decided."),
    _write(
        "connected_account_write",
        "payout",
        "To pause the automatic payouts of an account that somebody froze, and to restore its schedule afterwards.",
    ),
    _write("transfer_write", "transfer", "To make or reverse a transfer that was decided."),
    _write("application_fee_write", "app_fee_refund", "To refund an application fee, as was decided."),
    _write(
        "dispute_write", "dispute", "To stage evidence, and to submit it or close the dispute once that was decided."
    ),
)
