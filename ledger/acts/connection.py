"""Connections to Stripe: made, renewed, granted to, taken back; each sealed in the chain of their mode.

Stripe gives an app every permission of its manifest at once. What Axiru may write on an account is what an admin
granted here, action by action, where the action is enforced; nothing else is ever used.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from axiru.stripe_oauth import ACCESS_TOKEN_SECONDS, Grant
from axiru.vault import Vault, refresh_context, token_context
from ledger.acts.chain import Act, act, json, salted
from ledger.acts.member_record import check_admin
from ledger.acts.vote import ReasonRequired
from ledger.entry import EntrySigner
from ledger.keys import load_signer

WriteAction = Literal["refund", "payout", "transfer", "app_fee_refund", "dispute"]

ConnectionChange = Literal[
    "connected", "reconnected", "revoked", "disconnected", "granted", "grant_revoked", "renamed", "made_default"
]
LONGEST_REASON: Final = 2_000
_RAIL: Final = "stripe"


class ConnectionNotFound(AxiruError):
    """There is no such connection in this organization."""

    code = "not_found"


class ConnectionNotActive(AxiruError):
    """The connection was revoked or disconnected: nothing can be done with it before it is connected again."""

    code = "conflict"


class AccountTaken(AxiruError):
    """Another organization is connected to this account of Stripe: controls and budgets of one would not bind the
    other."""

    code = "conflict"


class SurfaceNotEnforced(AxiruError):
    """A write scope is granted where the action is enforced, and nowhere else."""

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
            vault.seal(grant.access_token.encode(), context=token_context(connection_id)),
            vault.seal(grant.refresh_token.encode(), context=refresh_context(connection_id)),
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
        _seal(connecting, connection_id, "active", "reconnected" if before else "connected", facts)
    return Connected(connection_id, before is not None)


async def grant_action(
    connection_id: str, action: WriteAction, *, organization_id: str, member_id: str, reason: str, signer: EntrySigner
) -> None:
    """Let Axiru make this kind of movement on the account; what is granted already is not sealed again.

    Raises NotEligible, ReasonRequired, ConnectionNotFound, ConnectionNotActive, SurfaceNotEnforced.
    """
    _check_reason(reason)
    async with act(signer, organization_id, await _mode_of(connection_id, organization_id)) as granting:
        await check_admin(member_id, organization_id)
        found = await _connection(connection_id)
        _check_active(found)
        if action in found["write_actions"]:
            return
        if await surface_mode(connection_id, action, organization_id, granting.mode) != "enforce":
            raise SurfaceNotEnforced(
                f"stripe.{action} is not enforced for this connection. A write scope is granted where its action is "
                "enforced: set the surface first.",
                surface=f"{_RAIL}.{action}",
                surface_mode="shadow",
            )
        await _write(connection_id, sorted({*found["write_actions"], action}))
        facts = {"member_id": member_id, "action": action, "reason": reason}
        _seal(granting, connection_id, "active", "granted", facts)


async def revoke_grant(
    connection_id: str, action: WriteAction, *, organization_id: str, member_id: str, signer: EntrySigner
) -> None:
    """Use this permission no more, from now on; calls not made yet fail as `write_scope_missing`. Done twice, once.

    Raises NotEligible, ConnectionNotFound.
    """
    async with act(signer, organization_id, await _mode_of(connection_id, organization_id)) as revoking:
        await check_admin(member_id, organization_id)
        found = await _connection(connection_id)
        if action not in found["write_actions"]:
            return
        await _write(connection_id, sorted(set(found["write_actions"]) - {action}))
        facts = {"member_id": member_id, "action": action}
        _seal(revoking, connection_id, found["status"], "grant_revoked", facts)


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
    async with act(signer, organization_id, await _mode_of(connection_id, organization_id)) as changing:
        await check_admin(member_id, organization_id)
        found = await _connection(connection_id)
        if name is not None and name != found["name"]:
            await rows("UPDATE stripe_connections SET name = {} WHERE id = {}", name, connection_id)
            _seal(changing, connection_id, found["status"], "renamed", {"member_id": member_id}, {"name": name})
        if make_default and not found["is_default"]:
            _check_active(found)
            await rows(
                "UPDATE stripe_connections SET is_default = false WHERE organization_id = {} AND mode = {} "
                "AND is_default",
                organization_id,
                changing.mode,
            )
            await rows("UPDATE stripe_connections SET is_default = true WHERE id = {}", connection_id)
            _seal(changing, connection_id, "active", "made_default", {"member_id": member_id})


async def disconnect(
    connection_id: str, *, organization_id: str, member_id: str, reason: str, vault: Vault, signer: EntrySigner
) -> bool:
    """End a connection here: its tokens are erased and its grants taken away. Whether it was not ended before.

    Raises NotEligible, ReasonRequired, ConnectionNotFound.
    """
    _check_reason(reason)
    async with act(signer, organization_id, await _mode_of(connection_id, organization_id)) as ending:
        await check_admin(member_id, organization_id)
        found = await _connection(connection_id)
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
            vault.seal(b"", context=token_context(connection_id)),
            connection_id,
        )
        facts = {"member_id": member_id, "reason": reason}
        _seal(ending, connection_id, "disconnected", "disconnected", facts)
    return True


async def mark_revoked(connection_id: str, reason: str, signer: EntrySigner) -> bool:
    """Stripe takes this connection's tokens no more: nothing uses them from now on, and every view says why.

    `reason` is a sentence for people. Whether it was active before; one that was not stays as it is. Raises
    ConnectionNotFound.
    """
    found = await row("SELECT organization_id, mode FROM stripe_connections WHERE id = {}", connection_id)
    if found is None:
        raise ConnectionNotFound("There is no such connection.")
    async with act(signer, found["organization_id"], found["mode"]) as revoking:
        ended = await rows(
            "UPDATE stripe_connections SET status = 'revoked', status_reason = {}, status_changed_at = {} "
            "WHERE id = {} AND status = 'active' RETURNING id",
            reason[:LONGEST_REASON],
            revoking.now,
            connection_id,
        )
        if ended:
            _seal(revoking, connection_id, "revoked", "revoked", {"member_id": None, "reason": reason})
    return bool(ended)


def revoking_with(vault: Vault) -> Callable[[str, str], Awaitable[bool]]:
    """`mark_revoked` for those who make clients of Stripe: rare enough to open the signing key only then."""

    async def revoke(connection_id: str, reason: str) -> bool:
        return await mark_revoked(connection_id, reason, await load_signer(vault))

    return revoke


async def surface_mode(connection_id: str, action: str, organization_id: str, mode: Mode) -> str:
    """`enforce` or `shadow`: what was said of this connection, else of all; what was never set is in shadow."""
    found = await row(
        """
        SELECT surface_mode FROM surfaces WHERE organization_id = {} AND mode = {} AND rail = {} AND rail_action = {}
            AND stripe_connection_id = ANY({}::text[]) ORDER BY stripe_connection_id DESC LIMIT 1
        """,
        organization_id,
        mode,
        _RAIL,
        action,
        ["", connection_id],
    )
    return str(found["surface_mode"]) if found else "shadow"


def _seal(
    acting: Act,
    connection_id: str,
    status: str,
    change: ConnectionChange,
    facts: Mapping[str, Any],
    personal: Mapping[str, Any] | None = None,
) -> None:
    data = {"connection_id": connection_id, "change": change, "status": status, **facts}
    acting.seal("connection", data, personal=salted(personal or {}))
    acting.tell("connection", {"connection_id": connection_id, "status": status, "change": change})


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise ReasonRequired("Say why.", field="reason")


def _check_active(found: Mapping[str, Any]) -> None:
    if found["status"] != "active":
        raise ConnectionNotActive(
            f"This connection is {found['status']}. Connect the account again first.", state=found["status"]
        )


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


async def _write(connection_id: str, actions: list[str]) -> None:
    await rows("UPDATE stripe_connections SET write_actions = {}::text[] WHERE id = {}", actions, connection_id)


async def _mode_of(connection_id: str, organization_id: str) -> Mode:
    found = await row(
        "SELECT mode FROM stripe_connections WHERE id = {} AND organization_id = {}", connection_id, organization_id
    )
    if found is None:
        raise ConnectionNotFound("There is no such connection.")
    mode: Mode = found["mode"]
    return mode


async def _connection(connection_id: str) -> dict[str, Any]:
    found = await row(
        "SELECT status, name, write_actions, is_default FROM stripe_connections WHERE id = {}", connection_id
    )
    if found is None:
        raise ConnectionNotFound("There is no such connection.")
    return found
