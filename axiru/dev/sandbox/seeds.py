"""What a new sandbox starts with: twenty charges of $400, each with its customer and payment intent, and a business
around them (seeded_business.py) that happened before."""

from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.charges import keep_charge, succeeded_charge
from axiru.dev.sandbox.seeded_business import seed_business
from axiru.dev.sandbox.store import Store

DEMO_CHARGES = 20
DEMO_AMOUNT_CENTS = 40_000
_SEEDED = "seeded"
_BUSINESS_SEEDED = "business_seeded"


def seed_once(store: Store, *, account: str, now: int) -> None:
    """Write `ch_demo_001` … `ch_demo_020` and the business on `account`, at the first start only."""
    books = Books(store, account=account, now=now, silent=True)
    with store.transaction():
        if store.meta(_BUSINESS_SEEDED) is None:
            seed_business(books)
            store.set_meta(_BUSINESS_SEEDED, account)
        if store.meta(_SEEDED) is None:
            _seed_charges(books)
            store.set_meta(_SEEDED, account)


def _seed_charges(books: Books) -> None:
    for number in range(1, DEMO_CHARGES + 1):
        charge = succeeded_charge(
            f"ch_demo_{number:03}",
            payment_intent_id=f"pi_demo_{number:03}",
            amount=DEMO_AMOUNT_CENTS,
            currency="usd",
            customer=f"cus_demo_{number:03}",
            created=books.now,
        )
        keep_charge(books, charge)
