"""Connecting a Stripe account over HTTP, as a browser goes the way: console, API, Stripe, API, console."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson
from axiru.dev.sandbox.installations import APP_KEY_TEST, CLIENT_ID_LIVE, CLIENT_ID_TEST
from axiru.domain.stripe_permissions import PERMISSIONS
from axiru.ids import hash_secret

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
LetIn = Callable[..., Awaitable[Any]]
COOKIE = "axiru_stripe_install"


class Journey:
    """One browser on its way, and the API client of the admin whose browser it is."""

    def __init__(self, admin: httpx.AsyncClient, browser: httpx.AsyncClient, stack: DevJson) -> None:
        self.admin = admin
        self.browser = browser
        self.stack = stack
        self.account = f"acct_{uuid.uuid4().hex[:12]}"

    async def ticket(self, mode: str = "test") -> str:
        answer = await self.admin.post("/api/v1/connections/install", json={"mode": mode})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["url"])

    async def to_stripe(self, url: str | None = None, mode: str = "test") -> httpx.URL:
        """Where Stripe's page is, with what it is asked."""
        answer = await self.browser.get(url or await self.ticket(mode))
        assert answer.status_code == 303, answer.text
        return httpx.URL(answer.headers["location"])

    async def agreed(self, page: httpx.URL, *, account: str = "", decision: str = "approve") -> httpx.URL:
        """Where Stripe sends the browser once the owner has answered."""
        form = {**dict(page.params), "account": account or self.account, "decision": decision}
        async with httpx.AsyncClient() as stripe:
            answer = await stripe.post(str(page.copy_with(query=None)), data=form)
        assert answer.status_code == 303, answer.text
        return httpx.URL(answer.headers["location"])

    async def back(self, place: httpx.URL) -> httpx.Response:
        return await self.browser.get(place)

    async def connected(self, mode: str = "test", account: str = "") -> str:
        """The whole way; the id of the connection."""
        place = await self.agreed(await self.to_stripe(mode=mode), account=account)
        answer = await self.back(place)
        assert answer.status_code == 303, answer.text
        target = httpx.URL(answer.headers["location"])
        assert str(target.copy_with(query=None)) == f"{self.stack.console_url}/connectors"
        assert target.params["mode"] == mode
        return target.params["connected"]

    async def connections(self, mode: str = "test", account: str = "") -> list[dict[str, Any]]:
        """Those of the journey's account."""
        items = (await self.admin.get("/api/v1/connections", params={"mode": mode})).json()["items"]
        return [one for one in items if one["stripe_account_id"] == (account or self.account)]


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


@pytest.fixture
async def journey(log_in: LogIn, browser: httpx.AsyncClient, stack: DevJson) -> Journey:
    return Journey(await log_in("admin"), browser, stack)


async def test_account_is_connected_read_only_and_shown(journey: Journey, database: asyncpg.Connection) -> None:
    connection_id = await journey.connected()

    (shown,) = await journey.connections()
    assert (shown["id"], shown["mode"], shown["status"], shown["country"]) == (connection_id, "test", "active", "US")
    assert not any(action["granted"] for action in shown["actions"])
    assert {action["action"] for action in shown["actions"]} == {
        "refund",
        "payout",
        "transfer",
        "app_fee_refund",
        "dispute",
    }
    assert all(action["undo"] for action in shown["actions"])
    assert shown["connected_by"]["name"] == "Demo admin"
    assert shown["token_expires_at"] is not None
    stored = await database.fetchrow("SELECT * FROM stripe_connections WHERE id = $1", connection_id)
    assert stored is not None
    assert b"rk_test_" not in stored["token_ciphertext"] + stored["refresh_ciphertext"]
    alone = (await journey.admin.get(f"/api/v1/connections/{connection_id}")).json()
    assert alone | {"events": shown["events"]} == shown


async def test_dispute_from_before_the_account_was_connected_is_known(journey: Journey) -> None:
    headers = {"Authorization": "Bearer sk_test_owner", "Stripe-Account": journey.account}
    async with httpx.AsyncClient(base_url=journey.stack.stripe_api_base, headers=headers) as stripe:
        form = {"amount": "40000", "currency": "usd", "source": "tok_visa"}
        charge = (await stripe.post("/v1/charges", data=form)).raise_for_status().json()["id"]
        about = {"charge": charge, "account": journey.account}
        dispute = (await stripe.post("/_sandbox/disputes", json=about)).raise_for_status().json()

    await journey.connected()

    status = 404
    async with asyncio.timeout(30):
        while status == 404:
            await asyncio.sleep(0.2)
            status = (await journey.admin.get(f"/api/v1/disputes/{dispute['id']}")).status_code
    assert status == 200


async def test_stripe_is_asked_with_state_redirect_and_proof_key(journey: Journey) -> None:
    page = await journey.to_stripe()

    assert str(page.copy_with(query=None)) == f"{journey.stack.stripe_api_base}/oauth/v2/authorize"
    assert page.params["client_id"] == CLIENT_ID_TEST
    assert page.params["redirect_uri"] == f"{journey.stack.api_url}/stripe/callback"
    assert page.params["code_challenge_method"] == "S256"
    assert len(page.params["code_challenge"]) == 43
    assert page.params["state"].startswith("is_")


async def test_live_is_connected_apart_from_test(journey: Journey) -> None:
    journey.account = f"acct_live_{uuid.uuid4().hex[:8]}"
    page = await journey.to_stripe(mode="live")
    assert page.params["client_id"] == CLIENT_ID_LIVE
    connection_id = await journey.connected("live")
    try:
        (shown,) = await journey.connections("live")
        assert (shown["id"], shown["mode"]) == (connection_id, "live")
        assert await journey.connections("test") == []
    finally:
        # A live connection would take policies out of the reach of test keys for every other test.
        await journey.admin.post(f"/api/v1/connections/{connection_id}/disconnect", json={"reason": "a drill"})


async def test_cookie_is_for_the_way_back_only(journey: Journey) -> None:
    answer = await journey.browser.get(await journey.ticket())

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=is_")
    for attribute in ("HttpOnly", "SameSite=lax", "Path=/stripe", "Max-Age=600"):
        assert attribute in cookie
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    finished = await journey.back(await journey.agreed(httpx.URL(answer.headers["location"])))
    assert "Max-Age=0" in finished.headers["set-cookie"]


async def test_nothing_secret_of_an_installation_is_kept_in_the_clear(
    journey: Journey, database: asyncpg.Connection
) -> None:
    url = httpx.URL(await journey.ticket())
    page = await journey.to_stripe(str(url))
    ticket, state = url.params["ticket"], page.params["state"]

    kept = await database.fetchrow("SELECT * FROM stripe_installs WHERE ticket_hash = $1", hash_secret(ticket))
    assert kept is not None
    assert kept["state_hash"] == hash_secret(state)
    everything = repr(dict(kept))
    assert ticket not in everything
    assert state not in everything
    assert journey.browser.cookies[COOKIE] not in everything


async def test_ticket_is_opened_once(journey: Journey) -> None:
    url = await journey.ticket()
    await journey.to_stripe(url)

    again = await journey.browser.get(url)
    assert again.status_code == 409
    assert "opened already" in again.text
    assert "location" not in again.headers


async def test_of_many_who_open_a_ticket_one_goes_on(journey: Journey) -> None:
    url = await journey.ticket()
    answers = await asyncio.gather(*(journey.browser.get(url) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409, 409, 409]


async def test_answer_of_stripes_is_used_once(journey: Journey) -> None:
    page = await journey.to_stripe()
    cookie = journey.browser.cookies[COOKIE]
    place = await journey.agreed(page)
    assert (await journey.back(place)).status_code == 303

    for cookies in ({COOKIE: cookie}, {}):
        async with httpx.AsyncClient(cookies=cookies) as replaying:
            again = await replaying.get(place)
        assert again.status_code == 409
        assert "Nothing was connected" in again.text
    assert len(await journey.connections()) == 1


async def test_another_browser_can_neither_finish_nor_spoil_it(journey: Journey) -> None:
    """A state that leaked, or a callback that was sent to somebody else's browser (login CSRF)."""
    place = await journey.agreed(await journey.to_stripe())

    for cookies in ({}, {COOKIE: f"is_{secrets.token_hex(16)}"}, {COOKIE: ""}):
        async with httpx.AsyncClient(cookies=cookies) as other:
            refused = await other.get(place)
        assert refused.status_code == 409
        assert "another browser" in refused.text
    assert await journey.connections() == []
    assert (await journey.back(place)).status_code == 303


async def test_state_of_one_journey_does_not_go_with_the_cookie_of_another(journey: Journey) -> None:
    first = await journey.agreed(await journey.to_stripe())
    second = await journey.agreed(await journey.to_stripe())

    assert (await journey.back(first)).status_code == 409
    assert (await journey.back(second)).status_code == 303


@pytest.mark.parametrize(
    "query",
    ["", "code=ac_1", "code=ac_1&state=", "state=is_invented&code=ac_1", "state=%00&code=a", "error=access_denied"],
)
async def test_answer_that_belongs_to_nothing_connects_nothing(journey: Journey, query: str) -> None:
    await journey.to_stripe()
    answer = await journey.browser.get(f"{journey.stack.api_url}/stripe/callback?{query}")
    assert answer.status_code in {400, 409}
    assert "Nothing was connected" in answer.text
    assert await journey.connections() == []


async def test_declining_at_stripe_is_told_and_changes_nothing(journey: Journey) -> None:
    place = await journey.agreed(await journey.to_stripe(), decision="deny")
    answer = await journey.back(place)

    assert answer.status_code == 409
    assert "declined at Stripe" in answer.text
    assert await journey.connections() == []
    # It is over: what Stripe answers later to the same state is not taken.
    later = place.copy_with(params={"state": place.params["state"], "code": "ac_1"})
    assert (await journey.back(later)).status_code == 409


async def test_expired_ticket_and_expired_answer_are_refused(journey: Journey, database: asyncpg.Connection) -> None:
    url = await journey.ticket()
    await _expire(database, url)
    late = await journey.browser.get(url)
    assert (late.status_code, "10 minutes" in late.text) == (409, True)

    url = await journey.ticket()
    place = await journey.agreed(await journey.to_stripe(url))
    await _expire(database, url)
    late = await journey.back(place)
    assert (late.status_code, "10 minutes" in late.text) == (409, True)
    assert await journey.connections() == []


async def test_code_of_somebody_else_is_worth_nothing(journey: Journey) -> None:
    """The code is bound to the challenge it was asked for with: another journey's verifier does not open it."""
    theirs = await journey.agreed(await journey.to_stripe(), account=f"{journey.account}x")
    mine = await journey.agreed(await journey.to_stripe())
    mixed = mine.copy_with(params={"state": mine.params["state"], "code": theirs.params["code"]})

    answer = await journey.back(mixed)

    assert answer.status_code == 409
    assert "Stripe gave no access" in answer.text
    assert await journey.connections() == []
    assert await journey.connections(account=f"{journey.account}x") == []


async def test_code_of_live_mode_does_not_finish_a_test_connection(journey: Journey) -> None:
    page = await journey.to_stripe()
    live = page.copy_with(params={**dict(page.params), "client_id": CLIENT_ID_LIVE})
    place = await journey.agreed(live, account=f"acct_live_{uuid.uuid4().hex[:8]}")

    answer = await journey.back(place)

    assert answer.status_code == 409
    assert "Nothing was connected" in answer.text


async def test_member_who_is_no_admin_any_more_connects_nothing(
    let_in: LetIn, log_in: LogIn, browser: httpx.AsyncClient, stack: DevJson
) -> None:
    admin, person = await log_in("admin"), await let_in("admin")
    journey = Journey(person.client, browser, stack)
    place = await journey.agreed(await journey.to_stripe())
    changed = await admin.patch(f"/api/v1/members/{person.id}", json={"roles": ["viewer"]})
    assert changed.status_code == 200, changed.text

    answer = await journey.back(place)

    assert answer.status_code == 403
    assert "no admin any more" in answer.text
    journey.admin = admin
    assert await journey.connections() == []
    # The code was not even exchanged: nobody holds a token.
    spent = await _token(stack, place.params["code"])
    assert spent.json()["error_description"].startswith("The code verifier")


async def test_disabled_member_connects_nothing(
    let_in: LetIn, log_in: LogIn, browser: httpx.AsyncClient, stack: DevJson
) -> None:
    admin, person = await log_in("admin"), await let_in("admin")
    journey = Journey(person.client, browser, stack)
    place = await journey.agreed(await journey.to_stripe())
    await admin.patch(f"/api/v1/members/{person.id}", json={"disabled": True})

    assert (await journey.back(place)).status_code == 403
    journey.admin = admin
    assert await journey.connections() == []


@pytest.mark.parametrize("kind", ["status_500_before", "status_500_after", "drop_connection_after"])
async def test_stripe_that_does_not_answer_connects_nothing_and_says_what_is_left(
    journey: Journey, stack: DevJson, kind: str
) -> None:
    place = await journey.agreed(await journey.to_stripe())
    async with _fault(stack, kind, "POST", "/v1/oauth/token"):
        answer = await journey.back(place)

    assert answer.status_code == 409
    assert "installed at Stripe" in answer.text
    assert await journey.connections() == []
    assert await journey.connected()


async def test_account_that_cannot_be_read_is_not_connected(journey: Journey, stack: DevJson) -> None:
    place = await journey.agreed(await journey.to_stripe())
    async with _fault(stack, "status_500_before", "GET", "/v1/account"):
        answer = await journey.back(place)

    assert answer.status_code == 409
    assert "which account this is" in answer.text
    assert await journey.connections() == []


async def test_account_of_another_organization_is_refused(journey: Journey, database: asyncpg.Connection) -> None:
    other = f"org_{secrets.token_hex(6)}"
    await database.execute("INSERT INTO organizations VALUES ($1, 'Somebody else', now())", other)
    await database.execute(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "write_actions, default_currency, is_default, status, profile, created_at) "
        "VALUES ($1, $2, 'test', $3, '', '{}', 'usd', true, 'active', '{}', now())",
        f"stripe_conn_{other}",
        other,
        journey.account,
    )
    try:
        answer = await journey.back(await journey.agreed(await journey.to_stripe()))
        assert answer.status_code == 409
        assert "another organization" in answer.text
        assert "Somebody else" not in answer.text
        assert await journey.connections() == []
    finally:
        await database.execute("UPDATE stripe_connections SET status = 'revoked' WHERE organization_id = $1", other)
    assert await journey.connected()


async def test_connecting_again_keeps_the_connection(journey: Journey) -> None:
    first = await journey.connected()
    assert await journey.connected() == first
    assert len(await journey.connections()) == 1


class From(NamedTuple):
    """Where the browser says that a link was followed."""

    site: str
    asked_first: bool


@pytest.mark.parametrize(
    "origin", [From("cross-site", True), From("none", True), From("same-site", False), From("same-origin", False)]
)
async def test_link_that_comes_from_elsewhere_is_asked_about_first(journey: Journey, origin: From) -> None:
    """Somebody else's ticket in a mail would connect the reader's account to somebody else's organization."""
    url = await journey.ticket()
    answer = await journey.browser.get(url, headers={"Sec-Fetch-Site": origin.site})

    if not origin.asked_first:
        assert answer.status_code == 303
        return
    assert answer.status_code == 200
    assert "Demo organization" in answer.text
    assert "Demo admin" in answer.text
    assert "set-cookie" not in answer.headers
    policy = answer.headers["content-security-policy"]
    assert f"form-action 'self' {journey.stack.stripe_api_base};" in policy
    assert "frame-ancestors 'none'" in policy
    ticket = httpx.URL(url).params["ticket"]
    assert ticket in answer.text
    own = {"Sec-Fetch-Site": "same-origin", "Origin": journey.stack.api_url}
    confirmed = await journey.browser.post(
        f"{journey.stack.api_url}/stripe/install", data={"ticket": ticket}, headers=own
    )
    assert confirmed.status_code == 303
    place = await journey.agreed(httpx.URL(confirmed.headers["location"]))
    assert (await journey.back(place)).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"},
    ],
)
async def test_other_sites_cannot_answer_for_the_reader(journey: Journey, headers: dict[str, str]) -> None:
    ticket = httpx.URL(await journey.ticket()).params["ticket"]
    url = f"{journey.stack.api_url}/stripe/install"
    assert (await journey.browser.post(url, data={"ticket": ticket}, headers=headers)).status_code == 403
    assert (await journey.browser.post(url, data={"ticket": ticket})).status_code == 303


@pytest.mark.parametrize("ticket", ["is_invented", "x" * 5_000, "%00", "<script>alert(1)</script>"])
async def test_ticket_that_nobody_was_given_opens_nothing(journey: Journey, ticket: str) -> None:
    answer = await journey.browser.get(f"{journey.stack.api_url}/stripe/install?ticket={ticket}")
    assert answer.status_code in {400, 409}
    assert "<script>" not in answer.text
    assert "location" not in answer.headers


async def test_form_without_a_ticket_or_of_another_kind_is_refused(journey: Journey) -> None:
    url = f"{journey.stack.api_url}/stripe/install"
    assert (await journey.browser.post(url, data={"ticket": ""})).status_code == 409
    assert (await journey.browser.post(url, json={"ticket": "is_1"})).status_code == 415
    assert (await journey.browser.post(url, data={"ticket": ["is_1", "is_2"]})).status_code == 400


async def test_admins_token_goes_straight_on(journey: Journey, log_in: LogIn) -> None:
    url = f"{journey.stack.api_url}/stripe/install"
    authorization = {"Authorization": journey.admin.headers["authorization"]}
    gone_on = await journey.browser.get(url, params={"mode": "test"}, headers=authorization)
    assert gone_on.status_code == 303
    place = await journey.agreed(httpx.URL(gone_on.headers["location"]))
    assert (await journey.back(place)).status_code == 303

    for mode in ("", "both", "TEST"):
        refused = await journey.browser.get(url, params={"mode": mode}, headers=authorization)
        assert (refused.status_code, refused.json()["field_errors"][0]["field"]) == (400, "mode")
    viewer = await log_in("viewer")
    answer = await viewer.get("/stripe/install", params={"mode": "test"})
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    stranger = await journey.browser.get(url, params={"mode": "test"}, headers={"Authorization": "Bearer st_nobody"})
    assert stranger.status_code == 401


async def test_without_a_ticket_it_is_said_what_connecting_means(journey: Journey) -> None:
    answer = await journey.browser.get(f"{journey.stack.api_url}/stripe/install")
    assert answer.status_code == 200
    assert f'href="{journey.stack.console_url}/onboarding/connect-stripe"' in answer.text
    assert "read-only" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("body", [{}, {"mode": "both"}, {"mode": None}, {"mode": "test", "more": 1}])
async def test_install_takes_a_mode_and_nothing_else(journey: Journey, body: dict[str, Any]) -> None:
    answer = await journey.admin.post("/api/v1/connections/install", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_key_connects_accounts_of_its_own_mode_only(
    admin_key: httpx.AsyncClient, caller: httpx.AsyncClient
) -> None:
    assert (await admin_key.post("/api/v1/connections/install", json={"mode": "test"})).status_code == 201
    other = await admin_key.post("/api/v1/connections/install", json={"mode": "live"})
    assert (other.status_code, other.json()["error"]) == (403, "insufficient_scope")
    assert (await caller.post("/api/v1/connections/install", json={"mode": "test"})).status_code == 403


async def test_every_permission_is_told_to_everybody_in_both_forms(http: httpx.AsyncClient) -> None:
    told = await http.get("/permissions", headers={"Accept": "application/json"})
    assert told.headers["content-type"].startswith("application/json")
    permissions = told.json()["permissions"]
    assert [one["permission"] for one in permissions] == [one.permission for one in PERMISSIONS]
    assert "all permissions of its manifest at once" in told.json()["granting"]
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*", ""):
        page = await http.get("/permissions", headers={"Accept": accept})
        assert page.headers["content-type"].startswith("text/html")
        for one in PERMISSIONS:
            assert one.permission in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
    writes = {one["action"] for one in permissions if one["access"] == "write"}
    assert writes == {"refund", "payout", "transfer", "app_fee_refund", "dispute"}
    assert {one["action"] for one in permissions if one["access"] == "read"} == {"observe"}


async def _expire(database: asyncpg.Connection, url: str) -> None:
    ticket = httpx.URL(url).params["ticket"]
    done = await database.execute(
        "UPDATE stripe_installs SET expires_at = now() - interval '1 second' WHERE ticket_hash = $1",
        hash_secret(ticket),
    )
    assert done == "UPDATE 1"


async def _token(stack: DevJson, code: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code}
    async with httpx.AsyncClient(base_url=stack.stripe_api_base) as stripe:
        return await stripe.post("/v1/oauth/token", data=form, auth=(APP_KEY_TEST, ""))


class _fault:
    """One fault at the shared sandbox, gone again whatever the test does."""

    def __init__(self, stack: DevJson, kind: str, method: str, path: str) -> None:
        self._url = f"{stack.stripe_api_base}/_sandbox/faults"
        self._fault = {"kind": kind, "method": method, "path": path, "times": 1}

    async def __aenter__(self) -> None:
        async with httpx.AsyncClient() as client:
            (await client.post(self._url, json=self._fault)).raise_for_status()

    async def __aexit__(self, *_: object) -> None:
        async with httpx.AsyncClient() as client:
            await client.delete(self._url)
