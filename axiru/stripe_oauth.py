"""Stripe's token endpoint for Stripe Apps, with the app's own secret key.

https://docs.stripe.com/stripe-apps/api-authentication/oauth: a code is good once and for five minutes; an access token
for an hour, which the answer does not say; a refresh token for a year, and it ends when it is exchanged for the next.
"""

import asyncio
import hashlib
from typing import Final, Literal

import httpx
import msgspec

from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from axiru.settings import Settings

ACCESS_TOKEN_SECONDS: Final = 3_600
_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429

Refused = Literal["grant", "app"]


class TokensRefused(AxiruError):
    """Stripe answered and gave no tokens.

    `of` says whose fault it is: the code or refresh token (`grant`: RFC 6749 §5.2 `invalid_grant`), or how the app is
    set up here (`app`), which says nothing about the connection.
    """

    code = "stripe_tokens_refused"

    def __init__(self, of: Refused, error: str, description: str) -> None:
        super().__init__(f"Stripe gave no tokens: {description or error}", of=of, stripe_error=error)
        self.of: Refused = of


class StripeOutOfReach(AxiruError):
    """No answer that says what Stripe did. A code or refresh token that was sent may be used up.

    `sent` is False where the request never left: nothing happened.
    """

    code = "stripe_out_of_reach"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message, sent=sent)
        self.sent = sent


class Grant(msgspec.Struct, frozen=True):
    """What Stripe answers a code or a refresh token with. Neither token is ever logged or told."""

    access_token: str
    refresh_token: str
    stripe_user_id: str
    livemode: bool
    scope: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    """OAuth's own form (RFC 6749 §5.2), or Stripe's API's, whose `error` is an object."""

    error: str | dict[str, object] = ""
    error_description: str = ""


def app_key(settings: Settings, mode: Mode) -> str:
    """The secret key of the account that owns the Stripe App, of one mode. Raises ConfigurationInvalid without one."""
    match mode:
        case "test":
            settings.require("stripe_app_key_test")
            return settings.stripe_app_key_test
        case "live":
            settings.require("stripe_app_key_live")
            return settings.stripe_app_key_live


def client_id(settings: Settings, mode: Mode) -> str:
    """The Stripe App's OAuth client id of one mode. Raises ConfigurationInvalid without one."""
    match mode:
        case "test":
            settings.require("stripe_client_id_test")
            return settings.stripe_client_id_test
        case "live":
            settings.require("stripe_client_id_live")
            return settings.stripe_client_id_live


async def exchange_code(settings: Settings, mode: Mode, code: str, *, verifier: str | None) -> Grant:
    """Tokens for the code a callback brought; `verifier` where PKCE began it.

    Raises TokensRefused, StripeOutOfReach, ConfigurationInvalid.
    """
    proof = {} if verifier is None else {"code_verifier": verifier}
    return await _tokens(settings, mode, {"grant_type": "authorization_code", "code": code, **proof}, headers={})


async def exchange_refresh_token(settings: Settings, mode: Mode, refresh_token: str) -> Grant:
    """The next tokens; the refresh token sent is used up by it.

    Raises TokensRefused, StripeOutOfReach, ConfigurationInvalid.
    """
    # Stripe takes this header on every POST of its API; of the token endpoint it says nothing. Where it is heeded, an
    # exchange whose answer was lost gives the same tokens again instead of none.
    key = f"axiru-refresh-{hashlib.sha256(refresh_token.encode()).hexdigest()}"
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return await _tokens(settings, mode, form, headers={"Idempotency-Key": key})


async def deauthorize(settings: Settings, mode: Mode, stripe_account_id: str) -> bool:
    """Ask Stripe to take the app's access back; whether Stripe says it did.

    Stripe documents this call for Connect (https://docs.stripe.com/connect/oauth-reference), not for Stripe Apps: where
    it is refused, the app is uninstalled in Stripe's dashboard.
    """
    form = {"client_id": client_id(settings, mode), "stripe_user_id": stripe_account_id}
    try:
        answer = await _post(settings, mode, "/v1/oauth/deauthorize", form, headers={})
    except StripeOutOfReach:
        return False
    return answer.is_success


async def _tokens(settings: Settings, mode: Mode, form: dict[str, str], *, headers: dict[str, str]) -> Grant:
    answer = await _post(settings, mode, "/v1/oauth/token", form, headers=headers)
    if answer.is_success:
        try:
            return msgspec.json.decode(answer.content, type=Grant)
        except msgspec.DecodeError as error:
            raise StripeOutOfReach("Stripe's answer could not be read.", sent=True) from error
    raise _refusal(answer)


async def _post(
    settings: Settings, mode: Mode, path: str, form: dict[str, str], *, headers: dict[str, str]
) -> httpx.Response:
    key = app_key(settings, mode)
    try:
        async with (
            asyncio.timeout(settings.stripe_timeout_seconds),
            httpx.AsyncClient(timeout=settings.stripe_timeout_seconds) as client,
        ):
            return await client.post(f"{settings.stripe_api_base}{path}", data=form, headers=headers, auth=(key, ""))
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise StripeOutOfReach("Stripe cannot be reached.", sent=False) from error
    except (httpx.HTTPError, TimeoutError) as error:
        raise StripeOutOfReach("Stripe did not answer.", sent=True) from error


def _refusal(answer: httpx.Response) -> TokensRefused | StripeOutOfReach:
    if answer.status_code == _TOO_MANY:
        return StripeOutOfReach("Stripe asks to be asked later.", sent=False)
    if answer.status_code >= _SERVER_ERROR:
        return StripeOutOfReach(f"Stripe answered {answer.status_code}.", sent=True)
    try:
        said = msgspec.json.decode(answer.content, type=_Refusal)
    except msgspec.DecodeError:
        said = _Refusal()
    error = said.error if isinstance(said.error, str) else str(said.error.get("code") or said.error.get("type") or "")
    return TokensRefused("grant" if error == "invalid_grant" else "app", error, said.error_description)
