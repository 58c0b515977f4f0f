"""Rotation of the vault's master key: everything that is sealed is sealed anew under the current one.

A page of values is exchanged by one statement that asks for the old ones, so a kill at any point loses nothing: what
was exchanged opens with the new key, what was not with the old, and the next run goes on from there. A value that a
process writes meanwhile is left as it was written.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from axiru.database import rows, transaction
from axiru.errors import AxiruError
from axiru.slack.installations import bot_token_context
from axiru.vault import (
    MASTER_KEY_BYTES,
    Vault,
    VaultKeyUnknown,
    VaultSealBroken,
    key_id_of,
    master_key_id,
    refresh_context,
    token_context,
)
from ledger.acts import wallet_policy
from ledger.acts.webhook_endpoint import secret_context
from ledger.signing import vault_context

_AT_ONCE: Final = 200


class ValueUnreadable(AxiruError):
    """A sealed value does not open with any key there is."""

    code = "vault_value_unreadable"


class Place(NamedTuple):
    """A column of sealed values: the table's key, whose it is, and the context that a row's value is sealed for."""

    table: str
    column: str
    context: Callable[[str, str], bytes]
    key: str = "id"
    owner: str = "organization_id"

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"


class Value(NamedTuple):
    """One sealed value, by the key of its row, with the context it is sealed for."""

    key: str
    context: bytes
    sealed: bytes


PLACES: Final = (
    Place("stripe_connections", "token_ciphertext", token_context),
    Place("stripe_connections", "refresh_ciphertext", refresh_context),
    Place("webhook_endpoints", "secret_ciphertext", secret_context),
    Place("webhook_endpoints", "previous_secret_ciphertext", secret_context),
    Place("wallet_policies", "secret_ciphertext", wallet_policy.secret_context),
    Place("slack_installations", "bot_token_ciphertext", bot_token_context),
    Place("signing_keys", "private_ciphertext", lambda _, key_id: vault_context(key_id), key="key_id", owner="''"),
)
"""Everything the vault seals and keeps; what an installation under way seals is over in minutes."""


class Rotated(msgspec.Struct, frozen=True):
    """What a run did: values by place that were sealed anew, and those left under each key that is not current."""

    current_key_id: str
    resealed: dict[str, int]
    left: dict[str, int]


class Rehearsed(msgspec.Struct, frozen=True):
    """What a rehearsal went over; nothing of it was written."""

    values: dict[str, int]


async def reseal(vault: Vault) -> Rotated:
    """Seal everything anew that is not under the current key; works as the owner of the tables.

    Raises ValueUnreadable for the first value that does not open, and leaves it; what was done stays done.
    """
    current = vault.current_key_id
    resealed: dict[str, int] = {}
    for place in PLACES:
        async for page in _pages(place):
            if old := [value for value in page if key_id_of(value.sealed) != current]:
                resealed[place.name] = resealed.get(place.name, 0) + await _exchange(place, old, vault)
    return Rotated(current, resealed, await left_under_other_keys(current))


async def rehearse(vault: Vault) -> Rehearsed:
    """Go through a rotation on a copy, under a key drawn for it, and compare every value. Changes nothing.

    Raises ValueUnreadable for the first value that could not be rotated.
    """
    key = secrets.token_bytes(MASTER_KEY_BYTES)
    other = Vault({master_key_id(key): key}, master_key_id(key))
    values: dict[str, int] = {}
    async with transaction():
        await rows(
            "CREATE TEMP TABLE vault_rehearsal (place text, key text, sealed bytea, PRIMARY KEY (place, key)) "
            "ON COMMIT DROP"
        )
        for place in PLACES:
            async for page in _pages(place):
                await _copy(place, page, vault, other)
                values[place.name] = values.get(place.name, 0) + len(page)
    return Rehearsed(values)


async def _copy(place: Place, page: Sequence[Value], vault: Vault, other: Vault) -> None:
    """Write the page to the copy under the other key, and read it back."""
    contexts = {value.key: value.context for value in page}
    plaintexts = {value.key: _opened(place, value, vault) for value in page}
    await rows(
        "INSERT INTO vault_rehearsal SELECT {}, * FROM unnest({}::text[], {}::bytea[])",
        place.name,
        list(plaintexts),
        [other.seal(plaintext, context=contexts[key]) for key, plaintext in plaintexts.items()],
    )
    for copied in await rows(
        "SELECT key, sealed FROM vault_rehearsal WHERE place = {} AND key = ANY({}::text[])",
        place.name,
        list(plaintexts),
    ):
        opened = other.open(bytes(copied["sealed"]), context=contexts[copied["key"]])
        if opened != plaintexts.pop(copied["key"]):
            raise RuntimeError(f"{place.name} of {copied['key']} does not read back as it was")
    if plaintexts:
        raise RuntimeError(f"{place.name} of {next(iter(plaintexts))} was not copied")


async def _pages(place: Place) -> AsyncIterator[list[Value]]:
    """Every value of a place, a page at a time."""
    after = ""
    while page := await rows(
        # Names of tables and columns are constants of this module.
        f"SELECT {place.key} AS key, {place.owner} AS owner, {place.column} AS sealed FROM {place.table} "  # noqa: S608
        f"WHERE {place.column} IS NOT NULL AND {place.key} > {{}} ORDER BY {place.key} LIMIT {{}}",
        after,
        _AT_ONCE,
    ):
        yield [
            Value(found["key"], place.context(found["owner"], found["key"]), bytes(found["sealed"])) for found in page
        ]
        after = page[-1]["key"]


async def _exchange(place: Place, values: Sequence[Value], vault: Vault) -> int:
    """Put each value sealed anew in its own place; returns how many. What a process wrote meanwhile is left."""
    changed = await rows(
        f"UPDATE {place.table} held SET {place.column} = exchanged.anew "  # noqa: S608 - as above
        "FROM unnest({}::text[], {}::bytea[], {}::bytea[]) AS exchanged (key, sealed, anew) "
        f"WHERE held.{place.key} = exchanged.key AND held.{place.column} = exchanged.sealed RETURNING held.{place.key}",
        [value.key for value in values],
        [value.sealed for value in values],
        [vault.seal(_opened(place, value, vault), context=value.context) for value in values],
    )
    return len(changed)


def _opened(place: Place, value: Value, vault: Vault) -> bytes:
    try:
        return vault.open(value.sealed, context=value.context)
    except (VaultSealBroken, VaultKeyUnknown) as error:
        raise ValueUnreadable(f"{place.name} of {value.key} does not open: {error.message}") from error


async def left_under_other_keys(current: str) -> dict[str, int]:
    """How many values are under each key that is not the current one: written by processes that had not heard of it."""
    left: dict[str, int] = {}
    for place in PLACES:
        async for page in _pages(place):
            for key_id in (key_id_of(value.sealed) for value in page):
                if key_id != current:
                    left[key_id] = left.get(key_id, 0) + 1
    return left
