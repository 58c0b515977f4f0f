"""The whole product from outside: HTTP to API and Stripe sandbox, signals to processes, the ledger command."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import psutil
import pytest

from axiru.dev import dev_json
from axiru.dev.dev_json import DevJson

SETTLED_SECONDS = 30
"""A killed worker is missed after its heartbeat time-out of five seconds, and its successor has to start."""


class Product:
    """A running stack, as its callers, approvers and operators reach it."""

    def __init__(self, stack: DevJson) -> None:
        self.stack = stack
        self.nobody = _client(stack.api_url)
        self.caller = _client(stack.api_url, stack.api_keys["decisions"])
        self.stripe = _client(stack.stripe_api_base, "sk_test_owner")

    async def close(self) -> None:
        for client in (self.nobody, self.caller, self.stripe):
            await client.aclose()

    async def log_in(self, login: str) -> httpx.AsyncClient:
        """A client with the session of a demo user."""
        user = next(user for user in self.stack.users if user.email.startswith(f"{login}@"))
        answer = await self.nobody.post("/api/v1/sessions", json={"email": user.email, "password": user.password})
        return _client(self.stack.api_url, answer.raise_for_status().json()["token"])

    async def ask(self, amount_cents: int, charge: str, **top: Any) -> dict[str, Any]:
        """Ask for a refund that Axiru executes; the decision as the API answers it."""
        answer = await self.caller.post("/api/v1/decisions", json=self.refund(amount_cents, charge, **top))
        decision: dict[str, Any] = answer.raise_for_status().json()
        return decision

    def refund(self, amount_cents: int, charge: str, **top: Any) -> dict[str, Any]:
        """A body of `POST /api/v1/decisions`."""
        return {
            "intent": {
                "kind": "refund",
                "amount_cents": amount_cents,
                "currency": "usd",
                "charge": charge,
                "stripe_connection_id": "stripe_conn_demo",
            },
            "context": {"customer_tenure_days": 412, "reason_code": "duplicate_charge"},
            "idempotency_key": uuid.uuid4().hex,
            "execute": "axiru",
        } | top

    async def settled(self, decision_id: str) -> dict[str, Any]:
        """The decision once nothing more will happen by itself."""
        answer = await self.caller.get(f"/api/v1/decisions/{decision_id}", params={"wait": SETTLED_SECONDS})
        decision: dict[str, Any] = answer.raise_for_status().json()
        return decision

    async def charge(self, amount_cents: int = 40_000) -> str:
        """A fresh charge on the demo account."""
        form = {"amount": str(amount_cents), "currency": "usd", "source": "tok_visa"}
        return str((await self.stripe.post("/v1/charges", data=form)).raise_for_status().json()["id"])

    async def refunds(self, charge: str) -> list[dict[str, Any]]:
        """Every refund of a charge."""
        found: list[dict[str, Any]] = (await self.stripe.get("/v1/refunds", params={"charge": charge})).json()["data"]
        return found

    async def refund_calls(self, charge: str) -> int:
        """How often Stripe was asked to refund a charge."""
        asked = await self.stripe.get("/_sandbox/requests", params={"method": "POST", "path": "/v1/refunds"})
        return sum(request["params"].get("charge") == charge for request in asked.json()["data"])

    async def plan_fault(self, kind: str, seconds: float = 0) -> None:
        """What happens to the next refund that Stripe is asked for."""
        fault = {"kind": kind, "path": "/v1/refunds", "seconds": seconds}
        (await self.stripe.post("/_sandbox/faults", json=fault)).raise_for_status()

    async def entries(self, decision_id: str) -> list[str]:
        """The kinds of a decision's sealed entries, in order, but for the payment's context: nobody waits for that."""
        connection = await asyncpg.connect(self.stack.database_url)
        try:
            found = await connection.fetch(
                "SELECT kind FROM ledger_entries WHERE decision_id = $1 AND kind <> 'payment_context' ORDER BY seq",
                decision_id,
            )
        finally:
            await connection.close()
        return [entry["kind"] for entry in found]

    async def decision_id_of(self, body: dict[str, Any]) -> str:
        """The id that a request was given before anything was decided."""
        connection = await asyncpg.connect(self.stack.database_url)
        try:
            decision_id: str = await connection.fetchval(
                "SELECT decision_id FROM idempotency_keys WHERE key = $1", body["idempotency_key"]
            )
        finally:
            await connection.close()
        return decision_id

    async def verify_ledger(self) -> subprocess.CompletedProcess[str]:
        """`axiru ledger verify`, as the README runs it."""
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-P", "-m", "axiru.cli", "ledger", "verify"],
            env=os.environ | {"AXIRU_DATABASE_URL": self.stack.database_url},
            capture_output=True,
            text=True,
            check=False,
        )

    def pid(self, part: str) -> int:
        """The part's process as `dev.json` has it now."""
        pids = msgspec.to_builtins(dev_json.read(Path(self.stack.home) / "dev.json").pids)[part]
        return int(pids[0] if isinstance(pids, list) else pids)

    def signal(self, part: str, number: int) -> int:
        """Send a signal to a part; returns the pid it had."""
        pid = self.pid(part)
        os.kill(pid, number)
        return pid

    async def kill(self, part: str) -> None:
        """`kill -9`, and wait until its successor runs and the product says it is ready."""
        pid = self.signal(part, signal.SIGKILL)
        async with asyncio.timeout(SETTLED_SECONDS):
            while True:
                if self.pid(part) != pid and psutil.pid_exists(self.pid(part)) and await self.ready():
                    return
                await asyncio.sleep(0.05)

    async def ready(self) -> bool:
        """What `/readyz` says."""
        try:
            return (await self.nobody.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False


def _client(url: str, token: str = "") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=SETTLED_SECONDS + 10)


@pytest.fixture
async def product(stack: DevJson) -> AsyncIterator[Product]:
    product = Product(stack)
    yield product
    await product.close()


@pytest.fixture
async def controller(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    """A person who may approve what needs a controller."""
    client = await product.log_in("controller")
    yield client
    await client.aclose()


@pytest.fixture
def enforce(stack: DevJson) -> Callable[..., contextlib.AbstractAsyncContextManager[None]]:
    """Axiru stands before the actions named, whatever other tests chose for them; their surfaces are given back."""
    ours = "organization_id = 'org_demo' AND mode = 'test' AND rail = 'stripe' AND rail_action = ANY($1)"

    @contextlib.asynccontextmanager
    async def enforced(*actions: str) -> AsyncIterator[None]:
        database = await asyncpg.connect(stack.database_admin_url)
        try:
            before = await database.fetch(
                f"DELETE FROM surfaces WHERE {ours} RETURNING to_jsonb(surfaces)::text AS surface",  # noqa: S608
                actions,
            )
            await database.execute(
                "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, "
                "surface_mode, updated_at) SELECT 'org_demo/test/stripe.' || action, 'org_demo', 'test', '', 'stripe', "
                "action, 'enforce', clock_timestamp() FROM unnest($1::text[]) AS action",
                actions,
            )
            yield
            await database.execute(f"DELETE FROM surfaces WHERE {ours}", actions)  # noqa: S608
            await database.execute(
                "INSERT INTO surfaces SELECT given.* FROM unnest($1::text[]) AS surface, "
                "jsonb_populate_record(NULL::surfaces, surface::jsonb) AS given",
                [row["surface"] for row in before],
            )
        finally:
            await database.close()

    return enforced
