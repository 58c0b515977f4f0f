"""The demo account's business: balances, three connected accounts, transfers, application fees, payouts, disputes.

It makes no events: to whoever connects the account, it is what happened before. Ids: `acct_demo_merchant_1` … `3`,
`tr_demo_001` … `003`, `fee_demo_001` … `005` (of `ch_demo_fee_001` …), `po_demo_001` … `004`, `du_demo_001` … `006`
(of `ch_demo_disputed_001` …).
"""

from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations import payout_life
from axiru.dev.sandbox.operations.accounts import NO_PLATFORM, connected_account, new_account
from axiru.dev.sandbox.operations.application_fees import take_fee
from axiru.dev.sandbox.operations.balance_settings import Schedule, keep_settings, new_settings
from axiru.dev.sandbox.operations.charges import keep_charge, succeeded_charge
from axiru.dev.sandbox.operations.dispute_life import open_dispute
from axiru.dev.sandbox.operations.external_accounts import bank_account_id
from axiru.dev.sandbox.operations.transfers import send_transfer

DAY_SECONDS = 24 * 60 * 60
OPENING_BALANCE = {
    "usd": 100_000_000,
    "eur": 50_000_000,
    "gbp": 50_000_000,
    "cad": 50_000_000,
    "huf": 5_000_000_000,
    "jpy": 5_000_000_000,
    "kwd": 50_000_000,
}
"""In each currency's smallest unit. Automatic payouts leave it in the account, so that there is always something to pay
out by hand."""

MERCHANTS = (
    ("US", "usd", Schedule("daily")),
    ("US", "usd", Schedule("weekly", weekly_payout_days=("friday",))),
    ("DE", "eur", Schedule("monthly", monthly_payout_days=(1, 15))),
)
MERCHANT_BALANCE = 500_000
FEES = 5
REASONS = ("fraudulent", "product_not_received", "duplicate", "product_unacceptable", "credit_not_processed", "general")
"""One dispute each; the last is an inquiry."""


def seed_business(books: Books) -> None:
    """Write it as of `books.now`, which must be silent."""
    past = books.of(books.account, now=books.now - 80 * DAY_SECONDS)
    owner = new_account(books.account, created=past.now, name="Demo shop")
    books.of(NO_PLATFORM).add(owner)
    for currency, amount in OPENING_BALANCE.items():
        past.book(amount, currency, "topup", source=None)
    keep_settings(books, new_settings(books.account, Schedule("daily"), OPENING_BALANCE))
    merchants = [
        _seed_merchant(books, number, country, currency, schedule)
        for number, (country, currency, schedule) in enumerate(MERCHANTS, start=1)
    ]
    for number, (merchant, currency) in enumerate(merchants, start=1):
        send_transfer(
            books.of(books.account, now=books.now - 10 * DAY_SECONDS),
            transfer_id=f"tr_demo_{number:03}",
            amount=10_000,
            currency=currency,
            destination=merchant,
            source_transaction=None,
            transfer_group=f"ORDER_{number:03}",
        )
    for number in range(1, FEES + 1):
        _seed_fee(books.of(books.account, now=books.now - 20 * DAY_SECONDS), number, merchants[0][0])
    _seed_payouts(books)
    for number, reason in enumerate(REASONS, start=1):
        _seed_dispute(books, number, reason)


def _seed_merchant(books: Books, number: int, country: str, currency: str, schedule: Schedule) -> tuple[str, str]:
    """A connected account with its id and currency; what it starts with stays when it is paid out."""
    account = f"{books.account}_merchant_{number}"
    created = books.now - 80 * DAY_SECONDS
    books.add(
        connected_account(account, created=created, country=country, currency=currency, name=f"Demo merchant {number}")
    )
    own = books.of(account)
    own.of(account, now=created).book(MERCHANT_BALANCE, currency, "topup", source=None)
    keep_settings(own, new_settings(account, schedule, {currency: MERCHANT_BALANCE}))
    return account, currency


def _seed_fee(books: Books, number: int, merchant: str) -> None:
    """A charge of $100 for a merchant, of which the platform keeps $10."""
    charge = succeeded_charge(
        f"ch_demo_fee_{number:03}",
        payment_intent_id=f"pi_demo_fee_{number:03}",
        amount=10_000,
        currency="usd",
        customer=f"cus_demo_fee_{number:03}",
        created=books.now,
        transfer_group=f"group_demo_fee_{number:03}",
    )
    charge |= {
        "application_fee": f"fee_demo_{number:03}",
        "application_fee_amount": 1_000,
        "transfer": f"tr_demo_fee_{number:03}",
        "transfer_data": {"amount": None, "destination": merchant},
    }
    keep_charge(books, charge)
    send_transfer(
        books,
        transfer_id=charge["transfer"],
        amount=10_000,
        currency="usd",
        destination=merchant,
        source_transaction=charge["id"],
        transfer_group=charge["transfer_group"],
    )
    take_fee(books, charge["application_fee"], charge, account=merchant, amount=1_000)


def _seed_payouts(books: Books) -> None:
    """Two that were paid (the second automatic), one on its way, one still pending."""
    for number, days_ago, automatic in ((1, 21, False), (2, 14, True), (3, 1, False), (4, 0, False)):
        then = books.of(books.account, now=books.now - days_ago * DAY_SECONDS)
        payout = payout_life.new_payout(
            then,
            amount=25_000 * number,
            currency="usd",
            destination=bank_account_id(books.account, "usd"),
            method="standard",
            automatic=automatic,
        )
        payout["id"] = f"po_demo_{number:03}"
        payout_life.send(then, payout)
        if days_ago:
            payout_life.leave(then, payout["id"])
        if days_ago > payout_life.ARRIVES_AFTER_DAYS:
            payout_life.pay(then, books.get("payout", payout["id"], param="payout"))


def _seed_dispute(books: Books, number: int, reason: str) -> None:
    then = books.of(books.account, now=books.now - 30 * DAY_SECONDS)
    charge = succeeded_charge(
        f"ch_demo_disputed_{number:03}",
        payment_intent_id=f"pi_demo_disputed_{number:03}",
        amount=12_000 + 1_000 * number,
        currency="usd",
        customer=f"cus_demo_disputed_{number:03}",
        created=then.now,
    )
    keep_charge(then, charge)
    open_dispute(
        books.of(books.account, now=books.now - 2 * DAY_SECONDS),
        charge,
        reason=reason,
        inquiry=reason == "general",
        due_by=books.now + (5 + number) * DAY_SECONDS,
        dispute_id=f"du_demo_{number:03}",
    )
