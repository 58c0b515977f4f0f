"""`axiru ledger export`: the sealed bodies with their hashes, for systems that keep evidence of their own.

NDJSON: each line is the body's JSON object with four members more: `ledger_id`, `prev_hash`, `entry_hash`, `signature`
(hex). Take those four out again, canonicalize (RFC 8785), and SHA-256(prev_hash ‖ that) is `entry_hash`.

CSV: one row an entry; the last column holds the body as it was hashed. A text that a spreadsheet would run as a formula
is preceded by an apostrophe (OWASP, "CSV Injection"); hashes and bodies never begin like one.
"""

import asyncio
import csv
import io
import sys
from collections.abc import Callable
from typing import BinaryIO, Final, Literal, assert_never

import msgspec

from ledger import reading
from ledger.entry import Body, BodyNotCanonical, Entry, canonical_json, parse_body
from ledger.reading import LedgerUnreadable

EXPORTED, NOT_EXPORTABLE, CANNOT_RUN = 0, 1, 2
"""Exit codes."""

Format = Literal["ndjson", "csv"]

CSV_COLUMNS: Final = (
    "ledger_id",
    "organization_id",
    "mode",
    "seq",
    "kind",
    "sealed_at",
    "decision_id",
    "policy_hash",
    "key_id",
    "prev_hash",
    "entry_hash",
    "signature",
    "body",
)

# The full-width forms are read as formulas by spreadsheets in some locales.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export(database_url: str, format: Format, out: BinaryIO, organization_id: str | None = None) -> int:
    """Write all chains, or those of one organization, to `out` in UTF-8, and return the exit code.

    0: written; 1: stopped at an entry whose body is not one any more (`verify` says more); 2: could not be read.
    """
    try:
        asyncio.run(write_export(database_url, format, out, organization_id))
    except LedgerUnreadable as error:
        print(error.message, file=sys.stderr)
        return CANNOT_RUN
    except BodyNotCanonical as error:
        chain = f"{error.facts['organization_id']}/{error.facts['mode']}"
        print(f"{chain}: cannot export seq {error.facts['seq']}: {error.message}", file=sys.stderr)
        return NOT_EXPORTABLE
    return EXPORTED


async def write_export(database_url: str, format: Format, out: BinaryIO, organization_id: str | None = None) -> None:
    """As `export`. Raises LedgerUnreadable, and BodyNotCanonical with the entry's organization_id, mode and seq."""
    line = _line(format)
    async with reading.snapshot(database_url) as connection:
        chains = await reading.chains(connection, organization_id)
        if organization_id is not None and not chains:
            raise LedgerUnreadable(f"The ledger has no chain of organization {organization_id}.")
        if format == "csv":
            out.write(csv_header())
        for chain in chains:
            async for entry in reading.entries(connection, *chain):
                out.write(line(entry))


def ndjson_line(entry: Entry) -> bytes:
    """One line. Raises BodyNotCanonical naming the entry."""
    return canonical_json({**msgspec.structs.asdict(_body(entry)), **_hashes(entry)}) + b"\n"


def csv_header() -> bytes:
    return _csv(CSV_COLUMNS)


def csv_line(entry: Entry) -> bytes:
    """One row in the order of `CSV_COLUMNS`, RFC 4180. Raises BodyNotCanonical naming the entry."""
    body = _body(entry)
    cells = {
        **msgspec.structs.asdict(body),
        **_hashes(entry),
        "decision_id": body.decision_id,
        "body": entry.body.decode(),
    }
    return _csv([_harmless(cells[column]) for column in CSV_COLUMNS])


def _line(format: Format) -> Callable[[Entry], bytes]:
    match format:
        case "ndjson":
            return ndjson_line
        case "csv":
            return csv_line
        case _:
            assert_never(format)


def _body(entry: Entry) -> Body:
    try:
        return parse_body(entry.body)
    except BodyNotCanonical as error:
        where = {"organization_id": entry.organization_id, "mode": entry.mode, "seq": entry.seq}
        raise BodyNotCanonical(error.message, **where) from error


def _hashes(entry: Entry) -> dict[str, str]:
    return {
        "ledger_id": entry.ledger_id,
        "prev_hash": entry.prev_hash.hex(),
        "entry_hash": entry.entry_hash.hex(),
        "signature": entry.signature.hex(),
    }


def _harmless(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def _csv(cells: tuple[str, ...] | list[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
