"""Where payouts go: every account of the sandbox has a bank account in every currency, and one debit card.

https://docs.stripe.com/api/external_account_bank_accounts/object
"""

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.operations.amounts import CURRENCIES
from axiru.dev.sandbox.refusals import StripeRefusal, resource_missing

COUNTRIES = {"usd": "US", "cad": "CA", "eur": "DE", "gbp": "GB", "jpy": "JP", "aud": "AU", "chf": "CH", "kwd": "KW"}
REVERSIBLE_CURRENCIES = frozenset(("usd", "cad"))
"""Banks that Stripe may debit for a payout's reversal: those of the US and Canada.

https://docs.stripe.com/connect/payout-reversals
"""

CLOSED_BANK_ACCOUNT = "ba_closed"
"""Payouts to this bank account fail on the day they should arrive. https://docs.stripe.com/connect/testing"""


def bank_account_id(account: str, currency: str) -> str:
    return f"ba_{account.removeprefix('acct_')}_{currency}"


def card_id(account: str) -> str:
    return f"card_{account.removeprefix('acct_')}"


def check_destination(account: str, currency: str, destination: str | None) -> str:
    """The external account a payout goes to. Raises StripeRefusal for one that is not there or in another currency."""
    own = bank_account_id(account, currency)
    if destination in (None, own):
        return own
    if destination == CLOSED_BANK_ACCOUNT or (destination == card_id(account) and currency == "usd"):
        return destination
    if destination in {bank_account_id(account, other) for other in CURRENCIES} | {card_id(account)}:
        raise StripeRefusal(
            f"Sorry, you don't have any external accounts in that currency ({currency}).", param="destination"
        )
    raise resource_missing("external account", str(destination), param="destination", status=400)


def bank_account(account: str, currency: str) -> Document:
    """The bank account itself, as it is listed with a connected account: with bank details."""
    return {
        "id": bank_account_id(account, currency),
        "object": "bank_account",
        "account": account,
        "account_holder_name": "Jane Austen",
        "account_holder_type": "company",
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": COUNTRIES.get(currency, "US"),
        "currency": currency,
        "default_for_currency": True,
        "fingerprint": "AuoSJ18zsVWV9SPc",
        "last4": "6789",
        "metadata": {},
        "routing_number": "110000000",
        "status": "new",
    }
