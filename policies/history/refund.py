"""A refund of the past, and the history it is part of."""

from datetime import datetime
from typing import NamedTuple

from policies.history.columns import Columns


class Refund(NamedTuple):
    """One refund of the file. `at` is None only where no row has a time; empty texts are unknown."""

    line: int
    id: str
    units: int
    currency: str
    at: datetime | None
    charge: str
    payment_intent: str
    customer: str
    tenure_days: int | None
    reason: str
    metadata: dict[str, str]
    others: dict[str, str]


class History(NamedTuple):
    """What a file holds: how many rows, which of them are refunds (by line), and which facts it can tell at all."""

    rows: int
    refunds: list[Refund]
    facts: frozenset[str]
    columns: Columns
    caveats: tuple[str, ...]


def caveats(
    *, first_charge: datetime | None, at_charge: int, failed: int, without_decimals: bool, timeless: bool
) -> tuple[str, ...]:
    """What a reader of the result should know of the file, as sentences."""
    told = []
    if first_charge is not None:
        told.append(
            "Tenure is counted from each customer's first charge in the file, which begins on "
            f"{first_charge.date().isoformat()}: customers who bought before it look newer than they are."
        )
    if at_charge:
        told.append(f"{_refunds(at_charge)} without a time, judged at the time of the charge.")
    if failed:
        told.append(f"{_refunds(failed)} not counted, because the file says that it failed later.")
    if without_decimals:
        told.append("No amount in the file has decimals: 2500 is read as 2500.00, not as cents.")
    if timeless:
        told.append("The file has no times, so that nothing can be said of what happened within some days.")
    return tuple(told)


def _refunds(count: int) -> str:
    return f"{count:,} refund{'' if count == 1 else 's'}"
