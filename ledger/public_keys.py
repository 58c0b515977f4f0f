"""`axiru ledger keys`: the ledger's public keys as a JWK set, to be kept where the database's owner cannot reach."""

import asyncio
import sys

import msgspec

from ledger import reading
from ledger.reading import LedgerUnreadable

PRINTED, CANNOT_RUN = 0, 2
"""Exit codes."""


def print_public_keys(database_url: str) -> int:
    """Print every key that ever signed, in the form that `verify --public-keys` reads (RFC 7517 §5)."""
    try:
        jwks = asyncio.run(_published(database_url))
    except LedgerUnreadable as error:
        print(error.message, file=sys.stderr)
        return CANNOT_RUN
    print(msgspec.json.format(msgspec.json.encode({"keys": jwks})).decode())
    return PRINTED


async def _published(database_url: str) -> list[object]:
    async with reading.snapshot(database_url) as connection:
        return [jwk for _, jwk in await reading.published_jwks(connection)]
