"""A past at Stripe: refunds of the last weeks in the books of a sandbox, and the export that tells the same."""

import random
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.charges import CreateCharge
from axiru.dev.sandbox.operations.refunds import CreateRefund
from axiru.dev.sandbox.parameters import Parameters
from axiru.dev.sandbox.store import Store

DAY_SECONDS: Final = 86_400
_AMOUNTS: Final = (1_500, 9_000, 14_100, 16_200, 39_900)
_REASONS: Final = ("", "", "duplicate", "fraudulent", "requested_by_customer")
_HEADER: Final = (
    *("created_utc", "reporting_category", "source_id", "currency", "gross"),
    *("charge_id", "payment_intent_id", "customer_id", "refund_reason"),
)


class Past(NamedTuple):
    """The ids of the refunds, the oldest first, and an itemised export of charges and refunds."""

    refunds: list[str]
    export: str


class _Paid(NamedTuple):
    """A payment to be made, and the moments at which equal pieces of it are to be given back."""

    at: int
    amount: int
    currency: str
    customer: str
    reason: str
    pieces: tuple[int, ...]


def write_past(state: Path, *, refunds: int, until: datetime, days: int = 80, seed: int = 7) -> Past:
    """Make at least so many refunds of the last `days` in the state of a sandbox that is not running."""
    state.mkdir(parents=True, exist_ok=True)
    drawn = _drawn(refunds, int(until.timestamp()), days, random.Random(seed))  # noqa: S311
    with closing(Store(state / "stripe-sandbox.sqlite")) as store, store.transaction():
        return _written(store, drawn)


def _drawn(refunds: int, until: int, days: int, chance: random.Random) -> list[_Paid]:
    paid: list[_Paid] = []
    left = refunds
    while left > 0:
        # Refunds follow within nine days, so that none lies in the future.
        at = until - chance.randrange(10 * DAY_SECONDS, days * DAY_SECONDS)
        first = at + chance.randrange(60, 9 * DAY_SECONDS)
        pieces = tuple(first + piece * 3_600 for piece in range(chance.choice((1, 1, 1, 3))))
        currency = chance.choice(("usd",) * 9 + ("eur",))
        customer = f"cus_past_{chance.randrange(max(refunds // 3, 1)):05}"
        paid.append(_Paid(at, chance.choice(_AMOUNTS), currency, customer, chance.choice(_REASONS), pieces))
        left -= len(pieces)
    return paid


def _written(store: Store, drawn: list[_Paid]) -> Past:
    deeds = sorted((at, number) for number, paid in enumerate(drawn) for at in (paid.at, *paid.pieces))
    charges: dict[int, dict[str, Any]] = {}
    past = Past([], "")
    lines = [",".join(_HEADER)]
    for at, number in deeds:
        paid, books = drawn[number], Books(store, account="acct_demo", now=at)
        charge = charges.get(number)
        if charge is None:
            form = {"amount": str(paid.amount), "currency": paid.currency, "customer": paid.customer}
            charge = charges[number] = CreateCharge.read(
                Parameters({**form, "source": "tok_visa"}, object_id="")
            ).execute(books)
            lines.append(_line(at, "charge", charge["id"], paid.amount, charge, ""))
            continue
        piece = paid.amount // len(paid.pieces)
        asked = {"charge": charge["id"], "amount": str(piece)} | ({"reason": paid.reason} if paid.reason else {})
        refund = CreateRefund.read(Parameters(asked, object_id="")).execute(books)
        past.refunds.append(refund["id"])
        lines.append(_line(at, "refund", refund["id"], -piece, charge, paid.reason))
    return past._replace(export="\n".join(lines) + "\n")


def _line(at: int, category: str, source: str, cents: int, charge: dict[str, Any], reason: str) -> str:
    told = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    ids = (charge["id"], charge["payment_intent"], charge["customer"])
    return ",".join((told, category, source, charge["currency"], f"{cents / 100:.2f}", *ids, reason))
