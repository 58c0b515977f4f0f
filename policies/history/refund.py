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
