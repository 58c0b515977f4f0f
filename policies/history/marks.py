"""Which rows are refunds: what marks one, in exports that list payments and in reports that list every movement."""

from enum import Enum, auto
from typing import Final

from policies.history.columns import Columns, strange, words_of
from policies.history.errors import HistoryInvalid
from policies.history.records import Record

REFUND_PREFIXES: Final = ("re_", "pyr_")
CHARGE_PREFIXES: Final = ("ch_", "py_", "pi_")
_OTHER_PREFIXES: Final = ("po_", "tr_", "txn_", "fee_")
_REFUND_KINDS: Final = frozenset({"refund", "payment_refund", "partial_refund", "full_refund", "refunds"})
_UNDONE_KINDS: Final = frozenset(
    {"refund_failure", "payment_failure_refund", "payment_refund_failure", "refund_failed", "refund_reversal"}
)
_CHARGE_KINDS: Final = frozenset({"charge", "payment", "sale"})
# fmt: off
# https://docs.stripe.com/reports/reporting-categories and https://docs.stripe.com/reports/balance-transaction-types
_OTHER_KINDS: Final = frozenset(
    {
        "adjustment", "advance", "advance_funding", "anticipation_repayment", "application_fee",
        "application_fee_refund", "charge_failure", "climate_order_purchase", "connect_collection_transfer",
        "connect_reserved_funds", "contribution", "dispute", "dispute_reversal", "fee", "financing_paydown",
        "financing_paydown_reversal", "financing_payout", "issuing_authorization_hold", "issuing_dispute",
        "issuing_transaction", "network_cost", "obligation", "other_adjustment", "partial_capture_reversal",
        "payment_reversal", "payout", "payout_cancel", "payout_failure", "payout_reversal", "platform_earning",
        "platform_earning_refund", "reserve_hold", "reserve_release", "reserve_transaction", "risk_reserved_funds",
        "stripe_fee", "stripe_fx_fee", "tax", "tax_fee", "tax_withholding", "topup", "topup_reversal", "transfer",
        "transfer_cancel", "transfer_failure", "transfer_refund", "transfer_reversal", "unreconciled_customer_funds",
    }
)
# fmt: on
_NOT_MADE: Final = frozenset({"failed", "canceled", "cancelled", "voided"})
_WHOLE: Final = frozenset({"refunded", "full_refund", "fully_refunded"})
_PART: Final = frozenset({"partially_refunded", "partial_refund", "partially_refund"})
_YES: Final = frozenset({"true", "yes", "1", "t", "y"})
_NO: Final = frozenset({"false", "no", "0", "f", "n", ""})


class Mark(Enum):
    """What a row is. `PART`: a refund of a part that the row does not tell. `NEITHER`: not said with yes or no."""

    REFUND = auto()
    NOT_MADE = auto()
    UNDONE = auto()
    CHARGE = auto()
    OTHER = auto()
    PART = auto()
    NEITHER = auto()
    UNKNOWN = auto()


def mark_of(fields: list[str], columns: Columns, *, negative: bool) -> Mark:
    """What a row is, in a file without a column of refunded amounts. `negative`: its amount is below zero."""
    of = columns.of
    status = word(fields[of["status"]]) if "status" in of else ""
    made = Mark.NOT_MADE if status in _NOT_MADE else Mark.REFUND
    if "kind" in of:
        return _by_kind(word(fields[of["kind"]]), made)
    if "refund_id" in of:
        return made if fields[of["refund_id"]].strip() else Mark.OTHER
    ids = tuple(fields[of[role]].strip() for role in ("source", "id") if role in of)
    if any(each.startswith(REFUND_PREFIXES) for each in ids):
        of_balance = any(each.startswith("txn_") for each in ids)
        return Mark.UNDONE if of_balance and not negative else made
    if "refunded" in of:
        told = word(fields[of["refunded"]])
        return Mark.REFUND if told in _YES else Mark.CHARGE if told in _NO else Mark.NEITHER
    return _of_payment(
        ids, status, made, dated=None if "refunded_at" not in of else bool(fields[of["refunded_at"]].strip())
    )


def _of_payment(ids: tuple[str, ...], status: str, made: Mark, *, dated: bool | None) -> Mark:
    """What a row is whose ids are no refund's. `dated`: it has the date of a refund; None without such a column."""
    if status in _WHOLE:
        return Mark.REFUND
    is_charge = any(each.startswith(CHARGE_PREFIXES) for each in ids)
    if status in _PART or (is_charge and dated):
        return Mark.PART
    if is_charge:
        return Mark.CHARGE
    if dated is not None:
        return made if dated else Mark.OTHER
    return Mark.OTHER if any(each.startswith(_OTHER_PREFIXES) for each in ids) else Mark.UNKNOWN


def status_is_of_refund(columns: Columns) -> bool:
    """Whether the status, in a file with refunded amounts, is the refund's and not the payment's."""
    of = columns.of
    return "status" in of and ("refund_id" in of or words_of(columns.header[of["status"]]).startswith("refund"))


def untold(mark: Mark, record: Record, columns: Columns) -> HistoryInvalid:
    """What is wrong with a row that is marked as a refund without saying of how much, or not with yes or no."""
    if mark is Mark.NEITHER:
        cell = record.fields[columns.of["refunded"]].strip()
        message = f"“{cell[:40]}” is neither yes nor no; an amount belongs under “Amount Refunded”"
        return HistoryInvalid(record.line, columns.place("refunded"), "invalid_mark", message)
    place = columns.place("status" if "status" in columns.of else "refunded_at")
    message = "a part of this payment was refunded, and no column (“Amount Refunded”) says how much"
    return HistoryInvalid(record.line, place, "unknown_refund", f"{message}{strange(columns)}")


def not_made(status: str) -> bool:
    """Whether a refund of this status never reached the customer."""
    return word(status) in _NOT_MADE


def word(text: str) -> str:
    """`Requested by customer` as `requested_by_customer`."""
    return "_".join(text.lower().replace("-", " ").split())


def _by_kind(kind: str, made: Mark) -> Mark:
    if kind in _REFUND_KINDS:
        return made
    if kind in _UNDONE_KINDS:
        return Mark.UNDONE
    if kind in _CHARGE_KINDS:
        return Mark.CHARGE
    return Mark.OTHER if kind in _OTHER_KINDS else Mark.UNKNOWN
