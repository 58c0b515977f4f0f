"""From the records of an export to the refunds it holds, each with the facts that the file can tell."""

from collections.abc import Callable
from datetime import datetime
from typing import BinaryIO, Final, NamedTuple

from axiru.domain.currency import exponent_of
from policies.history.amounts import AmountUnreadable, Bare, whole_units
from policies.history.cells import Cells, Signs
from policies.history.columns import must_account, read_columns, unmarked
from policies.history.errors import HistoryInvalid
from policies.history.lines import text_lines
from policies.history.marks import (
    CHARGE_PREFIXES,
    REFUND_PREFIXES,
    Mark,
    mark_of,
    not_made,
    status_is_of_refund,
    untold,
    word,
)
from policies.history.records import Record, read_table
from policies.history.refund import History, Refund, caveats

TOLD_EVERY_ROWS: Final = 2_000
_NOTHING: Final = frozenset({"", "0", "0.00", "0,00", "0.0", "0.000"})

Told = Callable[[int], None]


def read_history(
    source: BinaryIO, *, metadata: frozenset[str] = frozenset(), told: Told = lambda _rows: None
) -> History:
    """Read a whole export. Only the `metadata` keys named are kept; `told` hears how many rows have been read.

    Raises HistoryInvalid.
    """
    return _Reading(source, metadata, told).history()


class _Seen(NamedTuple):
    """A refund before the whole file is known: which sign stands before decimals, who bought when."""

    record_line: int
    id: str
    source: str
    amount: Bare
    amount_column: int
    is_minor: bool
    currency: str
    at: datetime | None
    charge: str
    payment_intent: str
    customer: str
    tenure_days: int | None
    reason: str
    metadata: dict[str, str]
    others: dict[str, str]


_NONE: Final[dict[str, str]] = {}
"""Shared by the refunds of a file that has no such columns, and never written to."""

_OTHERS: Final = (
    ("source_of_refund", "context.source"),
    ("account", "merchant.stripe_account_id"),
    ("initiator_id", "initiator.id"),
    ("initiator_kind", "initiator.kind"),
    ("counterparty_id", "counterparty.id"),
    ("counterparty_account", "counterparty.stripe_account_id"),
    ("counterparty_country", "counterparty.country"),
)


class _Reading:
    """One pass over the file, then one over the refunds found."""

    def __init__(self, source: BinaryIO, metadata: frozenset[str], told: Told) -> None:
        table = read_table(text_lines(source))
        self._columns = read_columns(table.header.fields, table.header.line)
        self._records, self._header_line = table.records, table.header.line
        self._cells = Cells(self._columns)
        self._of, self._told = self._columns.of, told
        self._metadata = [(key, at) for key, at in self._columns.metadata.items() if key in metadata]
        self._others = [(fact, self._of[role]) for role, fact in _OTHERS if role in self._of]
        self._rows = 0
        self._seen: list[_Seen] = []
        self._signs = Signs(self._columns, table.delimiter)
        self._first_charge: dict[str, datetime] = {}
        self._charges: dict[str, tuple[datetime | None, str]] = {}
        self._undone: set[str] = set()
        self._understood = self._saw_charge = self._lists_payments = self._lists_refunds = False
        self._at_charge = 0
        self._timed = bool({"created", "refunded_at", "charge_created"} & set(self._of))
        self._tells_failure = status_is_of_refund(self._columns)
        self._by_column = bool({"amount_refunded", "amount_refunded_minor"} & set(self._of))
        tells_charges = bool({"created", "charge_created"} & set(self._of))
        self._derives_tenure = "tenure" not in self._of and "customer" in self._of and tells_charges

    def history(self) -> History:
        read = self._payment if self._by_column else self._movement
        for record in self._records:
            self._rows += 1
            self._signs.note(record)
            self._cells.check_times(record)
            read(record)
            if self._rows % TOLD_EVERY_ROWS == 0:
                self._told(self._rows)
        if self._rows and not self._by_column and not self._understood:
            raise unmarked(self._columns, self._header_line)
        if self._lists_payments and not self._lists_refunds:
            must_account(self._columns, self._header_line)
        kept = [each for each in self._seen if not (each.source and each.source in self._undone)]
        refunds = [refund for each in kept if (refund := self._refund(each)).units]
        told = caveats(
            first_charge=min(self._first_charge.values(), default=None) if refunds else None,
            at_charge=self._at_charge if self._timed else 0,
            failed=len(self._seen) - len(kept),
            without_decimals=self._signs.none_seen and any(exponent_of(each.currency) for each in kept),
            timeless=not self._timed and bool(refunds),
        )
        return History(self._rows, refunds, self._facts(), self._columns, told)

    # One row of payments, one of movements

    def _payment(self, record: Record) -> None:
        """A row is a payment; it holds a refund if its refunded amount is not zero."""
        of, fields = self._of, record.fields
        role = "amount_refunded" if "amount_refunded" in of else "amount_refunded_minor"
        identity = self._cells.text(record, "id")
        customer = self._cells.text(record, "customer")
        is_payment = "refund_id" not in of and not identity.startswith(REFUND_PREFIXES)
        self._note_charge(record, customer, is_payment=is_payment)
        if fields[of[role]] in _NOTHING or (self._tells_failure and not_made(self._cells.text(record, "status"))):
            return
        self._at_charge += is_payment and not self._cells.text(record, "refunded_at")
        charge = self._cells.text(record, "charge") or (
            "" if identity.startswith(("pi_", *REFUND_PREFIXES)) else identity
        )
        intent = self._cells.text(record, "payment_intent") or (identity if identity.startswith("pi_") else "")
        told = self._cells.text(record, "refund_id") or identity
        self._see(record, of[role], told, "", charge, intent, customer, "currency")

    def _movement(self, record: Record) -> None:
        """A row is a movement of any kind; its kind, its ids or its status mark a refund."""
        of, fields = self._of, record.fields
        at, currency_role = self._amount_of(fields)
        cell = fields[at]
        mark = mark_of(fields, self._columns, negative=cell.lstrip().startswith(("-", "−", "(")))
        self._understood |= mark is not Mark.UNKNOWN
        identity, source = self._cells.text(record, "id"), self._cells.text(record, "source")
        self._lists_payments |= identity.startswith(CHARGE_PREFIXES)
        self._lists_refunds |= identity.startswith(REFUND_PREFIXES) or source.startswith(REFUND_PREFIXES)
        if mark is Mark.UNDONE:
            self._undone.add(source or self._cells.text(record, "refund_id") or identity)
        elif mark is Mark.CHARGE:
            customer = self._cells.text(record, "customer")
            self._note_charge(record, customer, is_payment=True)
            made = self._cells.time(record, "created") if "charge" in of and "created" in of else None
            if "charge" in of:
                self._charges[source or self._cells.text(record, "charge") or identity] = (made, customer)
        elif mark is Mark.PART or mark is Mark.NEITHER:
            raise untold(mark, record, self._columns)
        elif mark is Mark.REFUND and cell not in _NOTHING:
            told = self._cells.text(record, "refund_id") or (source if source.startswith(REFUND_PREFIXES) else identity)
            charge = self._cells.text(record, "charge") or (identity if identity.startswith(("ch_", "py_")) else "")
            customer = self._cells.text(record, "customer")
            self._note_charge(record, customer, is_payment=identity.startswith(CHARGE_PREFIXES))
            intent = self._cells.text(record, "payment_intent")
            self._see(record, at, told, source or told, charge, intent, customer, currency_role)

    def _amount_of(self, fields: list[str]) -> tuple[int, str]:
        """The column of the amount and the role of its currency: what the customer saw, where the report has both."""
        of = self._of
        if "customer_facing_amount" in of and "customer_facing_currency" in of:
            at = of["customer_facing_amount"]
            if fields[at].strip() and fields[of["customer_facing_currency"]].strip():
                return at, "customer_facing_currency"
        return of["amount"] if "amount" in of else of["amount_minor"], "currency"

    def _see(
        self,
        record: Record,
        at: int,
        identity: str,
        source: str,
        charge: str,
        intent: str,
        customer: str,
        currency_role: str,
    ) -> None:
        fields = record.fields
        amount, currency = self._cells.amount(record, at, currency_role)
        is_minor = at in {self._of.get("amount_refunded_minor"), self._of.get("amount_minor")}
        self._seen.append(
            _Seen(
                record_line=record.line,
                id=identity,
                source=source,
                amount=amount,
                amount_column=at + 1,
                is_minor=is_minor,
                currency=currency,
                at=self._refunded_at(record),
                charge=charge,
                payment_intent=intent,
                customer=customer,
                tenure_days=self._cells.days(record, "tenure"),
                reason=word(self._cells.text(record, "reason")),
                metadata={key: value for key, place in self._metadata if (value := fields[place].strip())}
                if self._metadata
                else _NONE,
                others={fact: _folded(fact, value) for fact, place in self._others if (value := fields[place].strip())}
                if self._others
                else _NONE,
            )
        )

    # What a row says

    def _refunded_at(self, record: Record) -> datetime | None:
        """The refund's own time, else its charge's if this row has it."""
        for role in ("refunded_at", "created", "charge_created"):
            if (moment := self._cells.time(record, role)) is not None:
                return moment
        return None

    def _note_charge(self, record: Record, customer: str, *, is_payment: bool) -> None:
        """Remember when the customer bought; `is_payment`: the row's own time is the charge's."""
        self._saw_charge |= is_payment or "charge_created" in self._of
        if not self._derives_tenure or not customer:
            return
        moment = self._cells.time(record, "charge_created") or (
            self._cells.time(record, "created") if is_payment else None
        )
        if moment is None:
            return
        first = self._first_charge.get(customer)
        if first is None or moment < first:
            self._first_charge[customer] = moment

    # What is known once the file is read

    def _refund(self, seen: _Seen) -> Refund:
        digits = seen.amount.digits
        try:
            units = whole_units(digits) if seen.is_minor else self._signs.units(digits, seen.currency)
        except AmountUnreadable as error:
            raise HistoryInvalid(seen.record_line, seen.amount_column, error.code, str(error)) from None
        # Exports are often the newest first, so that a refund's charge is known only now.
        made, buyer = self._charges.get(seen.charge, (None, ""))
        at, customer, tenure = seen.at or made, seen.customer or buyer, seen.tenure_days
        if at is None and self._timed:
            place = self._columns.place("refunded_at" if "refunded_at" in self._of else "created")
            message = "the refund has no time, and neither has its charge"
            raise HistoryInvalid(seen.record_line, place, "invalid_time", message)
        if self._derives_tenure and at is not None and (first := self._first_charge.get(customer)):
            tenure = max(0, (at - first).days)
        return Refund(
            line=seen.record_line,
            id=seen.id,
            units=units,
            currency=seen.currency,
            at=at,
            charge=seen.charge,
            payment_intent=seen.payment_intent,
            customer=customer,
            tenure_days=tenure,
            reason=seen.reason,
            metadata=seen.metadata,
            others=seen.others,
        )

    def _facts(self) -> frozenset[str]:
        of = self._of
        held = {"rail", "rail_action", "amount_cents", "currency"}
        held |= {fact for role, fact in _OTHERS if role in of}
        held |= {f"metadata.{key}" for key in self._columns.metadata}
        if "charge" in of or (self._by_column and "id" in of):
            held.add("target.charge")
        if "payment_intent" in of:
            held.add("target.payment_intent")
        if "customer" in of:
            held.add("context.customer_id")
        if "tenure" in of or (self._derives_tenure and (self._saw_charge or not self._rows)):
            held.add("context.customer_tenure_days")
        if "reason" in of:
            held.add("context.reason_code")
        if self._timed:
            held.add("now")
        return frozenset(held)


def _folded(fact: str, value: str) -> str:
    """The API compares sources without case, and so are those of a file."""
    return value.casefold() if fact == "context.source" else value
