"""What a new sandbox starts with: twenty charges of $400, each with its customer and payment intent."""

from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.charges import succeeded_charge
from axiru.dev.sandbox.operations.customers import introduce
from axiru.dev.sandbox.operations.payment_intents import payment_intent
from axiru.dev.sandbox.store import Store

DEMO_CHARGES = 20
DEMO_AMOUNT_CENTS = 40_000
_SEEDED = "seeded"


def seed_once(store: Store, *, account: str, now: int) -> None:
    """Write `ch_demo_001` … `ch_demo_020` on `account`, at the first start only."""
    with store.transaction():
        if store.meta(_SEEDED) is not None:
            return
        books = Books(store, account=account, now=now)
        for number in range(1, DEMO_CHARGES + 1):
            charge = succeeded_charge(
                f"ch_demo_{number:03}",
                payment_intent_id=f"pi_demo_{number:03}",
                amount=DEMO_AMOUNT_CENTS,
                currency="usd",
                customer=f"cus_demo_{number:03}",
                created=now,
            )
            introduce(books, charge["customer"])
            books.add(charge)
            books.add(payment_intent(charge))
        store.set_meta(_SEEDED, account)
