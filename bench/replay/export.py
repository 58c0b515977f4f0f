"""An export as Stripe writes it, of any length, the same for the same seed."""

import csv
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Final

_TITLES: Final = (
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,"
    "Converted Currency,Description,Fee,Is Link,Mode,PaymentIntent ID,Payment Source Type,Refunded date (UTC),"
    "Statement Descriptor,Status,Seller Message,Taxes On Fee,Card ID,Card Name,Card Address Line1,Card Address Line2,"
    "Card Address City,Card Address State,Card Address Country,Card Address Zip,Card AVS Line1 Status,"
    "Card AVS Zip Status,Card Brand,Card CVC Status,Card Exp Month,Card Exp Year,Card Fingerprint,Card Funding,"
    "Card Issue Country,Card Last4,Card Tokenization Method,Customer ID,Customer Description,Customer Email,"
    "order_id (metadata)"
)
HEADER: Final = tuple(next(csv.reader([_TITLES])))
_CURRENCIES: Final = ("usd", "usd", "usd", "usd", "eur", "jpy")


def payments(rows: int, *, seed: int, refunded: float = 1.0) -> Iterator[str]:
    """The lines of a payments export; `refunded` is the share of payments with a refund."""
    chance = random.Random(seed)  # noqa: S311 - a reproducible file
    yield _line(HEADER)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(rows):
        created = start + timedelta(minutes=number)
        amount = chance.choice((2_500, 9_900, 12_000, 14_200, 17_500, 40_000))
        currency = chance.choice(_CURRENCIES)
        is_refunded = chance.random() < refunded
        cells = dict.fromkeys(HEADER, "")
        cells |= {
            "id": f"ch_{number:08d}",
            "Created date (UTC)": f"{created:%Y-%m-%d %H:%M}",
            "Amount": _major(amount, currency),
            "Amount Refunded": _major(amount if is_refunded else 0, currency),
            "Currency": currency,
            "Captured": "TRUE",
            "Converted Amount": _major(amount, "usd"),
            "Converted Currency": "usd",
            "Description": "Order, with a comma",
            "PaymentIntent ID": f"pi_{number:08d}",
            "Refunded date (UTC)": f"{created + timedelta(days=chance.randrange(20)):%Y-%m-%d %H:%M}"
            if is_refunded
            else "",
            "Status": "Refunded" if is_refunded else "Paid",
            "Card Brand": "Visa",
            "Card Last4": "4242",
            "Customer ID": f"cus_{chance.randrange(rows // 4 + 1)}",
            "order_id (metadata)": f"order_{number}",
        }
        yield _line(cells.values())


def _major(cents: int, currency: str) -> str:
    return str(cents) if currency == "jpy" else f"{cents / 100:.2f}"


def _line(cells: Iterable[str]) -> str:
    buffer = StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
