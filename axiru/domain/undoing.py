"""What of an executed call can be taken back, by which call, and in plain words where nothing can. Pure."""

from typing import Final

import msgspec

from axiru.domain.execution import REVERSIBLE_PAYOUTS, Operation, Parameters, StripeCall

UNDO_TEXT: Final[dict[str, str]] = {
    "refund": (
        "A refund that was made cannot be taken back. While one waits for the customer to claim it "
        "(requires_action), it can be cancelled."
    ),
    "payout": (
        "A payout can be cancelled while it is pending. Once it has left, Stripe can reverse payouts to bank accounts "
        "in the United States and Canada, and only for some time. A payout that was taken back cannot be sent on."
    ),
    "transfer": (
        "A transfer is never cancelled; it can be reversed, as long as the connected account's balance allows. A "
        "reversal cannot be undone: the money goes back only by a new transfer."
    ),
    "app_fee_refund": "The refund of an application fee cannot be cancelled or taken back.",
    "dispute": "Evidence goes to the bank once and cannot be taken back or added to. A closed dispute stays lost.",
    "credit": "Axiru never executes credits, so it takes none back.",
    "adjustment": "Axiru never executes adjustments, so it takes none back.",
}
"""By rail action: what Stripe lets be undone, and what not."""

MARK: Final = "axiru_undo_of"
"""The metadata of what undoes a decision's call; another than the call's own: neither is taken for the other."""

_WHY_NOT: Final[dict[Operation, str]] = {
    "refunds.create": "The money is on its way to the customer: Stripe cancels refunds in requires_action only.",
    "refunds.cancel": "A cancelled refund stays cancelled.",
    "payouts.create": "Stripe cancels payouts that are pending and reverses those that have left; this one is neither.",
    "payouts.cancel": "A cancelled payout stays cancelled; a new one is a decision of its own.",
    "payouts.reverse": "A reversal cannot be taken back; a new payout is a decision of its own.",
    "transfers.create": "There is nothing left of this transfer to reverse.",
    "transfers.reverse": "A reversal cannot be taken back; a new transfer is a decision of its own.",
    "application_fees.refund": UNDO_TEXT["app_fee_refund"],
    "disputes.submit_evidence": "The bank has the evidence; it cannot be taken back or added to.",
    "disputes.close": "Closing a dispute is final: it is lost.",
}

_HOW: Final[dict[Operation, str]] = {
    "refunds.cancel": "Stripe cancels the refund, which still waits for the customer: they get nothing.",
    "payouts.cancel": "Stripe cancels the payout, which is still pending: the money goes back to the balance.",
    "payouts.reverse": (
        "Stripe reverses the payout: it debits the bank account the money went to, which takes days and can fail."
    ),
    "transfers.reverse": "Stripe reverses the transfer: the money comes back from the connected account's balance.",
}

BRINGS_BACK: Final[frozenset[Operation]] = frozenset({"refunds.cancel", "payouts.cancel", "transfers.reverse"})
"""Once Stripe has done these, the money is certainly back. The reversal of a payout may still fail at the bank."""


def undo_of(
    decision_id: str, call: StripeCall, stripe_object_id: str | None, stripe_status: str | None
) -> StripeCall | None:
    """The call that takes `call` back, whose object is now in that status; None where Stripe has no way."""
    if stripe_object_id is None:
        return None
    mark: Parameters = {"metadata": {MARK: decision_id}}
    match call.operation:
        case "refunds.create" if stripe_status == "requires_action":
            return _back(call, "refunds.cancel", {"refund": stripe_object_id})
        case "payouts.create" if stripe_status == "pending":
            return _back(call, "payouts.cancel", {"payout": stripe_object_id})
        case "payouts.create" if stripe_status in REVERSIBLE_PAYOUTS:
            return _back(call, "payouts.reverse", {"payout": stripe_object_id, **mark})
        case "transfers.create":
            whole: Parameters = {"transfer": stripe_object_id, "amount": call.parameters["amount"], **mark}
            return _back(call, "transfers.reverse", whole)
        case _:
            return None


def how_undone(undo: StripeCall) -> str:
    """What a call of `undo_of` does, in plain words."""
    return _HOW[undo.operation]


def why_not_undone(call: StripeCall) -> str:
    """Why `undo_of` has nothing for an executed call, in plain words."""
    return _WHY_NOT[call.operation]


def _back(call: StripeCall, operation: Operation, parameters: Parameters) -> StripeCall:
    return msgspec.structs.replace(call, operation=operation, parameters=parameters)
