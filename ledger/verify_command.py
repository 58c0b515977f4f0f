"""`axiru ledger verify`: checks every chain in a database, and says in one line each what it found."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from ledger import reading
from ledger.entry import BodyNotCanonical, ledger_id, parse_json
from ledger.reading import Connection, LedgerUnreadable
from ledger.signing import PublicKeys, SigningKeyInvalid, key_id, public_key_from_jwk, public_keys_from_jwks
from ledger.verification import ChainCheck, Row, Tampering, Verdict, reading_order

INTACT, TAMPERED, CANNOT_RUN = 0, 1, 2
"""Exit codes."""


class Report(msgspec.Struct, frozen=True):
    """The verdict on each chain, and whether the keys came from outside the database that was checked."""

    verdicts: tuple[Verdict, ...]
    keys_from_file: bool

    @property
    def intact(self) -> bool:
        return all(verdict.intact for verdict in self.verdicts)


def verify(database_url: str, organization_id: str | None = None, public_keys: str | None = None) -> int:
    """Print what was found and return the exit code: 0 intact, 1 tampered, 2 could not be checked.

    `public_keys` names a file with a JWK or a JWK set. Without one, keys are taken from the database itself, which
    finds every change but that of somebody who also replaces the keys.
    """
    try:
        report = asyncio.run(verify_database(database_url, organization_id, public_keys))
    except LedgerUnreadable as error:
        print(error.message, file=sys.stderr)
        return CANNOT_RUN
    for verdict in report.verdicts:
        print(describe(verdict))
    if not report.verdicts:
        print("The ledger has no entry yet.")
    if not report.keys_from_file:
        print("Public keys were taken from this database; compare with a key file that was kept elsewhere.")
    return INTACT if report.intact else TAMPERED


async def verify_database(database_url: str, organization_id: str | None, public_keys_file: str | None) -> Report:
    """Check all chains, or those of one organization, as they stand in one snapshot.

    Raises LedgerUnreadable where nothing can be said: no database, no tables, no such organization, no usable key file.
    """
    from_file = _keys_in_file(public_keys_file) if public_keys_file else None
    async with reading.snapshot(database_url) as connection:
        public_keys = from_file if from_file is not None else await _keys_in_database(connection)
        found = await reading.chains(connection, organization_id)
        if organization_id is not None and not found:
            raise LedgerUnreadable(f"The ledger has no chain of organization {organization_id}.")
        verdicts = [await _verify(connection, *chain, public_keys) for chain in found]
    return Report(tuple(verdicts), keys_from_file=from_file is not None)


def describe(verdict: Verdict) -> str:
    """One line for people about one chain."""
    chain = f"{verdict.organization_id}/{verdict.mode}"
    if verdict.tampering:
        return f"{chain}: TAMPERED at seq {verdict.tampering.seq}: {verdict.tampering.what}"
    end = f", last {ledger_id(verdict.head.entry_hash)}" if verdict.entries else ""
    values = f", {verdict.personal_values} personal values, {verdict.erased_values} erased"
    return f"{chain}: intact, {verdict.entries} entries{end}{values}"


async def _verify(connection: Connection, organization_id: str, mode: str, public_keys: PublicKeys) -> Verdict:
    check = ChainCheck(organization_id, mode, public_keys)
    async for row in _rows(connection, organization_id, mode):
        if not check.read(row):
            break
    verdict = check.verdict(await reading.chain_head(connection, organization_id, mode))
    orphan = await reading.decision_without_entry(connection, organization_id, mode) if verdict.intact else None
    if orphan is None:
        return verdict
    what = "a decision was sealed here and its entry is gone or another's"
    return msgspec.structs.replace(verdict, tampering=Tampering(organization_id, mode, orphan, what))


async def _rows(connection: Connection, organization_id: str, mode: str) -> AsyncIterator[Row]:
    """Entries and personal values in the order a check reads them; two cursors, so neither is held in memory."""
    values = reading.personal_values(connection, organization_id, mode)
    value = await anext(values, None)
    async for entry in reading.entries(connection, organization_id, mode):
        while value and reading_order(value) < reading_order(entry):
            yield value
            value = await anext(values, None)
        yield entry
    while value:
        yield value
        value = await anext(values, None)


async def _keys_in_database(connection: Connection) -> PublicKeys:
    """The keys whose rows are sound. Another one is not trusted, and the first entry it signed is reported."""
    keys = {}
    for stored_key_id, jwk in await reading.published_jwks(connection):
        try:
            public_key = public_key_from_jwk(jwk)
        except SigningKeyInvalid:
            continue
        if stored_key_id == key_id(public_key):
            keys[stored_key_id] = public_key
    return keys


def _keys_in_file(path: str) -> PublicKeys:
    try:
        found: Any = parse_json(Path(path).read_bytes())
        jwks = found["keys"] if isinstance(found, dict) and "keys" in found else [found]
        keys = public_keys_from_jwks(jwks)
    except (OSError, BodyNotCanonical, SigningKeyInvalid, TypeError) as error:
        raise LedgerUnreadable(f"The public keys in {path} cannot be used: {error}") from error
    if not keys:
        raise LedgerUnreadable(f"There is no public key in {path}.")
    return keys
