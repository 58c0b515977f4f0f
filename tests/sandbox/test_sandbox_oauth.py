"""Installing the Stripe App: consent, codes, tokens that end, and uninstalling, as Stripe describes them."""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest
import stripe

from axiru.dev.sandbox.installations import APP_KEY_LIVE, APP_KEY_TEST, CLIENT_ID_LIVE, CLIENT_ID_TEST
from axiru.domain.stripe_permissions import PERMISSIONS

CALLBACK = "https://axiru.example/stripe/callback"
HOUR = 3_600


class App:
    """The Stripe App's side, and the browser of an account's owner."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(base_url=sandbox.url)

    def ask(self, **query: str) -> httpx.Response:
        return self.http.get("/oauth/v2/authorize", params={"client_id": CLIENT_ID_TEST, **query})

    def answer(self, account: str = "acct_shop", decision: str = "approve", **form: str) -> httpx.Response:
        given = {"client_id": CLIENT_ID_TEST, "redirect_uri": CALLBACK, "account": account, "decision": decision}
        return self.http.post("/oauth/v2/authorize", data={**given, **form})

    def code(self, account: str = "acct_shop", **form: str) -> str:
        answer = self.answer(account, **form)
        return httpx.URL(answer.headers["location"]).params["code"]

    def token(self, key: str = APP_KEY_TEST, **form: str) -> httpx.Response:
        return self.http.post("/v1/oauth/token", data=form, auth=(key, ""))

    def exchanged(self, code: str, key: str = APP_KEY_TEST, **form: str) -> httpx.Response:
        return self.token(key, grant_type="authorization_code", code=code, **form)

    def refreshed(self, refresh_token: str, key: str = APP_KEY_TEST) -> httpx.Response:
        return self.token(key, grant_type="refresh_token", refresh_token=refresh_token)

    def installed(self, account: str = "acct_shop") -> dict[str, Any]:
        found: dict[str, Any] = self.exchanged(self.code(account)).raise_for_status().json()
        return found

    def opens(self, access_token: str, **headers: str) -> httpx.Response:
        return self.http.get("/v1/account", headers={"Authorization": f"Bearer {access_token}", **headers})


@pytest.fixture
def app(sandbox: Any) -> App:
    """In the sandbox that all share."""
    return App(sandbox)


@pytest.fixture
def own_app(start_sandbox: Callable[..., Any]) -> App:
    """In a sandbox of the test's own, whose clock it moves."""
    return App(start_sandbox("--redirect-uri", CALLBACK))


def test_page_shows_every_permission_and_carries_what_it_was_given(app: App) -> None:
    page = app.ask(redirect_uri=CALLBACK, state='a"><b>')

    assert page.status_code == 200
    for one in PERMISSIONS:
        assert one.permission in page.text
    assert "<b>" not in page.text
    carried = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    assert unescape(carried["state"]) == 'a"><b>'
    assert (carried["client_id"], carried["redirect_uri"]) == (CLIENT_ID_TEST, CALLBACK)


@pytest.mark.parametrize(
    "query",
    [
        {"client_id": "ca_somebody"},
        {"client_id": ""},
        {"redirect_uri": "https://elsewhere.example/"},
        {"redirect_uri": f"{CALLBACK}/more"},
        {"redirect_uri": CALLBACK, "code_challenge": "abc", "code_challenge_method": "plain"},
        {"redirect_uri": CALLBACK, "code_challenge": "abc"},
    ],
)
def test_nobody_is_redirected_where_the_manifest_does_not_say(app: App, query: dict[str, str]) -> None:
    assert app.ask(**query).status_code == 400
    answered = app.answer(**query)
    assert answered.status_code == 400
    assert "location" not in answered.headers


def test_without_a_redirect_uri_the_first_of_the_manifest_is_taken(app: App) -> None:
    page = app.ask()
    assert f'value="{CALLBACK}"' in page.text


def test_agreeing_gives_a_code_and_the_state_back(app: App) -> None:
    answer = app.answer(state="s & t")

    assert answer.status_code == 303
    place = httpx.URL(answer.headers["location"])
    assert str(place.copy_with(query=None)) == CALLBACK
    assert place.params["state"] == "s & t"
    assert place.params["code"].startswith("ac_")


def test_declining_gives_an_error_and_no_code(app: App) -> None:
    place = httpx.URL(app.answer(decision="deny", state="s").headers["location"])

    assert dict(place.params) == {
        "error": "access_denied",
        "error_description": "The user denied your request",
        "state": "s",
    }


@pytest.mark.parametrize("account", ["", "shop", "acct_", "acct_a b", "acct_live_shop", "acct_<script>"])
def test_account_that_is_none_in_this_mode_is_not_installed_on(app: App, account: str) -> None:
    assert app.answer(account).status_code == 400


def test_code_becomes_tokens_of_its_account(app: App) -> None:
    tokens = app.installed("acct_shop")

    assert tokens.keys() == {
        "access_token",
        "livemode",
        "refresh_token",
        "scope",
        "stripe_publishable_key",
        "stripe_user_id",
        "token_type",
    }
    assert (tokens["stripe_user_id"], tokens["livemode"]) == ("acct_shop", False)
    assert (tokens["scope"], tokens["token_type"]) == ("stripe_apps", "bearer")
    assert app.opens(tokens["access_token"]).json()["id"] == "acct_shop"


def test_code_is_good_once(app: App) -> None:
    code = app.code()
    assert app.exchanged(code).status_code == 200

    again = app.exchanged(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_code_is_good_for_five_minutes(own_app: App) -> None:
    in_time, late = own_app.code(), own_app.code()
    own_app.sandbox.advance_clock(5 * 60 - 5)
    assert own_app.exchanged(in_time).status_code == 200
    own_app.sandbox.advance_clock(10)
    assert own_app.exchanged(late).json()["error"] == "invalid_grant"


def test_code_that_was_never_given_is_none(app: App) -> None:
    assert app.exchanged("ac_invented").json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "password", "username": "a"}, "unsupported_grant_type"),
    ],
)
def test_token_endpoint_says_what_it_misses(app: App, form: dict[str, str], error: str) -> None:
    answer = app.token(**form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize("key", ["sk_test_somebody", "rk_test_axiru_app", "", CLIENT_ID_TEST])
def test_only_the_apps_own_key_exchanges(app: App, key: str) -> None:
    code = app.code()
    assert app.exchanged(code, key).status_code == 401
    assert app.exchanged(code).status_code == 200


def test_access_token_does_not_exchange(app: App) -> None:
    tokens = app.installed()
    assert app.refreshed(tokens["refresh_token"], tokens["access_token"]).status_code == 401


def test_key_of_the_other_mode_exchanges_nothing(app: App) -> None:
    assert app.exchanged(app.code(), APP_KEY_LIVE).json()["error"] == "invalid_grant"
    refresh_token = app.installed()["refresh_token"]
    assert app.refreshed(refresh_token, APP_KEY_LIVE).json()["error"] == "invalid_grant"
    assert app.refreshed(refresh_token).status_code == 200


def test_live_account_is_installed_by_the_live_client_and_its_objects_say_so(app: App) -> None:
    code = app.code("acct_live_shop", client_id=CLIENT_ID_LIVE)
    tokens = app.exchanged(code, APP_KEY_LIVE).raise_for_status().json()
    assert tokens["livemode"] is True
    assert tokens["access_token"].startswith("rk_live_")

    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    form = {"amount": "100", "currency": "usd", "source": "tok_visa"}
    charge = app.http.post("/v1/charges", data=form, headers=bearer).raise_for_status().json()
    assert charge["livemode"] is True
    (event,) = app.http.get("/v1/events?type=charge.succeeded", headers=bearer).json()["data"]
    assert event["livemode"] is True


def test_test_key_opens_no_live_account(app: App) -> None:
    answer = app.opens("sk_test_anybody", **{"Stripe-Account": "acct_live_shop"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "account_invalid")


def test_pkce_takes_the_verifier_of_its_challenge_and_no_other(app: App) -> None:
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    proof = {"code_challenge": challenge, "code_challenge_method": "S256"}

    assert app.exchanged(app.code(**proof)).json()["error"] == "invalid_grant"
    assert app.exchanged(app.code(**proof), code_verifier=challenge).json()["error"] == "invalid_grant"
    assert app.exchanged(app.code(**proof), code_verifier=verifier).status_code == 200


def test_access_token_lasts_an_hour(own_app: App) -> None:
    token = own_app.installed()["access_token"]
    own_app.sandbox.advance_clock(HOUR - 5)
    assert own_app.opens(token).status_code == 200
    own_app.sandbox.advance_clock(10)

    ended = own_app.opens(token)
    assert (ended.status_code, ended.json()["error"]["code"]) == (401, "api_key_expired")
    assert token not in ended.text


def test_refresh_token_gives_the_next_ones_and_ends(app: App) -> None:
    first = app.installed()
    second = app.refreshed(first["refresh_token"]).raise_for_status().json()

    assert second.keys() == first.keys()
    assert second["refresh_token"] != first["refresh_token"]
    assert app.opens(second["access_token"]).json()["id"] == "acct_shop"
    assert app.refreshed(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert app.refreshed(second["refresh_token"]).status_code == 200


def test_refresh_token_lasts_a_year_from_when_it_was_given(own_app: App) -> None:
    refresh_token = own_app.installed()["refresh_token"]
    own_app.sandbox.advance_clock(300 * 24 * HOUR)
    next_one = own_app.refreshed(refresh_token).raise_for_status().json()["refresh_token"]
    own_app.sandbox.advance_clock(300 * 24 * HOUR)
    last = own_app.refreshed(next_one).raise_for_status().json()["refresh_token"]
    own_app.sandbox.advance_clock(366 * 24 * HOUR)
    assert own_app.refreshed(last).json()["error"] == "invalid_grant"


def test_access_token_opens_no_account_of_others(app: App) -> None:
    token = app.installed("acct_shop")["access_token"]
    for stranger in ("acct_demo", "acct_demo_merchant_1", "acct_nobody"):
        answer = app.opens(token, **{"Stripe-Account": stranger})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "account_invalid")
    assert app.opens(token, **{"Stripe-Account": "acct_shop"}).status_code == 200


def test_platforms_token_opens_the_accounts_connected_to_it(app: App) -> None:
    token = app.installed("acct_demo")["access_token"]
    assert app.opens(token, **{"Stripe-Account": "acct_demo_merchant_1"}).json()["id"] == "acct_demo_merchant_1"


def test_uninstalling_ends_every_token_and_is_told(app: App) -> None:
    first = app.installed("acct_shop")
    second = app.installed("acct_shop")
    other = app.installed("acct_other")
    uninstalled = app.http.post("/_sandbox/oauth/uninstall", json={"account": "acct_shop"})
    assert uninstalled.json() == {"uninstalled": True}

    for tokens in (first, second):
        refused = app.opens(tokens["access_token"])
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "account_invalid")
        assert app.refreshed(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert app.opens(other["access_token"]).status_code == 200
    assert app.http.post("/_sandbox/oauth/uninstall", json={"account": "acct_shop"}).json() == {"uninstalled": False}
    assert app.opens(app.installed("acct_shop")["access_token"]).status_code == 200


def test_code_that_was_not_exchanged_ends_with_the_installation(app: App) -> None:
    app.installed("acct_shop")
    code = app.code("acct_shop")
    app.http.post("/_sandbox/oauth/uninstall", json={"account": "acct_shop"})
    assert app.exchanged(code).json()["error"] == "invalid_grant"


def test_app_gives_its_access_back(app: App) -> None:
    tokens = app.installed("acct_shop")
    form = {"client_id": CLIENT_ID_TEST, "stripe_user_id": "acct_shop"}

    given_back = app.http.post("/v1/oauth/deauthorize", data=form, auth=(APP_KEY_TEST, ""))
    assert given_back.json() == {"stripe_user_id": "acct_shop"}
    assert app.opens(tokens["access_token"]).status_code == 403
    again = app.http.post("/v1/oauth/deauthorize", data=form, auth=(APP_KEY_TEST, ""))
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("client_id", "account", "key"),
    [
        (CLIENT_ID_LIVE, "acct_shop", APP_KEY_TEST),
        (CLIENT_ID_TEST, "acct_shop", APP_KEY_LIVE),
        ("ca_somebody", "acct_shop", APP_KEY_TEST),
        (CLIENT_ID_TEST, "acct_shop", "sk_test_somebody"),
        (CLIENT_ID_TEST, "acct_never", APP_KEY_TEST),
    ],
)
def test_nobody_else_takes_access_away(app: App, client_id: str, account: str, key: str) -> None:
    tokens = app.installed("acct_shop")
    form = {"client_id": client_id, "stripe_user_id": account}
    assert app.http.post("/v1/oauth/deauthorize", data=form, auth=(key, "")).status_code == 401
    assert app.opens(tokens["access_token"]).status_code == 200


def test_installing_and_uninstalling_are_signed_events_of_the_account(
    start_sandbox: Callable[..., Any], webhook_receiver: Any, webhook_options: tuple[str, ...]
) -> None:
    app = App(start_sandbox("--redirect-uri", CALLBACK, *webhook_options))
    app.installed("acct_shop")
    app.http.post("/_sandbox/oauth/uninstall", json={"account": "acct_shop"})
    deadline = time.monotonic() + 8
    while len(webhook_receiver.received) < 2:
        assert time.monotonic() < deadline, "the events did not come"
        time.sleep(0.02)

    authorized, deauthorized = webhook_receiver.events()
    assert (authorized.type, deauthorized.type) == (
        "account.application.authorized",
        "account.application.deauthorized",
    )
    assert {event.account for event in (authorized, deauthorized)} == {"acct_shop"}
    assert deauthorized.data.object["id"] == CLIENT_ID_TEST


def test_tokens_survive_a_restart(own_app: App) -> None:
    tokens = own_app.installed()
    own_app.sandbox.stop()
    own_app.sandbox.start()
    assert own_app.opens(tokens["access_token"]).status_code == 200
    assert own_app.refreshed(tokens["refresh_token"]).status_code == 200


def test_any_test_key_works_as_before(app: App) -> None:
    assert app.opens("sk_test_anything").json()["id"] == "acct_demo"
    assert app.opens("rk_test_anything", **{"Stripe-Account": "acct_other"}).json()["id"] == "acct_other"
    for wrong in ("sk_live_anything", "pk_test_1", "rk_live_invented"):
        assert app.opens(wrong).status_code == 401


def test_library_calls_with_an_access_token(app: App) -> None:
    token = app.installed("acct_shop")["access_token"]
    client: stripe.StripeClient = app.sandbox.client(key=token)
    charge = client.v1.charges.create({"amount": 1_000, "currency": "usd", "source": "tok_visa"})
    refund = client.v1.refunds.create({"charge": charge.id})
    assert refund.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        app.sandbox.client().v1.charges.retrieve(charge.id)
