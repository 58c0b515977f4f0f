"""A replay's findings as CSV for a spreadsheet, in which no cell can become a formula."""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec import UNSET

from axiru.domain.currency import exponent_of
from policies.history.report import Finding

HEADER: Final = ("line", "id", "outcome", "rule", "reason", "message", "amount", "currency", "at", "flags", "was")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def findings_csv(findings: Iterable[Finding], *, header: bool = True) -> str:
    """The findings as RFC 4180, under a header; amounts are in major units with a decimal point."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    if header:
        writer.writerow(HEADER)
    writer.writerows([_harmless(cell) for cell in _cells(finding)] for finding in findings)
    return buffer.getvalue()


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would calculate is shown as text instead (OWASP, CSV injection)."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def _cells(finding: Finding) -> tuple[str, ...]:
    amount = Decimal(finding.amount_cents).scaleb(-exponent_of(finding.currency))
    return (
        "" if finding.line is None else str(finding.line),
        finding.id,
        finding.outcome,
        finding.rule or "",
        finding.reason,
        finding.message,
        f"{amount:f}",
        finding.currency,
        finding.at or "",
        " ".join(finding.flags),
        "" if finding.was is UNSET else finding.was,
    )
