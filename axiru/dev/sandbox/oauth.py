"""OAuth for Stripe Apps: the page that asks, the token endpoint, and how access ends.

https://docs.stripe.com/stripe-apps/api-authentication/oauth
"""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler

from axiru.dev.sandbox.answers import Answer, new_id, ok
from axiru.dev.sandbox.authentication import presented_key
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.clock import Clock
from axiru.dev.sandbox.consent_page import consent_page, refusal_page
from axiru.dev.sandbox.faults import FaultKind
from axiru.dev.sandbox.forms import parse_form
from axiru.dev.sandbox.installations import (
    APP_KEY_LIVE,
    APP_KEY_TEST,
    APP_NAME,
    CLIENT_ID_LIVE,
    CLIENT_ID_TEST,
    LIVE_ACCOUNTS,
    OAuthRefusal,
    is_live,
)
from axiru.dev.sandbox.journal import ReceivedRequest
from axiru.dev.sandbox.refusals import StripeRefusal, internal_error
from axiru.dev.sandbox.store import Store
from axiru.dev.sandbox.stripe_api import Incoming, StripeApi
from axiru.dev.sandbox.webhooks import Webhooks

PATHS: Final = frozenset({"/v1/oauth/token", "/v1/oauth/deauthorize"})
_CARRIED: Final = ("client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")
_ACCOUNT: Final = re.compile(r"acct_[A-Za-z0-9_]{1,80}")
_LIVEMODE_OF_KEY: Final = {APP_KEY_TEST: False, APP_KEY_LIVE: True}
_LIVEMODE_OF_CLIENT: Final = {CLIENT_ID_TEST: False, CLIENT_ID_LIVE: True}


class OAuth:
    """Answers what comes to `PATHS`, with the same faults and journal as the rest of the API."""

    def __init__(self, api: StripeApi, store: Store, clock: Clock, webhooks: Webhooks | None) -> None:
        self._api = api
        self._installations = api.installations
        self._store = store
        self._clock = clock
        self._webhooks = webhooks

    async def answer(self, incoming: Incoming) -> Answer | None:
        """The answer to send; None when a fault asks for the connection to be closed without one."""
        entry = ReceivedRequest(new_id("req"), time.time(), incoming.method, incoming.path)
        self._api.journal.append(entry)
        fault = self._api.faults.take(incoming.method, incoming.path)
        kind = entry.fault = None if fault is None else fault.kind
        if fault is not None and kind is FaultKind.DELAY_BEFORE_SECONDS:
            await asyncio.sleep(fault.seconds)
        answer = internal_error().answer() if kind is FaultKind.STATUS_500_BEFORE else self._executed(incoming)
        if fault is not None and kind is FaultKind.HANG_SECONDS:
            await asyncio.sleep(fault.seconds)
        if kind is FaultKind.DROP_CONNECTION_AFTER:
            return None
        if kind is FaultKind.STATUS_500_AFTER:
            answer = internal_error().answer()
        entry.status = answer.status
        return answer

    def agreed(self, account: str, *, challenge: str | None) -> str:
        """The owner of an account has installed the app: a code for it, and the event that says so."""
        code = self._installations.issue_code(account, challenge=challenge)
        self._tell("account.application.authorized", account)
        return code

    def uninstalled(self, account: str) -> bool:
        """The app is taken off an account, whoever did it; whether it was on it."""
        if not self._installations.uninstall(account):
            return False
        self._tell("account.application.deauthorized", account)
        return True

    def _executed(self, incoming: Incoming) -> Answer:
        try:
            livemode = _livemode(incoming.headers)
            form = {name: value for name, value in parse_form(incoming.body).items() if isinstance(value, str)}
            if incoming.method != "POST":
                raise StripeRefusal("This is asked for by POST.", status=404)
            if incoming.path == "/v1/oauth/token":
                return ok(self._token(form, livemode=livemode))
            return ok(self._deauthorize(form, livemode=livemode))
        except (StripeRefusal, OAuthRefusal) as refusal:
            return refusal.answer()

    def _token(self, form: Mapping[str, str], *, livemode: bool) -> dict[str, Any]:
        match form.get("grant_type"):
            case "authorization_code":
                verifier = form.get("code_verifier")
                return self._installations.exchange_code(_required(form, "code"), verifier=verifier, livemode=livemode)
            case "refresh_token":
                return self._installations.refresh(_required(form, "refresh_token"), livemode=livemode)
            case None:
                raise OAuthRefusal("invalid_request", "No grant type specified")
            case other:
                raise OAuthRefusal("unsupported_grant_type", f"Unsupported grant type: {other}")

    def _deauthorize(self, form: Mapping[str, str], *, livemode: bool) -> dict[str, Any]:
        """https://docs.stripe.com/connect/oauth-reference#post-deauthorize"""
        client_id, account = _required(form, "client_id"), _required(form, "stripe_user_id")
        if _LIVEMODE_OF_CLIENT.get(client_id) is not livemode:
            raise OAuthRefusal("invalid_client", f"No such application: '{client_id}'", status=401)
        if is_live(account) is not livemode or not self.uninstalled(account):
            message = f"This application is not connected to stripe account {account}"
            raise OAuthRefusal("invalid_client", message, status=401)
        return {"stripe_user_id": account}

    def _tell(self, event_type: str, account: str) -> None:
        books = Books(self._store, account=account, now=self._clock.now(), announces=self._webhooks is not None)
        client_id = CLIENT_ID_LIVE if is_live(account) else CLIENT_ID_TEST
        with self._store.transaction():
            books.record_event(event_type, {"id": client_id, "object": "application", "name": APP_NAME})
        if self._webhooks is not None:
            self._webhooks.wake()


class Uninstall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The owner takes the app off their account, in the dashboard."""

    account: str


def oauth_routes(oauth: OAuth, *, redirect_uris: tuple[str, ...], default_account: str) -> list[HTTPRouteHandler]:
    """The page that asks, and for tests the way of an owner who uninstalls. Only to `redirect_uris` anybody is sent."""

    @get("/oauth/v2/authorize")
    async def ask(request: Request[Any, Any, Any]) -> Response[str]:
        try:
            carried = _checked(dict(request.query_params), redirect_uris)
        except OAuthRefusal as refusal:
            return _html(refusal_page(refusal.description), status=400)
        livemode = _LIVEMODE_OF_CLIENT[carried["client_id"]]
        account = f"{LIVE_ACCOUNTS}demo" if livemode else default_account
        return _html(consent_page(carried, livemode=livemode, account=account))

    @post("/oauth/v2/authorize")
    async def answered(request: Request[Any, Any, Any]) -> Response[str]:
        form = {str(name): str(value) for name, value in (await request.form()).items()}
        account = form.get("account", "")
        try:
            carried = _checked(form, redirect_uris)
            if _ACCOUNT.fullmatch(account) is None or is_live(account) != _LIVEMODE_OF_CLIENT[carried["client_id"]]:
                raise OAuthRefusal("invalid_request", f"There is no account '{account}' in this mode.")
        except OAuthRefusal as refusal:
            return _html(refusal_page(refusal.description), status=400)
        if form.get("decision") == "approve":
            said = {"code": oauth.agreed(account, challenge=carried.get("code_challenge"))}
        else:
            said = {"error": "access_denied", "error_description": "The user denied your request"}
        state = {"state": carried["state"]} if "state" in carried else {}
        return _html("", status=303, headers={"Location": f"{carried['redirect_uri']}?{urlencode({**said, **state})}"})

    @post("/_sandbox/oauth/uninstall", status_code=200)
    async def uninstall(data: Uninstall) -> dict[str, bool]:
        return {"uninstalled": oauth.uninstalled(data.account)}

    return [ask, answered, uninstall]


def _checked(given: Mapping[str, str], redirect_uris: tuple[str, ...]) -> dict[str, str]:
    """Raises OAuthRefusal: then nobody is redirected anywhere."""
    carried = {name: given[name] for name in _CARRIED if name in given}
    if carried.get("client_id") not in _LIVEMODE_OF_CLIENT:
        raise OAuthRefusal("invalid_client", f"No application matches the supplied client identifier: {carried}")
    carried.setdefault("redirect_uri", redirect_uris[0] if redirect_uris else "")
    if carried["redirect_uri"] not in redirect_uris:
        raise OAuthRefusal("invalid_redirect_uri", "The redirect URI is not among those of the app's manifest.")
    if "code_challenge" in carried and carried.get("code_challenge_method") != "S256":
        raise OAuthRefusal("invalid_request", "The code challenge method must be S256.")
    return carried


def _livemode(headers: Mapping[str, str]) -> bool:
    """By the app's own secret key. Raises StripeRefusal: a token, and anybody else's key, opens nothing here."""
    key = presented_key(headers.get("authorization", ""))
    if key not in _LIVEMODE_OF_KEY:
        raise StripeRefusal("Invalid API Key provided: use the secret key of the app's owner.", status=401)
    return _LIVEMODE_OF_KEY[key]


def _required(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise OAuthRefusal("invalid_request", f"No {name} specified")
    return value


def _html(body: str, *, status: int = 200, headers: dict[str, str] | None = None) -> Response[str]:
    return Response(body, status_code=status, media_type=MediaType.HTML, headers=headers or {})
