"""The Stripe executor against a sandbox process; where stripe-mock can be had, it checks every request first."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from temporalio.testing import ActivityEnvironment

from activities.payment_context import PaymentContexts
from activities.stripe.executor import StripeExecutor
from axiru import ids
from axiru.database import connected, row, rows
from axiru.dev.binaries import find_stripe_mock
from axiru.dev.demo import seed_demo
from axiru.dev.dev_json import DevJson
from axiru.dev.home import Home
from axiru.dev.sandbox.installations import APP_KEY_TEST, CLIENT_ID_TEST
from axiru.domain.control import ControlKind, ControlReceipt
from axiru.domain.decision import DecisionReceipt, MovementInput
from axiru.domain.movement import Amount, Context, Execute, Initiator, Merchant, Ovt, Target
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.vault import Vault
from ledger.acts.control import engage, lift
from ledger.acts.decide import decide
from ledger.acts.standing import CompiledVersions
from ledger.keys import load_signer

REDIRECT_URI = "https://axiru.example/stripe/callback"
TIMEOUT_SECONDS = 1
"""The executor's patience with Stripe; faults last longer."""


class Sandbox:
    """The sandbox's controls, and Stripe's API as the account's owner would use it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, headers={"Authorization": "Bearer sk_test_owner"}, timeout=10)

    def charge(self, amount_cents: int = 40_000, currency: str = "usd", **more: str) -> str:
        form = {"amount": str(amount_cents), "currency": currency, "source": "tok_visa", **more}
        return str(self._posted("/v1/charges", form)["id"])

    def payment_intent(self, charge: str) -> str:
        """The payment intent that a charge was made of."""
        return str(self._http.get(f"/v1/charges/{charge}").json()["payment_intent"])

    def refund(self, form: dict[str, str], idempotency_key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._http.post("/v1/refunds", data=form, headers=headers)

    def refunds(self, charge: str) -> list[dict[str, Any]]:
        """Every refund of a charge."""
        found: list[dict[str, Any]] = self._http.get(f"/v1/refunds?charge={charge}&limit=100").json()["data"]
        return found

    def plan_fault(
        self, kind: str, *, seconds: float = 0, method: str = "POST", times: int = 1, path: str = "/v1/refunds"
    ) -> None:
        fault = {"kind": kind, "path": path, "method": method, "times": times, "seconds": seconds}
        self._http.post("/_sandbox/faults", json=fault).raise_for_status()

    def forget(self) -> None:
        """No faults, and an empty log of requests."""
        self._http.delete("/_sandbox/faults").raise_for_status()
        self._http.delete("/_sandbox/requests").raise_for_status()

    def advance_clock(self, hours: int) -> None:
        self._http.post("/_sandbox/clock", json={"advance_seconds": hours * 3600}).raise_for_status()

    def agree(self, account: str) -> str:
        """The code that Stripe gives once the account's owner has agreed to install the app."""
        form = {"client_id": CLIENT_ID_TEST, "redirect_uri": REDIRECT_URI, "account": account, "decision": "approve"}
        answer = self._http.post("/oauth/v2/authorize", data=form)
        return str(httpx.URL(answer.headers["location"]).params["code"])

    def uninstall(self, account: str) -> None:
        """The account's owner takes the app off it."""
        self._http.post("/_sandbox/oauth/uninstall", json={"account": account}).raise_for_status()

    def exchanges(self) -> int:
        """How often tokens were asked for since `forget`."""
        return len(self._http.get("/_sandbox/requests?path=/v1/oauth/token").json()["data"])

    def methods(self) -> list[str]:
        """The requests to /v1/refunds since `forget`, in order of arrival."""
        return [request["method"] for request in self.requests()]

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._http.get("/_sandbox/requests?path=/v1/refunds").json()["data"]
        return found

    def posted(self, path: str, **form: str) -> dict[str, Any]:
        """What the account's owner does beside Axiru."""
        return self._posted(path, form)

    def told(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What happens on Stripe's side: an answer of one of the sandbox's controls."""
        answer = self._http.post(path, json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def got(self, path: str) -> dict[str, Any]:
        """What Stripe shows the account's owner."""
        answer = self._http.get(path)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def money_calls(self) -> list[str]:
        """The paths of all POSTs to Stripe's API since `forget`."""
        found = self._http.get("/_sandbox/requests?method=POST").json()["data"]
        return [request["path"] for request in found]

    def _posted(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        answer = self._http.post(path, data=form)
        answer.raise_for_status()
        posted: dict[str, Any] = answer.json()
        return posted


class Executions:
    """Allowed refunds of the demo organization, and attempts of the activity to execute them."""

    def __init__(self, settings: Settings, vault: Vault, signer: Any) -> None:
        self._signer = signer
        self._executor = StripeExecutor(settings, vault, signer)
        self._contexts = PaymentContexts(settings, vault, signer)

    async def close(self) -> None:
        await self._executor.close()
        await self._contexts.close()

    async def allowed(
        self, charge: str | None, amount_cents: int = 5_000, *, payment_intent: str | None = None
    ) -> MovementInput:
        """A decision that was asked for, allowed, and is Axiru's to execute."""
        receipt = await self._decided(Target(charge=charge, payment_intent=payment_intent), amount_cents)
        assert receipt.state == "allowed"
        return MovementInput(receipt.decision_id, "org_demo", "test")

    async def to_execute(self, rail_action: str, target: Target, amount_cents: int) -> MovementInput:
        """An allowed decision of any action that Axiru executes."""
        receipt = await self._decided(target, amount_cents, rail_action=rail_action)
        assert (receipt.state, receipt.surface_mode) == ("allowed", "enforce")
        return MovementInput(receipt.decision_id, "org_demo", "test")

    async def waiting(
        self,
        charge: str | None = None,
        *,
        payment_intent: str | None = None,
        execute: Execute = "caller",
        connection_id: str = "stripe_conn_demo",
    ) -> MovementInput:
        """A decision that waits for people."""
        target = Target(charge=charge, payment_intent=payment_intent)
        receipt = await self._decided(target, 17_500, execute, connection_id)
        assert receipt.state == "pending_approval"
        return MovementInput(receipt.decision_id, "org_demo", "test")

    async def _decided(
        self,
        target: Target,
        amount_cents: int,
        execute: Execute = "axiru",
        connection_id: str = "stripe_conn_demo",
        rail_action: str = "refund",
    ) -> DecisionReceipt:
        key = await row("SELECT id, owner_member_id FROM api_keys WHERE name = 'demo decisions'")
        assert key is not None
        ovt = Ovt(
            rail="stripe",
            rail_action=rail_action,
            amount=Amount(str(amount_cents), "usd"),
            initiator=Initiator("api_key", key["id"]),
            merchant=Merchant(stripe_connection_id=connection_id),
            target=target,
            context=Context(customer_tenure_days=412, reason_code="duplicate_charge"),
            execute=execute,
        )
        decision_id = ids.new_id(ids.DECISION)
        await rows(
            "INSERT INTO requests VALUES ({}, 'org_demo', 'test', '/api/v1/decisions', {}, {}::jsonb, {}, {}, "
            "clock_timestamp(), clock_timestamp())",
            decision_id,
            "f" * 64,
            msgspec.json.encode(ovt).decode(),
            key["id"],
            key["owner_member_id"],
        )
        return await decide(decision_id, signer=self._signer, compiled=CompiledVersions())

    async def attempt(self, movement: MovementInput) -> str:
        """One attempt, as Temporal would make it."""
        environment = ActivityEnvironment()
        state: str = await environment.run(self._executor.execute, movement)
        return state

    async def read_payment(self, movement: MovementInput) -> None:
        """One attempt to read the payment, as Temporal would make it."""
        await ActivityEnvironment().run(self._contexts.read, movement)

    async def context(self, movement: MovementInput) -> dict[str, Any] | None:
        """What is shown beside the approval."""
        found = await row("SELECT context FROM approvals WHERE decision_id = {}", movement.decision_id)
        assert found is not None
        return msgspec.json.decode(found["context"]) if found["context"] else None

    async def entries(self, movement: MovementInput, kind: str) -> list[dict[str, Any]]:
        """The data of the sealed entries of a decision."""
        found = await rows(
            "SELECT body FROM ledger_entries WHERE decision_id = {} AND kind = {} ORDER BY seq",
            movement.decision_id,
            kind,
        )
        return [msgspec.json.decode(bytes(entry["body"]))["data"] for entry in found]

    async def hold(self, movement: MovementInput) -> str:
        """Hold a decision; returns the control's id."""
        return (await self.hold_and_see(movement))[0]

    async def hold_and_see(self, movement: MovementInput) -> tuple[str, tuple[str, ...]]:
        """Hold a decision; returns the control's id and the calls that it came too late for."""
        engaged = await self._engage("hold", {"decision_id": movement.decision_id})
        return engaged.control_id, engaged.in_flight

    async def release(self, control_id: str) -> None:
        await lift(
            organization_id="org_demo",
            member_id=await self._controller(),
            control_id=control_id,
            reason="over",
            signer=self._signer,
        )

    async def execution(self, movement: MovementInput) -> dict[str, Any]:
        """The execution's row and the states of the decision and its budget."""
        found = await row(
            "SELECT x.*, d.state AS decision_state, m.state AS movement_state FROM executions x "
            "JOIN decisions d ON d.id = x.decision_id JOIN movements m ON m.decision_id = x.decision_id "
            "WHERE x.decision_id = {}",
            movement.decision_id,
        )
        assert found is not None
        return found

    async def kill_switch(self) -> str:
        """Engage it for test mode; returns the control's id."""
        return (await self._engage("kill_switch", {})).control_id

    async def _controller(self) -> str:
        member = await row("SELECT id FROM members WHERE email = 'controller@demo.example'")
        assert member is not None
        return str(member["id"])

    async def _engage(self, kind: ControlKind, scope: dict[str, str]) -> ControlReceipt:
        return await engage(
            organization_id="org_demo",
            member_id=await self._controller(),
            kind=kind,
            scope=scope,
            applies_to="test",
            reason="a drill",
            expires_at=None,
            signer=self._signer,
        )


@pytest.fixture(scope="session")
def stripe_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running sandbox."""
    started: list[subprocess.Popen[bytes]] = []
    state = tmp_path_factory.mktemp("stripe")
    try:
        options = ["--state", str(state), "--redirect-uri", REDIRECT_URI]
        if (binary := asyncio.run(find_stripe_mock())) is not None:
            port = _free_port()
            addresses = ["-http-addr", f"127.0.0.1:{port}", "-https-addr", "127.0.0.1:0"]
            with (state / "stripe-mock.log").open("wb") as log:
                started.append(subprocess.Popen([binary, *addresses], stdout=log))  # noqa: S603
            _wait_for(f"http://127.0.0.1:{port}/")
            options += ["--validate-with", f"http://127.0.0.1:{port}"]
        port = _free_port()
        command = [sys.executable, "-m", "axiru.dev.sandbox", "--port", str(port), *options]
        started.append(subprocess.Popen(command))  # noqa: S603
        _wait_for(f"http://127.0.0.1:{port}/_sandbox/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(10)


@pytest.fixture
def sandbox(stripe_url: str) -> Sandbox:
    """Without faults and with an empty log."""
    sandbox = Sandbox(stripe_url)
    sandbox.forget()
    return sandbox


@pytest.fixture(scope="session")
async def settings(infrastructure: DevJson, stripe_url: str) -> Settings:
    """Settings of an executor, with the demo organization in place."""
    migrating = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "axiru.cli", "migrate"),
        env=os.environ
        | {
            "AXIRU_DATABASE_ADMIN_URL": infrastructure.database_admin_url,
            "AXIRU_APP_ROLE_PASSWORD": urlsplit(infrastructure.database_url).password or "",
        },
    )
    assert await migrating.wait() == 0
    home = Home(Path(infrastructure.home))
    settings = Settings(
        database_url=infrastructure.database_url,
        vault_key_file=str(home.vault_key()),
        stripe_api_base=stripe_url,
        stripe_timeout_seconds=TIMEOUT_SECONDS,
        stripe_client_id_test=CLIENT_ID_TEST,
        stripe_app_key_test=APP_KEY_TEST,
    )
    await seed_demo(settings, home.directory, admin_url=infrastructure.database_admin_url)
    before = ChainHead._meta._db
    async with connected(settings):
        await rows(
            "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode, "
            "updated_at) SELECT 'org_demo/test/stripe.' || a, 'org_demo', 'test', '', 'stripe', a, 'enforce', "
            "clock_timestamp() FROM unnest({}::text[]) a ON CONFLICT DO NOTHING",
            ["payout", "transfer", "app_fee_refund", "dispute"],
        )
    for table in ALL_TABLES:
        table._meta._db = before
    return settings


@pytest.fixture(scope="module")
async def executions(settings: Settings) -> AsyncIterator[Executions]:
    before = ChainHead._meta._db
    vault = Vault.from_settings(settings)
    async with connected(settings):
        executions = Executions(settings, vault, await load_signer(vault))
        yield executions
        await executions.close()
    for table in ALL_TABLES:
        table._meta._db = before


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing answers at {url}")
