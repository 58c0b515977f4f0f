"""One call to Stripe in a sentence, and its name for headings: the same at every door. Pure."""

from typing import Final

from axiru.domain.execution import Operation, StripeCall
from axiru.domain.money import money_text

_ACTIONS: Final = {
    "app_fee_refund": "Refund of an application fee",
    "dispute": "Answer to a dispute",
}
_OPERATIONS: Final[dict[Operation, str]] = {
    "payouts.cancel": "Cancelling a payout",
    "payouts.reverse": "Reversing a payout",
    "transfers.reverse": "Reversing a transfer",
    "disputes.submit_evidence": "Evidence for a dispute",
    "disputes.close": "Giving up a dispute",
}

IRREVERSIBLE: Final[dict[Operation, str]] = {
    "refunds.create": "A refund that has been made cannot be taken back.",
    "refunds.cancel": "A cancelled refund stays cancelled.",
    "payouts.create": "It can be cancelled while it is pending; after that only some payouts can be reversed.",
    "payouts.cancel": "A cancelled payout stays cancelled.",
    "payouts.reverse": "A reversal cannot be taken back.",
    "transfers.create": "It can be reversed afterwards, as long as the account's balance allows.",
    "transfers.reverse": "A reversal cannot be taken back.",
    "application_fees.refund": "The refund of an application fee cannot be taken back.",
    "disputes.submit_evidence": "Evidence goes to the bank once: it cannot be taken back or added to.",
    "disputes.close": "Closing is final: the dispute is lost.",
}
"""What is to be known of each call before it is approved."""


def movement_title(rail_action: str, call: StripeCall | None) -> str:
    """`Refund`, `Reversing a transfer`: what goes before `of $400.00`."""
    if call is not None and call.operation in _OPERATIONS:
        return _OPERATIONS[call.operation]
    return _ACTIONS.get(rail_action) or rail_action.replace("_", " ").capitalize()


def call_sentence(call: StripeCall) -> str:
    """What the call does, with every id and amount that it names."""
    given = call.parameters
    amount = _money(call)
    match call.operation:
        case "refunds.create":
            paid = given.get("charge") or given.get("payment_intent")
            return f"Refund {amount} of payment {paid} to the customer."
        case "refunds.cancel":
            return f"Cancel refund {given['refund']} of {amount}; the customer gets nothing."
        case "payouts.create":
            to = given.get("destination") or "its default bank account"
            return f"Pay out {amount} from the balance of {call.stripe_account_id} to {to}."
        case "payouts.cancel":
            return f"Cancel payout {given['payout']} of {amount}; the money goes back to the balance."
        case "payouts.reverse":
            return f"Reverse payout {given['payout']} of {amount}: debit the bank account it went to."
        case "transfers.create":
            source = f", from charge {given['source_transaction']}" if "source_transaction" in given else ""
            return f"Transfer {amount} to the connected account {given['destination']}{source}."
        case "transfers.reverse":
            return f"Reverse {amount} of transfer {given['transfer']}: take it back from the connected account."
        case "application_fees.refund":
            return f"Refund {amount} of application fee {given['application_fee']} to the account it was taken from."
        case "disputes.submit_evidence":
            return f"Submit evidence packet {given['packet']} for dispute {given['dispute']} over {amount}."
        case "disputes.close":
            return f"Close dispute {given['dispute']}: give up {amount}, which the customer keeps."


def _money(call: StripeCall) -> str:
    amount = call.amount_cents if call.amount_cents is not None else call.parameters.get("amount")
    return money_text(amount, call.currency) if isinstance(amount, int) and call.currency else "the amount decided"
