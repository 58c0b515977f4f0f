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


_SENTENCES: Final[dict[Operation, str]] = {
    "refunds.create": "Refund {money} of payment {paid} to the customer.",
    "refunds.cancel": "Cancel refund {refund} of {money}; the customer gets nothing.",
    "payouts.create": "Pay out {money} from the balance of {account} to {to}.",
    "payouts.cancel": "Cancel payout {payout} of {money}; the money goes back to the balance.",
    "payouts.reverse": "Reverse payout {payout} of {money}: debit the bank account it went to.",
    "transfers.create": "Transfer {money} from the balance of {account} to the connected account {to}{source}.",
    "transfers.reverse": "Reverse {money} of transfer {transfer}: take it back from the connected account.",
    "application_fees.refund": "Refund {money} of application fee {application_fee} to the account it was taken from.",
    "disputes.submit_evidence": "Submit evidence packet {packet} to the bank, for dispute {dispute} over {money}.",
    "disputes.close": "Close dispute {dispute}: give up {money}, which the customer keeps.",
}


def call_sentence(call: StripeCall) -> str:
    """What the call does, with every id and amount that it names."""
    given = {name: value for name, value in call.parameters.items() if not isinstance(value, dict)}
    source = given.get("source_transaction")
    said = {
        **given,
        "money": _money(call),
        "account": call.stripe_account_id,
        "paid": given.get("charge") or given.get("payment_intent"),
        "to": given.get("destination") or "its default bank account",
        "source": f", of charge {source}" if source else "",
    }
    return _SENTENCES[call.operation].format_map(said)


def _money(call: StripeCall) -> str:
    amount = call.amount_cents if call.amount_cents is not None else call.parameters.get("amount")
    return money_text(amount, call.currency) if isinstance(amount, int) and call.currency else "the amount decided"
