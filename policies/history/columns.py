"""What the columns of an export mean, whatever its year calls them.

A header is compared by its words: case, spaces, underscores, dashes and `(UTC)` do not count. `ROLES` lists, for each
thing that is needed of a row, the headers it goes by, the most telling first.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from policies.history.errors import HistoryInvalid

ROLES: Final[dict[str, tuple[str, ...]]] = {
    "refund_id": ("refund id", "refund reference"),
    "source": ("source id", "source"),
    "id": ("id", "balance transaction id", "transaction id", "payment id", "charge id"),
    "amount_refunded": (
        "amount refunded",
        "refunded amount",
        "refund amount",
        "amount of refund",
        "total refunded",
        "total amount refunded",
        "refund total",
        "refunded total",
        "total refund",
        "total refunds",
        "refunds",
        "refund value",
        "refunded value",
        "presentment amount refunded",
    ),
    "amount_refunded_minor": ("amount refunded cents", "refund amount cents", "amount refunded minor"),
    "amount": ("gross", "gross amount", "amount", "amount gross", "transaction amount", "charge amount"),
    "amount_minor": ("amount cents", "amount minor", "gross cents"),
    "customer_facing_amount": ("customer facing amount",),
    "customer_facing_currency": ("customer facing currency",),
    "currency": (
        "currency",
        "currency code",
        "refund currency",
        "presentment currency",
        "transaction currency",
        "charge currency",
    ),
    "created": (
        "created utc",
        "created date",
        "created",
        "created at",
        "creation date",
        "date created",
        "created time",
        "transaction date",
        "payment date",
        "date",
        "time",
        "timestamp",
    ),
    "refunded_at": (
        "refunded date",
        "refunded date utc",
        "refund date",
        "refunded at",
        "date refunded",
        "refund created",
        "refund created utc",
        "refund created at",
        "refund time",
    ),
    "charge_created": ("charge created", "charge created utc", "charge created at", "charge date"),
    "status": ("refund status", "status"),
    "refunded": ("refunded", "is refunded"),
    "kind": ("reporting category", "type", "transaction type", "balance transaction type"),
    "charge": ("charge id", "charge", "original charge", "original charge id", "source charge"),
    "payment_intent": ("payment intent id", "paymentintent id", "payment intent", "paymentintent"),
    "customer": ("customer id", "customer", "customer identifier"),
    "tenure": ("customer tenure days", "customer tenure", "tenure days", "customer age days"),
    "reason": ("refund reason", "reason code", "reason for refund", "refund reason code", "reason"),
    "source_of_refund": ("context source", "refund source", "refund channel", "channel"),
    "account": ("connected account id", "connected account", "stripe account id", "account id", "account"),
    "initiator_id": ("initiator id", "initiator"),
    "initiator_kind": ("initiator kind",),
    "counterparty_id": ("counterparty id",),
    "counterparty_account": ("counterparty stripe account id",),
    "counterparty_country": ("counterparty country",),
}

_NOT_A_REFUND_FILE: Final = frozenset({"arrival date", "arrival date utc", "dispute amount", "dispute created"})
"""Payouts and disputes: their `Type` and `Reason` say nothing of refunds."""

_KNOWN_AND_NOT_NEEDED: Final = re.compile(
    r"(card|shipping|disputed?|checkout|utm|invoice|payment link|client reference|application|converted|destination"
    r"|transfer|automatic payout|payout|failure|statement|trace|customer|balance|available|captured|fee|tax(es)?|net"
    r"|description|mode|livemode|is link|payment (source|method)|seller|arrival|method)\b"
)
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_METADATA: Final = (
    re.compile(r"(?P<key>.+?)\s*\((?:(?P<of>[a-z]+)[ _])?metadata\)", re.IGNORECASE),
    re.compile(r"(?:(?P<of>[a-z]+)[ _])?metadata\s*\[(?P<key>.+)\]", re.IGNORECASE),
    re.compile(r"(?:(?P<of>[a-z]+)[ _.])?metadata\.(?P<key>.+)", re.IGNORECASE),
    re.compile(r"(?:(?P<of>[a-z]+)[ _])?metadata\s*:\s*(?P<key>.+)", re.IGNORECASE),
)
_METADATA_OF: Final = ("refund", "", "payment", "charge")
"""Whose metadata a movement's is, the nearest first. A customer's or a payout's is not."""


class Columns(NamedTuple):
    """Where each role stands (counted from 0), where each metadata key does, and the headers nobody understood."""

    header: Sequence[str]
    of: dict[str, int]
    metadata: dict[str, int]
    not_understood: tuple[str, ...]

    def place(self, role: str) -> int:
        """The column of a role, counted from 1, for messages; 1 if there is none."""
        return self.of.get(role, 0) + 1


def read_columns(header: Sequence[str], line: int) -> Columns:
    """What the columns mean.

    Raises HistoryInvalid when the amount, the currency or what marks a refund is missing, when times may stand
    under a header that was not understood, or when one of two columns of the same name is needed.
    """
    by_name: dict[str, list[int]] = {}
    metadata: dict[str, tuple[int, int]] = {}
    for index, title in enumerate(header):
        found = _metadata_key(title)
        if found is None:
            by_name.setdefault(words_of(title), []).append(index)
        elif found[0] in metadata and metadata[found[0]][0] == found[1]:
            raise _twice(line, index, title)
        elif found[0] not in metadata or found[1] < metadata[found[0]][0]:
            metadata[found[0]] = (found[1], index)
    columns = Columns(header, _roles(by_name, header, line), {key: at for key, (_, at) in metadata.items()}, ())
    tenure = next((at for key, at in columns.metadata.items() if words_of(key) in ROLES["tenure"]), None)
    if tenure is not None:
        columns.of.setdefault("tenure", tenure)
    used = set(columns.of.values()) | set(columns.metadata.values())
    columns = columns._replace(
        not_understood=tuple(
            title
            for index, title in enumerate(header)
            if index not in used and title.strip() and not _KNOWN_AND_NOT_NEEDED.match(words_of(title))
        )
    )
    missing = _missing(columns, by_name)
    if missing:
        raise _not_refunds(columns, missing, line)
    return columns


def must_account(columns: Columns, line: int) -> None:
    """Let a file of payments without refunded amounts pass only if no header is left that may hold them.

    Raises HistoryInvalid.
    """
    told = set(columns.of)
    if {"kind", "refund_id", "refunded"} & told or ({"status", "refunded_at"} & told and not columns.not_understood):
        return
    raise _not_refunds(columns, ["how much of each payment was refunded (“Amount Refunded”)"], line)


def unmarked(columns: Columns, line: int) -> HistoryInvalid:
    """What is wrong with a file in which no row could be told from another."""
    role = next((role for role in ("kind", "status", "source", "id") if role in columns.of), "id")
    title = columns.header[columns.of[role]] if role in columns.of else ""
    message = f"nothing marks which rows are refunds: no value of “{title}” is one that is known{strange(columns)}"
    return HistoryInvalid(line, columns.place(role), "missing_column", message)


def words_of(title: str) -> str:
    """A header without what does not tell: `Created (UTC)` and `created` are one, `created_utc` says more.

    `amountRefunded` is two words.
    """
    bare = _HUMP.sub(" ", title.replace("\ufeff", "").strip()).lower().replace("(utc)", " ")
    return " ".join(re.split(r"[\s_\-./:#]+", bare)).strip()


def _roles(by_name: dict[str, list[int]], header: Sequence[str], line: int) -> dict[str, int]:
    of: dict[str, int] = {}
    for role, names in ROLES.items():
        name = next((name for name in names if name in by_name), None)
        if name is None:
            continue
        first, *again = by_name[name]
        if again:
            raise _twice(line, again[0], header[again[0]])
        of[role] = first
    if _NOT_A_REFUND_FILE & set(by_name):
        of.pop("kind", None)
    return of


def _metadata_key(title: str) -> tuple[str, int] | None:
    for pattern in _METADATA:
        if (found := pattern.fullmatch(title.strip())) is not None:
            of = (found["of"] or "").lower()
            return (found["key"].strip(), _METADATA_OF.index(of)) if of in _METADATA_OF else None
    return None


def _missing(columns: Columns, by_name: dict[str, list[int]]) -> list[str]:
    of = columns.of
    missing = []
    if not {"amount", "amount_minor", "amount_refunded", "amount_refunded_minor"} & set(of):
        missing.append("an amount (“Amount”, “Gross” or “Amount Refunded”)")
    if "currency" not in of:
        missing.append("a currency (“Currency”)")
    marks = {"amount_refunded", "amount_refunded_minor", "kind", "refund_id", "refunded", "refunded_at"}
    # An id may tell by its prefix (`re_…`); whether it does is seen row by row.
    if not marks & set(of) and (not {"id", "source"} & set(of) or _NOT_A_REFUND_FILE & set(by_name)):
        of_others = " (it looks like an export of payouts or disputes)" if _NOT_A_REFUND_FILE & set(by_name) else ""
        wanted = "(“Amount Refunded”, “Type”, “Reporting category” or refund ids `re_…`)"
        missing.append(f"what marks a refund {wanted}{of_others}")
    # A file may be without times. One that has a header nobody understood may have them there. Payments have two.
    times = {"created", "charge_created"} if "amount_refunded" in of else {"created", "charge_created", "refunded_at"}
    if columns.not_understood and not times & set(of):
        missing.append("a time (“Created”)")
    return missing


def _twice(line: int, index: int, title: str) -> HistoryInvalid:
    message = f"the header has “{title}” twice, and it cannot be told which one counts"
    return HistoryInvalid(line, index + 1, "duplicate_column", message)


def _not_refunds(columns: Columns, missing: list[str], line: int) -> HistoryInvalid:
    odd = columns.not_understood
    column = columns.header.index(odd[0]) + 1 if odd else len(columns.header) + 1
    message = f"the file has no column for {' and none for '.join(missing)}{strange(columns)}"
    return HistoryInvalid(line, column, "missing_column", message)


def strange(columns: Columns) -> str:
    """The headers that nobody understood, as the end of a sentence; empty if there are none."""
    titles = ", ".join(f"“{title[:100]}”" for title in columns.not_understood[:20])
    return f"; not understood: {titles}" if titles else ""
