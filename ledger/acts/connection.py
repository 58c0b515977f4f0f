"""Connections to Stripe: made, made again, changed, ended; each sealed in the chain of their mode."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from axiru.stripe_oauth import ACCESS_TOKEN_SECONDS, Grant
from axiru.vault import Vault, refresh_context, token_context
from ledger.acts.chain import act, json
from ledger.acts.connection_record import (
    ConnectionNotFound,
    check_active,
    check_reason,
    mode_of,
    read_connection,
    seal_change,
)
from ledger.acts.member_record import check_admin
from ledger.entry import EntrySigner
from ledger.keys import load_signer

LONGEST_REASON: Final = 2_000


class AccountTaken(AxiruError):
    """Another organization is connected to this account: controls and budgets of one would not bind the other."""

    code = "conflict"


class StripeAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The account at Stripe, as it says itself."""

    id: str
    name: str
    country: str | None
    default_currency: str


class Connected(msgspec.Struct, frozen=True):
    """A connection as it was sealed; `again` for one that was there before and keeps its id, name and place."""

    connection_id: str
    again: bool


async def connect(
    account: StripeAccount,
    grant: Grant,
    *,
    organization_id: str,
    mode: Mode,
    member_id: str,
    vault: Vault,
    signer: EntrySigner,
) -> Connected:
    """Keep the tokens of an account, read-only until an action is granted.

    An account that was connected before keeps its connection: what was granted stays granted after a revocation at
    Stripe, and was taken away when it was disconnected here. The first active connection of a mode is the default.
    Raises NotEligible for all but admins, AccountTaken.
    """
    async with act(signer, organization_id, mode) as connecting:
        await check_admin(member_id, organization_id)
        await _check_free(account.id, mode, organization_id)
        before = await row(
            "SELECT id, status FROM stripe_connections WHERE organization_id = {} AND mode = {} "
            "AND stripe_account_id = {} ORDER BY status = 'active' DESC, created_at DESC LIMIT 1",
            organization_id,
            mode,
            account.id,
        )
        connection_id = before["id"] if before else ids.new_id(ids.STRIPE_CONNECTION)
        profile = json({"country": account.country})
        tokens = (
            vault.seal(grant.access_token.encode(), context=token_context(organization_id, connection_id)),
            vault.seal(grant.refresh_token.encode(), context=refresh_context(organization_id, connection_id)),
            connecting.now + timedelta(seconds=ACCESS_TOKEN_SECONDS),
            connecting.now,
        )
        if before:
            await rows(
                """
                UPDATE stripe_connections SET token_ciphertext = {}, refresh_ciphertext = {}, token_expires_at = {},
                    refreshed_at = {}, refreshing_until = NULL, scope = {}, profile = profile || {}::jsonb,
                    status = 'active', status_reason = NULL, status_changed_at = {} WHERE id = {}
                """,
                *tokens,
                grant.scope,
                profile,
                connecting.now,
                connection_id,
            )
        else:
            await rows(
                """
                INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext,
                    refresh_ciphertext, token_expires_at, refreshed_at, write_actions, default_currency, is_default,
                    status, status_changed_at, profile, created_at, name, scope, connected_by)
                VALUES ({}, {}, {}, {}, {}, {}, {}, {}, ARRAY[]::text[], {}, false, 'active', {}, {}::jsonb, {}, {},
                    {}, {})
                """,
                connection_id,
                organization_id,
                mode,
                account.id,
                *tokens,
                account.default_currency,
                connecting.now,
                profile,
                connecting.now,
                account.name,
                grant.scope,
                member_id,
            )
        await _give_default(connection_id, organization_id, mode)
        facts = {"member_id": member_id, "stripe_account_id": account.id, "scope": grant.scope}
        seal_change(connecting, connection_id, "active", "reconnected" if before else "connected", facts)
    return Connected(connection_id, before is not None)


async def change_connection(
    connection_id: str,
    *,
    name: str | None,
    make_default: bool,
    organization_id: str,
    member_id: str,
    signer: EntrySigner,
) -> None:
    """Rename a connection, or make it the one that requests without a connection are about.

    Raises NotEligible, ConnectionNotFound, and ConnectionNotActive for a default that could do nothing.
    """
    async with act(signer, organization_id, await mode_of(connection_id, organization_id)) as changing:
        await check_admin(member_id, organization_id)
        found = await read_connection(connection_id)
        if name is not None and name != found["name"]:
            await rows("UPDATE stripe_connections SET name = {} WHERE id = {}", name, connection_id)
            seal_change(changing, connection_id, found["status"], "renamed", {"member_id": member_id}, {"name": name})
        if make_default and not found["is_default"]:
            check_active(found)
            await rows(
                "UPDATE stripe_connections SET is_default = false WHERE organization_id = {} AND mode = {} "
                "AND is_default",
                organization_id,
                changing.mode,
            )
            await rows("UPDATE stripe_connections SET is_default = true WHERE id = {}", connection_id)
            seal_change(changing, connection_id, "active", "made_default", {"member_id": member_id})


async def follow_account(
    connection_id: str, *, organization_id: str, country: str | None, default_currency: str | None, signer: EntrySigner
) -> bool:
    """Take over what Stripe says of the account now; False where nothing of it is new. None is not said.

    Raises ConnectionNotFound.
    """
    async with act(signer, organization_id, await mode_of(connection_id, organization_id)) as following:
        found = await row(
            "SELECT status, default_currency, profile ->> 'country' AS country FROM stripe_connections WHERE id = {}",
            connection_id,
        )
        assert found is not None  # noqa: S101 - its mode was just read
        said = {
            "country": country or found["country"],
            "default_currency": default_currency or found["default_currency"],
        }
        before = {name: found[name] for name in said}
        if said == before:
            return False
        await rows(
            "UPDATE stripe_connections SET default_currency = {}, profile = profile || {}::jsonb WHERE id = {}",
            said["default_currency"],
            json({"country": said["country"]}),
            connection_id,
        )
        seal_change(following, connection_id, found["status"], "account_changed", {**said, "before": before})
    return True


async def disconnect(
    connection_id: str, *, organization_id: str, member_id: str, reason: str, vault: Vault, signer: EntrySigner
) -> bool:
    """End a connection here: its tokens are erased and its grants taken away. Whether it was not ended before.

    Raises NotEligible, ReasonRequired, ConnectionNotFound.
    """
    check_reason(reason)
    async with act(signer, organization_id, await mode_of(connection_id, organization_id)) as ending:
        await check_admin(member_id, organization_id)
        found = await read_connection(connection_id)
        if found["status"] == "disconnected":
            return False
        await rows(
            """
            UPDATE stripe_connections SET status = 'disconnected', status_reason = {}, status_changed_at = {},
                write_actions = ARRAY[]::text[], token_ciphertext = {}, refresh_ciphertext = NULL,
                token_expires_at = NULL, refreshing_until = NULL WHERE id = {}
            """,
            reason,
            ending.now,
            vault.seal(b"", context=token_context(organization_id, connection_id)),
            connection_id,
        )
        facts = {"member_id": member_id, "reason": reason}
        seal_change(ending, connection_id, "disconnected", "disconnected", facts)
    return True


async def mark_revoked(connection_id: str, reason: str, signer: EntrySigner, *, as_of: datetime | None = None) -> bool:
    """Stripe takes this connection's tokens no more: nothing uses them from now on, and every view says why.

    `reason` is a sentence for people. `as_of` is since when it is what the caller saw: what became of it meanwhile,
    connected again for one, stays. Whether this ended it; one that was not active stays as it is. Raises
    ConnectionNotFound.
    """
    found = await row("SELECT organization_id, mode FROM stripe_connections WHERE id = {}", connection_id)
    if found is None:
        raise ConnectionNotFound("There is no such connection.")
    async with act(signer, found["organization_id"], found["mode"]) as revoking:
        ended = await rows(
            "UPDATE stripe_connections SET status = 'revoked', status_reason = {}, status_changed_at = {} "
            "WHERE id = {} AND status = 'active' "
            "AND ({}::timestamptz IS NULL OR coalesce(status_changed_at, created_at) = {}) RETURNING id",
            reason[:LONGEST_REASON],
            revoking.now,
            connection_id,
            as_of,
            as_of,
        )
        if ended:
            seal_change(revoking, connection_id, "revoked", "revoked", {"member_id": None, "reason": reason})
    return bool(ended)


def revoking_with(vault: Vault) -> Callable[[str, str], Awaitable[bool]]:
    """`mark_revoked` for those who make clients of Stripe: rare enough to open the signing key only then."""

    async def revoke(connection_id: str, reason: str) -> bool:
        return await mark_revoked(connection_id, reason, await load_signer(vault))

    return revoke


async def _check_free(account_id: str, mode: Mode, organization_id: str) -> None:
    """The chain's lock is one organization's; two of them that connect the same account take turns here."""
    await rows("SELECT pg_advisory_xact_lock(hashtextextended({}, 0))", f"stripe_connections/{mode}/{account_id}")
    taken = await row(
        "SELECT id FROM stripe_connections WHERE mode = {} AND stripe_account_id = {} AND status = 'active' "
        "AND organization_id <> {}",
        mode,
        account_id,
        organization_id,
    )
    if taken is not None:
        raise AccountTaken(
            "This Stripe account is connected to another organization. It has to be disconnected there, or Axiru "
            "uninstalled in Stripe's dashboard, before it can be connected here.",
            state="taken",
        )


async def _give_default(connection_id: str, organization_id: str, mode: Mode) -> None:
    """Make this the default where no active connection is."""
    default = await row(
        "SELECT id, status FROM stripe_connections WHERE organization_id = {} AND mode = {} AND is_default",
        organization_id,
        mode,
    )
    if default is not None and default["status"] == "active":
        return
    if default is not None:
        await rows("UPDATE stripe_connections SET is_default = false WHERE id = {}", default["id"])
    await rows("UPDATE stripe_connections SET is_default = true WHERE id = {}", connection_id)
