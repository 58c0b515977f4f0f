"""Clients of Stripe with a connection's token, that notice when Stripe takes the token no more."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import stripe
import structlog

from axiru.settings import Settings
from axiru.stripe_tokens import Access, OnRevoked, StripeTokens
from axiru.vault import Vault

TAKEN_BACK: Final = "Stripe refuses its token: access was taken back in Stripe. Connect the account again."
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_log = structlog.get_logger("stripe")


class StripeAccess:
    """Makes clients that share one pool of HTTP connections."""

    def __init__(
        self, settings: Settings, vault: Vault, on_revoked: OnRevoked, *, timeout_seconds: float | None = None
    ) -> None:
        self._api_base = settings.stripe_api_base
        self._on_revoked = on_revoked
        self._tokens = StripeTokens(settings, vault, on_revoked)
        self._http = stripe.HTTPXClient(timeout=timeout_seconds or settings.stripe_timeout_seconds)
        self._checks: dict[str, asyncio.Task[bool]] = {}

    async def close(self) -> None:
        """Finish what is under way for a token, and close the connections to Stripe."""
        await asyncio.gather(*self._checks.values(), return_exceptions=True)
        await self._tokens.close()
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def client(self, connection_id: str) -> stripe.StripeClient | None:
        """A client with the connection's token; None where there is no such connection, or it is not active.

        Raises what `StripeTokens.of` raises.
        """
        access = await self._tokens.of(connection_id)
        return self._client(connection_id, access) if access is not None else None

    async def account_of(self, connection_id: str) -> tuple[stripe.StripeClient, str] | None:
        """As `client`, with the id of the account it is for."""
        access = await self._tokens.of(connection_id)
        return (self._client(connection_id, access), access.stripe_account_id) if access is not None else None

    async def check(self, connection_id: str) -> bool:
        """Ask Stripe whether it takes the connection's token; one that it does not is revoked.

        Whether the connection can still be used. Says so as well where Stripe does not answer: nothing is known then.
        Raises what `StripeTokens.renew` raises.
        """
        access = await self._tokens.of(connection_id)
        if access is None:
            return False
        if await self._is_taken(access):
            return True
        renewed = await self._tokens.renew(connection_id)
        if renewed is None:
            return False
        if renewed.token != access.token and await self._is_taken(renewed):
            return True
        await self._on_revoked(connection_id, TAKEN_BACK)
        return False

    def doubt(self, connection_id: str) -> None:
        """Check in the background: Stripe refused a call, which may be about the call or about the connection."""
        if connection_id not in self._checks:
            task = asyncio.create_task(self.check(connection_id))
            self._checks[connection_id] = task
            task.add_done_callback(lambda done: self._checked(connection_id, done))

    def _checked(self, connection_id: str, done: asyncio.Task[bool]) -> None:
        self._checks.pop(connection_id, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            _log.warning("stripe_access_not_checked", connection_id=connection_id, error=type(error).__name__)

    async def _is_taken(self, access: Access) -> bool:
        """False only for an answer that is about the token itself."""
        headers = {"Authorization": f"Bearer {access.token}"}
        try:
            content, status, _ = await self._http.request_async("get", f"{self._api_base}/v1/account", headers)
        except stripe.APIConnectionError:
            return True
        return not is_about_the_token(status, content)

    def _client(self, connection_id: str, access: Access) -> stripe.StripeClient:
        # The library's own retries would pass the check that every attempt to move money has to make.
        return stripe.StripeClient(
            access.token,
            base_addresses={"api": self._api_base},
            max_network_retries=0,
            http_client=_Watched(self._http, self, connection_id),
        )


class _Said(msgspec.Struct, frozen=True):
    code: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    error: _Said = _Said()


def is_about_the_token(status: int, content: bytes) -> bool:
    """Whether a refusal says that the token opens nothing any more (https://docs.stripe.com/error-codes)."""
    if status == _UNAUTHORIZED:
        return True
    if status != _FORBIDDEN:
        return False
    try:
        return msgspec.json.decode(content, type=_Refusal).error.code == "account_invalid"
    except msgspec.DecodeError:
        return False


class _Watched(stripe.HTTPClient):
    """One connection's view of the shared pool."""

    name = "httpx"

    def __init__(self, http: stripe.HTTPXClient, access: StripeAccess, connection_id: str) -> None:
        super().__init__()
        self._shared = http
        self._access = access
        self._connection_id = connection_id

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        content, status, answered = await self._shared.request_async(method, url, headers, post_data)
        if is_about_the_token(status, content):
            self._access.doubt(self._connection_id)
        return content, status, answered

    async def sleep_async(self, secs: float) -> None:
        await self._shared.sleep_async(secs)  # type: ignore[no-untyped-call]
