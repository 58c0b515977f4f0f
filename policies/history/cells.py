"""The cells of a row by what they mean; a fault is placed by line and column."""

import re
from datetime import datetime
from typing import Final

from axiru.domain.currency import CURRENCIES
from policies.history.amounts import AmountUnreadable, Bare, DecimalSign, bare, minor_units, sign_in
from policies.history.columns import Columns
from policies.history.errors import HistoryInvalid
from policies.history.records import Record
from policies.history.times import TimeUnreadable, read_time

_DAYS: Final = re.compile(r"([0-9]{1,6})(?:[.,]0+)?")
_PLAIN: Final = re.compile(r"[0-9]+\.[0-9]{2}")
TIMES: Final = ("created", "refunded_at", "charge_created")
_MONEY: Final = ("amount_refunded", "amount", "customer_facing_amount")


class Cells:
    """Reads the cells of one file."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self._of = columns.of

    def text(self, record: Record, role: str) -> str:
        """The cell without the spaces around it; empty where the file has no such column."""
        at = self._of.get(role)
        return "" if at is None else record.fields[at].strip()

    def time(self, record: Record, role: str) -> datetime | None:
        """None for an empty cell. Raises HistoryInvalid."""
        text = self.text(record, role)
        if not text:
            return None
        try:
            return read_time(text)
        except TimeUnreadable as error:
            raise self.fault(record, role, error.code, str(error)) from None

    def check_times(self, record: Record) -> None:
        """Refuse a row whose times cannot be read, whether they are needed or not. Raises HistoryInvalid."""
        for role in TIMES:
            if role in self._of:
                self.time(record, role)

    def days(self, record: Record, role: str) -> int | None:
        """A whole number of days; None for an empty cell. Raises HistoryInvalid."""
        text = self.text(record, role)
        if not text:
            return None
        found = _DAYS.fullmatch(text)
        if found is None:
            raise self.fault(record, role, "invalid_number", f"“{text[:40]}” is not a number of days")
        return int(found[1])

    def amount(self, record: Record, at: int, currency_role: str) -> tuple[Bare, str]:
        """The digits in column `at`, whose sign is not known yet, and their currency. Raises HistoryInvalid."""
        amount = _bare(record, at)
        currency = self.text(record, currency_role).lower()
        if currency not in CURRENCIES:
            message = f"“{currency[:20]}” is not a currency (ISO 4217)"
            raise self.fault(record, currency_role, "invalid_currency", message)
        if amount.currency not in {"", currency}:
            message = f"the amount is in {amount.currency}, the row in {currency}"
            raise self.fault(record, currency_role, "invalid_currency", message)
        return amount, currency

    def fault(self, record: Record, role: str, reason: str, message: str) -> HistoryInvalid:
        return HistoryInvalid(record.line, self.columns.place(role), reason, message)


class Signs:
    """Which sign stands before decimals, learned from every amount of the file; `none_seen`: no amount has any."""

    def __init__(self, columns: Columns, delimiter: str) -> None:
        self._money = [columns.of[role] for role in _MONEY if role in columns.of]
        self._delimiter = delimiter
        self._first_line: dict[DecimalSign, int] = {}
        self.none_seen = True

    def note(self, record: Record) -> None:
        """Learn from a row. Raises HistoryInvalid for what is no amount, or contradicts an earlier row."""
        for at in self._money:
            cell = record.fields[at]
            if _PLAIN.fullmatch(cell):
                sign: DecimalSign | None = "."
            elif cell.isdecimal() or not cell.strip():
                continue
            else:
                digits = _bare(record, at).digits
                if "." not in digits and "," not in digits:
                    continue
                sign = sign_in(digits)
            self.none_seen = False
            if sign is None or sign in self._first_line:
                continue
            for other, line in self._first_line.items():
                message = f"“{cell[:40]}” has “{sign}” before decimals, line {line} has “{other}”"
                raise HistoryInvalid(record.line, at + 1, "ambiguous_amount", message)
            self._first_line[sign] = record.line

    def units(self, digits: str, currency: str) -> int:
        """The amount in minor units, once the whole file is known. Raises AmountUnreadable."""
        return minor_units(digits, currency, next(iter(self._first_line), None), self._delimiter)


def _bare(record: Record, at: int) -> Bare:
    try:
        return bare(record.fields[at])
    except AmountUnreadable as error:
        raise HistoryInvalid(record.line, at + 1, error.code, str(error)) from None
