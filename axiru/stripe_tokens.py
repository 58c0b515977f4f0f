"""Access tokens of Stripe connections: opened, and exchanged before they end, by one process at a time.

A refresh token is good once, and its answer is the only place where the next one stands. So:

* who exchanges holds a lease on the row (`refreshing_until`), for longer than the call can take; all others go on with
  the token they have, or wait;
* the new pair is committed before anybody uses it; where the database does not answer, storing is tried again for as
  long as the lease lasts;
* an exchange goes on when whoever asked for it gives up waiting.

What is left is a process that dies between Stripe's answer and the commit, or an answer lost on the way. The lease then
runs out and the next one asks with the old refresh token. Where Stripe gives the same answer again (the request carries
an idempotency key), nothing is lost; where it says `invalid_grant`, the connection is revoked, with that as its reason,
and has to be connected again. Exchanging begins well before the access token ends, so that this is found out early.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final

import asyncpg
import msgspec
import stripe
import structlog

from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.settings import Settings
from axiru.stripe_oauth import ACCESS_TOKEN_SECONDS, Grant, StripeOutOfReach, TokensRefused, exchange_refresh_token
from axiru.vault import Vault, refresh_context, token_context

MARGIN_SECONDS: Final = 600
"""An access token with less than this left is exchanged."""
_STILL_GOOD_SECONDS: Final = 60
"""A token with more than this left is used while another is fetched, or cannot be."""
_LEASE_FACTOR: Final = 2
_POLL_SECONDS: Final = 0.1
_STORE_AGAIN_SECONDS: Final = 0.5

_log = structlog.get_logger("stripe")

OnRevoked = Callable[[str, str], Awaitable[object]]
"""Told the connection's id and a sentence why Stripe takes its tokens no more."""

CUT_OFF: Final = (
    "An exchange of its tokens was cut off before the new ones were stored, and Stripe no longer takes the old ones. "
    "Connect the account again."
)
ENDED: Final = (
    "Stripe no longer takes its refresh token: access was taken back in Stripe, or the token was not used for a year. "
    "Connect the account again."
)


class Access(msgspec.Struct, frozen=True):
    """A token that works now, and the account it is for."""

    token: str
    stripe_account_id: str
    mode: Mode


class _Kept(msgspec.Struct, frozen=True):
    """A connection's tokens as they are sealed in its row."""

    organization_id: str
    stripe_account_id: str
    mode: Mode
    token: bytes
    refresh: bytes | None
    seconds_left: float | None
    refreshed_at: Any
    cut_off: bool = False

    @property
    def is_fresh(self) -> bool:
        """Keys and tokens without an end are; they are never exchanged."""
        return self.refresh is None or self.seconds_left is None or self.seconds_left > MARGIN_SECONDS

    @property
    def is_good(self) -> bool:
        return self.is_fresh or (self.seconds_left or 0) > _STILL_GOOD_SECONDS


class StripeTokens:
    """The tokens of all connections, for one process."""

    def __init__(self, settings: Settings, vault: Vault, on_revoked: OnRevoked) -> None:
        self._settings = settings
        self._vault = vault
        self._on_revoked = on_revoked
        self._lease_seconds = float(_LEASE_FACTOR * settings.stripe_timeout_seconds)
        self._exchanging: dict[str, asyncio.Task[Access | None]] = {}

    async def close(self) -> None:
        """Wait for exchanges under way: one that is dropped would lose its answer."""
        await asyncio.gather(*self._exchanging.values(), return_exceptions=True)

    async def of(self, connection_id: str) -> Access | None:
        """A token that works; None where there is no such connection, or it is not active.

        Raises stripe.APIConnectionError where a new token is needed and Stripe does not answer, ConfigurationInvalid
        where the app's key is missing, VaultSealBroken, VaultKeyUnknown.
        """
        kept = await _kept(connection_id)
        if kept is None or kept.is_fresh:
            return self._opened(connection_id, kept)
        return await self._exchanged(connection_id, kept)

    async def renew(self, connection_id: str) -> Access | None:
        """As `of`, after an exchange now, whatever time is left: for a token that Stripe did not take.

        Raises stripe.APIConnectionError as well while only that one is to be had: another process is exchanging it, or
        Stripe does not answer.
        """
        kept = await _kept(connection_id)
        before = self._opened(connection_id, kept)
        if kept is None or kept.refresh is None:
            return before
        after = await self._exchanged(connection_id, kept)
        if after is not None and after == before:
            raise _away("This connection's token is refused, and there is no other yet.")
        return after

    async def _exchanged(self, connection_id: str, seen: _Kept) -> Access | None:
        task = self._exchanging.get(connection_id)
        if task is None:
            task = asyncio.create_task(self._exchange(connection_id, seen))
            self._exchanging[connection_id] = task
            task.add_done_callback(lambda _: self._exchanging.pop(connection_id, None))
        return await asyncio.shield(task)

    async def _exchange(self, connection_id: str, seen: _Kept) -> Access | None:
        """Take the lease and exchange, or go on with what another process got. `seen` is what is not good enough."""
        until = monotonic() + self._lease_seconds
        while monotonic() < until:
            leased = await self._lease(connection_id)
            if leased is not None:
                if leased.refreshed_at != seen.refreshed_at:
                    await _release(connection_id)
                    return self._opened(connection_id, leased)
                return await self._exchange_leased(connection_id, leased)
            kept = await _kept(connection_id)
            if kept is None or kept.refreshed_at != seen.refreshed_at or kept.is_good:
                return self._opened(connection_id, kept)
            await asyncio.sleep(_POLL_SECONDS)
        raise _away("Another process is exchanging this connection's tokens and does not finish.")

    async def _exchange_leased(self, connection_id: str, leased: _Kept) -> Access | None:
        if leased.refresh is None:
            return self._opened(connection_id, leased)
        began = monotonic()
        refresh_token = self._vault.open(
            leased.refresh, context=refresh_context(leased.organization_id, connection_id)
        ).decode()
        try:
            grant = await exchange_refresh_token(self._settings, leased.mode, refresh_token)
        except TokensRefused as refused:
            return await self._refused(connection_id, leased, refused)
        except StripeOutOfReach as away:
            if not away.sent:
                await _release(connection_id)
            _log.warning("stripe_tokens_not_exchanged", connection_id=connection_id, error=away.message)
            if leased.is_good:
                return self._opened(connection_id, leased)
            raise _away(f"This connection needs a new token. {away.message}") from away
        await self._store(connection_id, leased, grant, began)
        return self._opened(connection_id, await _kept(connection_id))

    async def _refused(self, connection_id: str, leased: _Kept, refused: TokensRefused) -> Access | None:
        if refused.of == "grant":
            now = await _kept(connection_id)
            if now is None or now.refreshed_at != leased.refreshed_at:
                return self._opened(connection_id, now)
            await self._on_revoked(connection_id, CUT_OFF if leased.cut_off else ENDED)
            await _release(connection_id)
            return None
        # How the app is set up here says nothing about the connection: its token is good for as long as it lasts.
        await _release(connection_id)
        _log.error("stripe_app_refused", connection_id=connection_id, error=refused.message)
        if leased.is_good:
            return self._opened(connection_id, leased)
        raise _away(f"This connection needs a new token. {refused.message}") from refused

    async def _store(self, connection_id: str, leased: _Kept, grant: Grant, began: float) -> None:
        """Raises what the database raised last once the lease is over: the tokens are lost then."""
        place = (leased.organization_id, connection_id)
        token = self._vault.seal(grant.access_token.encode(), context=token_context(*place))
        refresh = self._vault.seal(grant.refresh_token.encode(), context=refresh_context(*place))
        while True:
            try:
                await rows(
                    """
                    UPDATE stripe_connections SET token_ciphertext = {}, refresh_ciphertext = {}, scope = {},
                        token_expires_at = clock_timestamp() + make_interval(secs => {}),
                        refreshed_at = clock_timestamp(), refreshing_until = NULL
                    WHERE id = {} AND status = 'active' AND refreshed_at IS NOT DISTINCT FROM {}
                    """,
                    token,
                    refresh,
                    grant.scope,
                    ACCESS_TOKEN_SECONDS - (monotonic() - began),
                    connection_id,
                    leased.refreshed_at,
                )
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if monotonic() - began > self._lease_seconds:
                    _log.critical("stripe_tokens_lost", connection_id=connection_id)
                    raise
                await asyncio.sleep(_STORE_AGAIN_SECONDS)
            else:
                return

    async def _lease(self, connection_id: str) -> _Kept | None:
        """The tokens as they are behind the lease; None while another holds it, or nothing is to be exchanged."""
        found = await row(
            """
            WITH was AS (SELECT id, refreshing_until FROM stripe_connections WHERE id = {} FOR UPDATE)
            UPDATE stripe_connections c SET refreshing_until = clock_timestamp() + make_interval(secs => {})
            FROM was WHERE c.id = was.id AND c.status = 'active'
                AND (was.refreshing_until IS NULL OR was.refreshing_until < clock_timestamp())
            RETURNING c.organization_id, c.stripe_account_id, c.mode, c.token_ciphertext AS token,
                c.refresh_ciphertext AS refresh,
                extract(epoch FROM c.token_expires_at - clock_timestamp())::float8 AS seconds_left, c.refreshed_at,
                was.refreshing_until IS NOT NULL AS cut_off
            """,
            connection_id,
            self._lease_seconds,
        )
        return _as_kept(found)

    def _opened(self, connection_id: str, kept: _Kept | None) -> Access | None:
        if kept is None:
            return None
        token = self._vault.open(kept.token, context=token_context(kept.organization_id, connection_id)).decode()
        return Access(token, kept.stripe_account_id, kept.mode)


async def _kept(connection_id: str) -> _Kept | None:
    return _as_kept(
        await row(
            """
            SELECT organization_id, stripe_account_id, mode, token_ciphertext AS token, refresh_ciphertext AS refresh,
                refreshed_at,
                extract(epoch FROM token_expires_at - clock_timestamp())::float8 AS seconds_left
            FROM stripe_connections WHERE id = {} AND status = 'active'
            """,
            connection_id,
        )
    )


def _away(message: str) -> stripe.APIConnectionError:
    """As what every caller of Stripe is ready for: nothing was sent on behalf of the connection."""
    return stripe.APIConnectionError(message)  # type: ignore[no-untyped-call]


async def _release(connection_id: str) -> None:
    await rows("UPDATE stripe_connections SET refreshing_until = NULL WHERE id = {}", connection_id)


def _as_kept(found: dict[str, Any] | None) -> _Kept | None:
    if found is None:
        return None
    refresh = found["refresh"]
    return _Kept(**{**found, "token": bytes(found["token"]), "refresh": None if refresh is None else bytes(refresh)})
