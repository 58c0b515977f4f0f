"""Acting on Stripe's events: leased, tried again, given up; whatever they leave out is asked of Stripe."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
import stripe
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import event_effects
from activities.event_effects import EventEffects
from activities.reconciliation import Reconciliation
from activities.stripe_client import StripeClients
from activities.stripe_events import ATTEMPTS, BACKOFF_SECONDS, observe_once
from axiru.database import connected, row, rows
from axiru.domain.decision import MovementInput
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.vault import Vault, token_context
from ledger.acts.decide import decide
from ledger.acts.standing import CompiledVersions
from ledger.keys import load_signer
from ledger.signing import Signer


class Account:
    """An account of Stripe's with a connection of its own, and the loop that acts on what it tells."""

    def __init__(self, url: str, clients: StripeClients, signer: Signer) -> None:
        self.id = f"acct_{uuid.uuid4().hex}"
        self.connection_id = f"stripe_conn_{uuid.uuid4().hex}"
        self.signer = signer
        self.decided: list[str] = []
        self.temporal_is_away = False
        self.stripe = httpx.AsyncClient(
            base_url=url, headers={"Authorization": "Bearer sk_test_owner", "Stripe-Account": self.id}, timeout=10
        )
        self.effects = EventEffects(clients, signer, self._decide)
        self.clients = clients
        self.reconciliation = Reconciliation(clients, signer)

    async def connect(self, vault: Vault) -> None:
        sealed = vault.seal(b"sk_test_connected", context=token_context("org_demo", self.connection_id))
        await rows(
            "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
            "write_actions, default_currency, is_default, status, profile, created_at) VALUES ({}, 'org_demo', 'test', "
            "{}, {}, ARRAY[]::text[], 'usd', false, 'active', jsonb_build_object(), now() - interval '1 minute')",
            *(self.connection_id, self.id, sealed),
        )

    async def charge(self) -> dict[str, Any]:
        form = {"amount": "40000", "currency": "usd", "source": "tok_visa"}
        return dict((await self.stripe.post("/v1/charges", data=form)).raise_for_status().json())

    async def refund(self, charge: str, amount_cents: int) -> dict[str, Any]:
        form = {"charge": charge, "amount": str(amount_cents)}
        return dict((await self.stripe.post("/v1/refunds", data=form)).raise_for_status().json())

    async def tell(
        self, type_: str, document: dict[str, Any], *, ago: timedelta = timedelta(minutes=1), account_id: str = ""
    ) -> str:
        """An event arrived so long ago; returns its id."""
        event_id, received_at = f"evt_{uuid.uuid4().hex}", datetime.now(UTC) - ago
        await rows(
            "INSERT INTO stripe_events (organization_id, mode, id, stripe_connection_id, stripe_account_id, type, "
            "object_id, body, happened_at, received_at, via, state, next_attempt_at) VALUES ('org_demo', 'test', {}, "
            "{}, {}, {}, {}, {}::jsonb, {}, {}, 'webhook', 'received', now())",
            *(event_id, self.connection_id, account_id or self.id, type_, document.get("id", "")),
            *(msgspec.json.encode(document).decode(), received_at.replace(microsecond=0), received_at),
        )
        return event_id

    async def act(self) -> None:
        """Until nothing is due."""
        while await observe_once(self.effects):
            pass

    async def event(self, event_id: str) -> dict[str, Any]:
        found = await row("SELECT * FROM stripe_events WHERE id = {}", event_id)
        assert found is not None
        return found

    async def due_now(self, event_id: str) -> None:
        await rows("UPDATE stripe_events SET next_attempt_at = now() WHERE id = {}", event_id)

    async def movements(self) -> list[dict[str, Any]]:
        return await rows("SELECT * FROM observed_movements WHERE stripe_connection_id = {}", self.connection_id)

    async def profile(self) -> tuple[str, str]:
        found = await row(
            "SELECT profile ->> 'country' AS country, default_currency FROM stripe_connections WHERE id = {}",
            self.connection_id,
        )
        assert found is not None
        return found["country"], found["default_currency"]

    async def plan_fault(
        self, path: str, *, times: int = 1, kind: str = "status_500_before", seconds: float = 0
    ) -> None:
        fault = {"kind": kind, "path": path, "method": "GET", "times": times, "seconds": seconds}
        (await self.stripe.post("/_sandbox/faults", json=fault)).raise_for_status()

    async def _decide(self, movement: MovementInput) -> None:
        if self.temporal_is_away:
            raise ConnectionError("Temporal is away")
        receipt = await decide(movement.decision_id, signer=self.signer, compiled=CompiledVersions())
        self.decided.append(receipt.decision_id)


@pytest.fixture(scope="module", autouse=True)
async def signer(settings: Settings) -> AsyncIterator[Signer]:
    before = ChainHead._meta._db
    async with connected(settings):
        yield await load_signer(Vault.from_settings(settings))
    for table in ALL_TABLES:
        table._meta._db = before


@pytest.fixture
async def account(settings: Settings, signer: Signer, stripe_url: str, sandbox: Any) -> AsyncIterator[Account]:
    vault = Vault.from_settings(settings)
    clients = StripeClients(settings, vault)
    account = Account(stripe_url, clients, signer)
    await account.connect(vault)
    yield account
    sandbox.forget()
    await account.stripe.aclose()
    await clients.close()


async def test_one_refund_told_three_times_is_one_movement(account: Account) -> None:
    charge = await account.charge()
    refund = await account.refund(charge["id"], 500)
    charge = (await account.stripe.get(f"/v1/charges/{charge['id']}")).json()

    told = [
        await account.tell("charge.refunded", charge),
        await account.tell("refund.updated", refund),
        await account.tell("refund.created", refund),
    ]
    await account.act()

    assert {(await account.event(one))["state"] for one in told} == {"processed"}
    (movement,) = await account.movements()
    assert (movement["stripe_object_id"], movement["bypass"]) == (refund["id"], True)
    assert set(account.decided) == {movement["decision_id"]}


async def test_charge_without_its_refunds_is_asked_for_them(account: Account) -> None:
    charge = await account.charge()
    refunds = {(await account.refund(charge["id"], amount))["id"] for amount in (100, 200, 300)}

    await account.tell("charge.refunded", {**charge, "amount_refunded": 600})
    await account.act()

    assert {movement["stripe_object_id"] for movement in await account.movements()} == refunds


async def test_refunds_that_nobody_can_be_asked_for_are_not_passed_over(account: Account) -> None:
    """Who takes the app's access back after a refund does not hide it by that."""
    charge = await account.charge()
    refund = await account.refund(charge["id"], 1_500)
    event_id = await account.tell("charge.refunded", {"object": "charge", "id": charge["id"]})
    status = "UPDATE stripe_connections SET status = {} WHERE id = {}"
    await rows(status, "revoked", account.connection_id)

    await account.act()

    event = await account.event(event_id)
    assert (event["state"], event["detail"]) == ("received", "ConnectionEnded: connection_not_active")
    await rows(status, "active", account.connection_id)
    await account.due_now(event_id)
    await account.act()
    (seen,) = await account.movements()
    assert (seen["stripe_object_id"], seen["bypass"]) == (refund["id"], True)


async def test_event_is_tried_again_while_stripe_is_away_and_later_given_up(account: Account) -> None:
    charge = await account.charge()
    await account.refund(charge["id"], 500)
    event_id = await account.tell("charge.refunded", charge)
    await account.plan_fault("/v1/refunds", times=ATTEMPTS)

    for attempt in range(1, ATTEMPTS + 1):
        await account.act()
        event = await account.event(event_id)
        assert event["attempts"] == attempt
        if attempt < ATTEMPTS:
            assert event["state"] == "received"
            wait = (event["next_attempt_at"] - datetime.now(UTC)).total_seconds()
            assert BACKOFF_SECONDS[attempt - 1] - 2 < wait <= BACKOFF_SECONDS[attempt - 1]
            await account.due_now(event_id)

    assert (event["state"], event["next_attempt_at"]) == ("failed", None)
    assert await account.movements() == []

    await rows("UPDATE stripe_events SET state = 'received', attempts = 0 WHERE id = {}", event_id)
    await account.due_now(event_id)
    await account.act()
    assert (await account.event(event_id))["state"] == "processed"
    assert len(await account.movements()) == 1


async def test_refund_is_told_apart_though_stripe_says_nothing_of_its_charge(account: Account) -> None:
    charge = await account.charge()
    refund = await account.refund(charge["id"], 500)
    await account.plan_fault("/v1/charges/*", times=5)

    await account.tell("refund.created", refund)
    await account.act()

    assert len(await account.movements()) == 1


async def test_stripe_that_hangs_delays_no_alarm_for_long(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_effects, "_READ_SECONDS", 0.2)
    refund = await account.refund((await account.charge())["id"], 500)
    await account.plan_fault("/v1/charges/*", kind="hang_seconds", seconds=30)

    await account.tell("refund.created", refund)
    await asyncio.wait_for(account.act(), 20)

    assert [movement["bypass"] for movement in await account.movements()] == [True]


async def test_token_that_cannot_be_opened_hides_no_bypass(account: Account) -> None:
    await rows("UPDATE stripe_connections SET token_ciphertext = {} WHERE id = {}", b"broken", account.connection_id)

    event_id = await account.tell("refund.created", _refund())
    await account.act()

    assert (await account.event(event_id))["state"] == "processed"
    assert [movement["bypass"] for movement in await account.movements()] == [True]


async def test_bypass_is_decided_once_temporal_is_back(account: Account) -> None:
    event_id = await account.tell("refund.created", _refund())
    account.temporal_is_away = True
    await account.act()
    assert (await account.event(event_id))["state"] == "received"

    account.temporal_is_away = False
    await account.due_now(event_id)
    await account.act()

    assert (await account.event(event_id))["state"] == "processed"
    (movement,) = await account.movements()
    assert account.decided == [movement["decision_id"]]


async def test_too_early_to_tell_is_no_failed_attempt(account: Account) -> None:
    event_id = await account.tell("refund.created", _refund(), ago=timedelta())

    await account.act()

    event = await account.event(event_id)
    assert (event["state"], event["attempts"], await account.movements()) == ("received", 0, [])
    assert event["next_attempt_at"] > datetime.now(UTC) - timedelta(seconds=1)


async def test_leased_event_is_nobody_elses_until_its_lease_is_over(account: Account) -> None:
    event_id = await account.tell("refund.created", _refund())
    held = datetime.now(UTC) + timedelta(minutes=1)
    await rows("UPDATE stripe_events SET attempts = 1, next_attempt_at = {} WHERE id = {}", held, event_id)

    await account.act()
    assert (await account.event(event_id))["state"] == "received"

    await account.due_now(event_id)
    await account.act()
    assert (await account.event(event_id))["state"] == "processed"


async def test_transfer_that_stripe_made_with_its_payment_is_no_movement_of_its_own(account: Account) -> None:
    seeded = {"Stripe-Account": "acct_demo"}
    answer = await account.stripe.get("/v1/transfers/tr_demo_fee_001", headers=seeded)
    made = {**answer.raise_for_status().json(), "created": int(datetime.now(UTC).timestamp())}
    event_id = await account.tell("transfer.created", made, account_id="acct_demo")

    await account.act()

    event = await account.event(event_id)
    assert (event["state"], event["detail"]) == ("processed", "part of a payment")
    assert await account.movements() == []


@pytest.mark.parametrize(
    ("type_", "document"),
    [
        (
            "payout.paid",
            {"id": "po_1", "object": "payout", "amount": 5, "currency": "usd", "created": 1, "automatic": True},
        ),
        ("refund.created", {"id": "re_1", "object": "refund"}),
        ("refund.created", {"object": "refund", "amount": 5}),
        ("charge.dispute.created", {"id": "du_1", "object": "dispute"}),
        ("transfer.created", {"id": "tr_1", "object": "thing_of_tomorrow"}),
    ],
)
async def test_what_says_too_little_is_ignored(account: Account, type_: str, document: dict[str, Any]) -> None:
    event_id = await account.tell(type_, document)

    await account.act()

    assert (await account.event(event_id))["state"] == "ignored"


async def test_dispute_is_recorded_as_the_event_tells_it_where_stripe_does_not_say(account: Account) -> None:
    dispute_id = f"du_{uuid.uuid4().hex}"
    told = {"id": dispute_id, "object": "dispute", "amount": 900, "currency": "usd", "created": 1_700_000_000}
    won = {**told, "status": "won", "reason": "fraudulent", "charge": "ch_1"}

    for status in (won, {**won, "status": "needs_response"}):
        await account.tell("charge.dispute.updated", status)
        await account.act()

    found = await row("SELECT status, amount_cents FROM disputes WHERE id = {}", dispute_id)
    assert found is not None
    assert found["amount_cents"] == 900


async def test_uninstalled_app_ends_the_connection_once(account: Account) -> None:
    event_id = await account.tell("account.application.deauthorized", {"id": "ca_1", "object": "application"})

    await account.act()

    found = await row("SELECT status, status_reason FROM stripe_connections WHERE id = {}", account.connection_id)
    assert found is not None
    assert found["status"] == "revoked"
    assert (await account.event(event_id))["state"] == "processed"


async def test_reconciliation_finds_what_the_webhook_never_told(account: Account) -> None:
    charge = await account.charge()
    refund = await account.refund(charge["id"], 500)

    await _reconcile(account)

    found = await rows("SELECT type, via FROM stripe_events WHERE stripe_connection_id = {}", account.connection_id)
    assert {(one["type"], one["via"]) for one in found} == {
        ("refund.created", "reconciliation"),
        ("charge.refunded", "reconciliation"),
    }
    async with asyncio.timeout(20):
        # Whoever made it may have asked a moment ago.
        while not (movements := await account.movements()):
            await account.act()
    assert [movement["stripe_object_id"] for movement in movements] == [refund["id"]]


async def test_reconciliation_finds_the_disputes_that_were_open_before(account: Account) -> None:
    charge = await account.charge()
    about = {"charge": charge["id"], "account": account.id}
    made = (await account.stripe.post("/_sandbox/disputes", json=about)).raise_for_status().json()
    lost = (
        await account.stripe.post("/_sandbox/disputes", json=about | {"charge": (await account.charge())["id"]})
    ).json()
    (await account.stripe.post(f"/v1/disputes/{lost['id']}/close")).raise_for_status()

    for _ in range(2):
        await _reconcile(account)

    found = await rows("SELECT id, status FROM disputes WHERE stripe_connection_id = {}", account.connection_id)
    assert [(one["id"], one["status"]) for one in found] == [(made["id"], "needs_response")]


async def test_reconciling_again_keeps_nothing_twice_and_remembers_when(account: Account) -> None:
    await account.refund((await account.charge())["id"], 500)

    await _reconcile(account)
    first = await _health(account)
    await _reconcile(account)

    kept = await rows("SELECT id FROM stripe_events WHERE stripe_connection_id = {}", account.connection_id)
    assert len(kept) == 2
    assert (await _health(account))["reconciled_at"] > first["reconciled_at"]
    # Of what has only just happened nobody can say that the webhook missed it.
    assert first["missed_events"] == 0


async def test_missed_is_what_should_have_been_told_by_now(account: Account) -> None:
    charge = await account.charge()
    refund = await account.refund(charge["id"], 500)
    # By Stripe's clock: in the sandbox it may be ahead of the machine's.
    later = datetime.fromtimestamp(refund["created"], UTC) + timedelta(hours=1)
    client = await account.clients.of(account.connection_id)
    assert client is not None

    async def read(connected_at: datetime) -> int:
        expected = (connected_at, later)
        return await account.reconciliation._read(client, account.connection_id, account.id, since, expected)

    since = later - timedelta(hours=3)
    assert await ActivityEnvironment().run(read, since) == 2
    assert await ActivityEnvironment().run(read, since) == 0
    await account.refund(charge["id"], 500)
    assert await ActivityEnvironment().run(read, later) == 0, "nobody was told before the account was connected"


async def test_more_than_a_page_of_events_is_read(account: Account) -> None:
    charge = await account.charge()
    for _ in range(60):
        await account.refund(charge["id"], 1)

    await _reconcile(account)

    found = await rows("SELECT id FROM stripe_events WHERE stripe_connection_id = {}", account.connection_id)
    assert len(found) == 120


async def test_reconciliation_is_not_done_while_stripe_is_away(account: Account) -> None:
    await account.plan_fault("/v1/events")

    with pytest.raises(stripe.APIError):
        await _reconcile(account)

    assert (await _health(account))["reconciled_at"] is None


async def test_reconciliation_does_not_wait_for_a_token_that_cannot_be_opened(account: Account) -> None:
    await rows("UPDATE stripe_connections SET token_ciphertext = {} WHERE id = {}", b"broken", account.connection_id)

    with pytest.raises(ApplicationError) as refused:
        await _reconcile(account)

    assert refused.value.non_retryable
    assert (await _health(account))["reconciled_at"] is None


async def test_connection_that_is_not_active_is_not_read(account: Account) -> None:
    await rows("UPDATE stripe_connections SET status = 'revoked' WHERE id = {}", account.connection_id)

    assert await _reconcile(account) == 0
    assert account.connection_id not in await ActivityEnvironment().run(account.reconciliation.active_connections)


async def test_events_are_deleted_after_thirty_days_and_movements_stay(account: Account) -> None:
    old = await account.tell("refund.created", _refund(), ago=timedelta(days=31))
    new = await account.tell("refund.created", _refund(), ago=timedelta(days=29))
    await account.act()

    await ActivityEnvironment().run(account.reconciliation.delete_old)

    assert await row("SELECT 1 AS one FROM stripe_events WHERE id = {}", old) is None
    assert (await account.event(new))["state"] == "processed"
    assert len(await account.movements()) == 2


def _refund() -> dict[str, Any]:
    return {
        "id": f"re_{uuid.uuid4().hex}",
        "object": "refund",
        "amount": 500,
        "currency": "usd",
        "created": int(datetime.now(UTC).timestamp()),
        "charge": "ch_demo_001",
        "status": "succeeded",
    }


async def _reconcile(account: Account) -> int:
    missed: int = await ActivityEnvironment().run(account.reconciliation.reconcile, account.connection_id)
    return missed


async def _health(account: Account) -> dict[str, Any]:
    found = await row(
        "SELECT reconciled_at, missed_events FROM stripe_connections WHERE id = {}", account.connection_id
    )
    assert found is not None
    return found


async def test_country_and_currency_of_the_account_follow_what_stripe_says_of_it_now(account: Account) -> None:
    told = {"object": "account", "country": "DE", "default_currency": "eur"}
    event_id = await account.tell("account.updated", {"id": account.id, **told})
    await account.act()
    assert ((await account.event(event_id))["state"], await account.profile()) == ("processed", ("US", "usd"))

    await account.plan_fault("/v1/account", times=5)
    away_id = await account.tell("account.updated", {"id": account.id, **told})
    await account.act()
    assert ((await account.event(away_id))["detail"], await account.profile()) == ("account changed", ("DE", "eur"))

    other_id = await account.tell("account.updated", {"id": "acct_of_others", **told})
    await account.act()
    assert (await account.event(other_id))["state"] == "ignored"
