"""The real worker in this process, on the demo organization, with a Temporal server, a PostgreSQL and a Stripe sandbox.

`pytest tests/workflows --record` writes the histories of these runs over the golden ones.
"""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle, WorkflowHistory
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from axiru import ids
from axiru.cli.worker import working
from axiru.database import connected, row, rows
from axiru.dev.demo import seed_demo
from axiru.dev.dev_json import DevJson
from axiru.dev.home import Home
from axiru.domain.approval import Ballot, Verdict
from axiru.domain.control import ControlKind
from axiru.domain.decision import DecisionReceipt, MovementInput
from axiru.domain.movement import Amount, Context, Execute, Initiator, Merchant, Ovt, Target
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.temporal import DECIDE_UPDATE_ID
from axiru.vault import Vault
from ledger.acts.activate import activate
from ledger.acts.control import engage, lift
from ledger.acts.decide import decide
from ledger.acts.drafts import save_draft
from ledger.acts.publish import AlreadyPublished, publish
from ledger.acts.standing import CompiledVersions
from ledger.acts.undo import ask_undo
from ledger.acts.vote import cast_vote
from ledger.keys import load_signer
from ledger.signing import Signer
from workflows.money_movement import MoneyMovement

GOLDEN = Path(__file__).parent / "histories"

# Asked for by `source`, so that the demo organization's own rules decide everything else.
EXTRA_RULES = """
policy: golden
schema: 2
applies_to: {rail: stripe}
rules:
  - id: short_deadline
    when: {context: {source: golden_deadline}}
    effect: review
    approvers: {role: controller, deadline: 1s}
    when_missing: skip
  - id: two_people
    when: {context: {source: golden_two_people}}
    effect: review
    approvers: {role: controller, count: 2, deadline: 1h}
    when_missing: skip
  - id: told_in_time
    when: {context: {source: golden_notices}}
    effect: review
    approvers: {role: controller, deadline: 1h, remind: [1s], escalate: [{after: 2s, role: admin}]}
    when_missing: skip
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="write the golden histories of workflows anew")


class Movements:
    """Requests to the demo organization and what becomes of them, without an API in front."""

    def __init__(self, client: Client, settings: Settings, signer: Signer, key: dict[str, str]) -> None:
        self.client = client
        self.task_queue = settings.temporal_task_queue
        self._stripe_url = settings.stripe_api_base
        self._signer = signer
        self._key = key

    async def record(
        self,
        amount_cents: int,
        *,
        charge: str = "ch_demo_001",
        target: Target | None = None,
        execute: Execute = "axiru",
        rail_action: str = "refund",
        tenure_days: int = 412,
        source: str = "golden",
        customer_id: str = "cus_personal",
        asked_seconds_ago: int = 0,
    ) -> str:
        """Record a request as intake does; returns its decision id."""
        decision_id = ids.new_id(ids.DECISION)
        ovt = Ovt(
            rail="stripe",
            rail_action=rail_action,
            amount=Amount(str(amount_cents), "usd"),
            initiator=Initiator("api_key", self._key["id"]),
            merchant=Merchant(stripe_connection_id="stripe_conn_demo"),
            target=target or Target(charge=charge),
            context=Context(
                customer_id=customer_id,
                customer_email="zoe@example.com",
                customer_tenure_days=tenure_days,
                reason_code="duplicate_charge",
                source=source,
            ),
            execute=execute,
        )
        await rows(
            "INSERT INTO requests VALUES ({}, 'org_demo', 'test', '/api/v1/decisions', {}, {}::jsonb, {}, {}, "
            "clock_timestamp(), clock_timestamp() - make_interval(secs => {}))",
            decision_id,
            "f" * 64,
            msgspec.json.encode(ovt).decode(),
            self._key["id"],
            self._key["owner_member_id"],
            float(asked_seconds_ago),
        )
        return decision_id

    async def decide(self, decision_id: str) -> DecisionReceipt:
        """Update-with-start, as the API calls it."""
        started: WithStartWorkflowOperation[MoneyMovement, str] = WithStartWorkflowOperation(
            MoneyMovement.run,
            MovementInput(decision_id, "org_demo", "test"),
            id=decision_id,
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )
        return await self.client.execute_update_with_start_workflow(
            MoneyMovement.decide, start_workflow_operation=started, id=DECIDE_UPDATE_ID
        )

    async def decide_without_workflow(self, decision_id: str) -> None:
        """The act alone: what a workflow that was lost has left behind."""
        await decide(decision_id, signer=self._signer, compiled=CompiledVersions())

    async def start(self, decision_id: str) -> WorkflowHandle[MoneyMovement, str]:
        """Start without waiting for the decision."""
        return await self.client.start_workflow(
            MoneyMovement.run,
            MovementInput(decision_id, "org_demo", "test"),
            id=decision_id,
            task_queue=self.task_queue,
        )

    async def vote(
        self, receipt: DecisionReceipt, verdict: Verdict = "approve", login: str = "controller", reason: str = ""
    ) -> None:
        """Cast a vote; the relay tells the workflow."""
        member = await row("SELECT id FROM members WHERE email = {}", f"{login}@demo.example")
        assert member is not None
        assert receipt.approval_id is not None
        ballot = Ballot(receipt.approval_id, "org_demo", member["id"], verdict, reason, "api")
        await cast_vote(ballot, signer=self._signer)

    async def ask_undo(self, decision_id: str) -> None:
        """Ask to take back what was executed; the relay starts its workflow."""
        await ask_undo(
            decision_id,
            stripe_status=None,
            reason="sent twice",
            member_id=await self._controller(),
            organization_id="org_demo",
            mode="test",
            signer=self._signer,
        )

    async def hold(self, decision_id: str) -> str:
        """Hold a decision; returns the control's id."""
        return await self._engage("hold", {"decision_id": decision_id})

    async def freeze(self, customer_id: str) -> str:
        return await self._engage("freeze", {"customer_id": customer_id})

    async def _engage(self, kind: ControlKind, scope: dict[str, str]) -> str:
        engaged = await engage(
            organization_id="org_demo",
            member_id=await self._controller(),
            kind=kind,
            scope=scope,
            applies_to="test",
            reason="a second look",
            expires_at=None,
            signer=self._signer,
        )
        return engaged.control_id

    async def release(self, control_id: str) -> None:
        """Release what is held; the relay tells the workflow."""
        await lift(
            organization_id="org_demo",
            member_id=await self._controller(),
            control_id=control_id,
            reason="fine",
            signer=self._signer,
        )

    async def _controller(self) -> str:
        member = await row("SELECT id FROM members WHERE email = 'controller@demo.example'")
        assert member is not None
        return str(member["id"])

    async def entries(self, decision_id: str) -> list[str]:
        """The kinds of a decision's sealed entries, in order."""
        found = await rows("SELECT kind FROM ledger_entries WHERE decision_id = {} ORDER BY seq", decision_id)
        return [entry["kind"] for entry in found]

    async def until_entry(self, decision_id: str, kind: str, times: int = 1) -> None:
        """Wait until so many entries of a kind are sealed."""
        async with asyncio.timeout(15):
            while (await self.entries(decision_id)).count(kind) < times:  # noqa: ASYNC110 - the condition is in the database
                await asyncio.sleep(0.05)

    async def until_execution(self, decision_id: str, state: str) -> None:
        """Wait until the execution of a decision is in a state."""
        async with asyncio.timeout(15):
            while True:
                found = await row("SELECT state FROM executions WHERE decision_id = {}", decision_id)
                if found == {"state": state}:
                    return
                await asyncio.sleep(0.05)

    async def plan_fault(
        self, kind: str, *, seconds: float = 0, method: str = "POST", path: str = "/v1/refunds"
    ) -> None:
        """What happens to the next request of its kind that comes to Stripe."""
        async with httpx.AsyncClient(base_url=self._stripe_url) as stripe:
            fault = {"kind": kind, "path": path, "method": method, "times": 1, "seconds": seconds}
            (await stripe.post("/_sandbox/faults", json=fault)).raise_for_status()

    async def approve_at_stripe(self, decision_id: str) -> None:
        """One of Stripe's own people agrees to the call."""
        asked = await row("SELECT stripe_approval ->> 'id' AS id FROM executions WHERE decision_id = {}", decision_id)
        assert asked is not None
        async with httpx.AsyncClient(base_url=self._stripe_url) as stripe:
            review = await stripe.post(f"/_sandbox/approval_requests/{asked['id']}", json={"approved": True})
            review.raise_for_status()

    async def result(self, decision_id: str) -> str:
        """The state the workflow ended in."""
        handle = self.client.get_workflow_handle_for(MoneyMovement.run, decision_id)
        return await asyncio.wait_for(handle.result(), 30)

    async def history(self, decision_id: str) -> WorkflowHistory:
        return await self.client.get_workflow_handle(decision_id).fetch_history()

    async def until_sealed(self, decision_id: str, acts: int) -> None:
        """Wait until the workflow has run so many acts: the decision is the first. It may still have to be started."""
        async with asyncio.timeout(15):
            while True:
                with suppress(RPCError):
                    events = (await self.history(decision_id)).events
                    markers = [event.marker_recorded_event_attributes.marker_name for event in events]
                    if markers.count("core_local_activity") >= acts:
                        return
                await asyncio.sleep(0.05)

    async def until_event(self, decision_id: str, event: "EventType.ValueType", times: int = 1) -> None:
        """Wait until the history has so many events of a type."""
        async with asyncio.timeout(15):
            while True:
                events = (await self.history(decision_id)).events
                if sum(one.event_type == event for one in events) >= times:
                    return
                await asyncio.sleep(0.05)


@pytest.fixture(scope="session")
def stripe_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Stripe sandbox with the demo charges."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    state = str(tmp_path_factory.mktemp("stripe"))
    process = subprocess.Popen(  # noqa: S603 - Axiru itself
        [sys.executable, "-m", "axiru.dev.sandbox", "--port", str(port), "--state", state]
    )
    try:
        transport = httpx.HTTPTransport(retries=8)
        with httpx.Client(transport=transport) as client:
            client.get(f"{url}/_sandbox/health").raise_for_status()
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
async def settings(infrastructure: DevJson, stripe_url: str) -> Settings:
    """Settings of a worker on a task queue of its own, with the demo organization in place."""
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
        temporal_address=infrastructure.temporal_address,
        temporal_namespace=infrastructure.temporal_namespace,
        temporal_task_queue=f"workflows-{secrets.token_hex(4)}",
        vault_key_file=str(home.vault_key()),
        stripe_api_base=stripe_url,
        stripe_timeout_seconds=2,
    )
    await seed_demo(settings, home.directory, admin_url=infrastructure.database_admin_url)
    return settings


@pytest.fixture(scope="module")
async def movements(settings: Settings) -> AsyncIterator[Movements]:
    """The worker and the relay of `axiru worker`, as long as the tests of a module run."""
    before = ChainHead._meta._db
    async with connected(settings):
        signer = await load_signer(Vault.from_settings(settings))
        await _add_rules(signer)
    async with working(settings) as client:
        key = await row("SELECT id, owner_member_id FROM api_keys WHERE name = 'demo decisions'")
        assert key is not None
        yield Movements(client, settings, signer, key)
    for table in ALL_TABLES:
        table._meta._db = before


async def _add_rules(signer: Signer) -> None:
    members = {
        member["name"]: member["id"] for member in await rows("SELECT name, id FROM members WHERE email LIKE '%demo%'")
    }
    author = {"organization_id": "org_demo", "member_id": members["Demo finance"]}
    draft = await save_draft(**author, text=EXTRA_RULES, format="yaml")
    with suppress(AlreadyPublished):
        published = await publish(draft.id, **author, signer=signer)
        await activate(
            published.version_id, organization_id="org_demo", member_id=members["Demo controller"], signer=signer
        )


@pytest.fixture
def keep_history(request: pytest.FixtureRequest) -> "KeepHistory":
    """Writes a history over the golden one of its name, when asked to on the command line."""
    return KeepHistory(recording=bool(request.config.getoption("--record", default=False)))


class KeepHistory(msgspec.Struct, frozen=True):
    recording: bool

    def __call__(self, name: str, history: WorkflowHistory) -> None:
        if self.recording:
            kept = json.dumps(_without_the_machine(json.loads(history.to_json())), indent=2)
            (GOLDEN / f"{name}.json").write_text(kept + "\n")


def _without_the_machine(history: Any) -> Any:
    """A history without paths and process names of the machine it was recorded on; replay needs neither."""
    match history:
        case dict():
            left_out = {"stackTrace", "identity"}
            return {name: _without_the_machine(value) for name, value in history.items() if name not in left_out}
        case list():
            return [_without_the_machine(value) for value in history]
        case _:
            return history
