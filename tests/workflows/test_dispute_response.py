"""A dispute from its opening to its end, on a real Temporal, worker, PostgreSQL and Stripe sandbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from temporalio.client import WorkflowHistory
from temporalio.service import RPCError
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from activities.dispute_relay import watch_over_disputes
from axiru import ids
from axiru.database import row, rows
from axiru.dev.dev_json import DevJson
from axiru.domain.dispute import dispute_facts
from axiru.domain.dispute_response import DisputeInput
from axiru.domain.movement import Amount, Context, Initiator, Merchant, Ovt, Target
from axiru.settings import Settings
from axiru.temporal import data_converter
from ledger.acts.dispute import record_dispute
from ledger.acts.evidence import give_facts
from ledger.evidence_packets import StoredPacket, last_good_packet, packets_of
from workflows.dispute_response import DisputeResponse

GOLDEN = Path(__file__).parent / "histories" / "disputes"
OUTCOMES = {
    "answered": "under_review",
    "answered_alone": "under_review",
    "denied": "past_due",
    "closed": "lost",
    "past_due": "past_due",
}
LEAD = timedelta(hours=Settings().dispute_lead_hours)
ASKS_ONE_PERSON, EXPIRES_AT_ONCE = "golden_notices", "golden_deadline"


class Case:
    """One dispute in the sandbox, and what Axiru does about it."""

    def __init__(self, movements: Any, stripe: httpx.AsyncClient, document: dict[str, Any]) -> None:
        self.movements = movements
        self.stripe = stripe
        self.id = str(document["id"])
        self.facts = dispute_facts(document)
        self.input = DisputeInput(self.id, "org_demo", "test")

    async def told(self, **changes: Any) -> None:
        """Stripe tells of the dispute, as its events would."""
        self.facts = msgspec.structs.replace(self.facts, **changes)
        await record_dispute(
            self.facts,
            organization_id="org_demo",
            mode="test",
            stripe_connection_id="stripe_conn_demo",
            stripe_account_id="acct_demo",
            signer=self.movements._signer,
        )

    async def on_stripe(self) -> dict[str, Any]:
        answer = await self.stripe.get(f"/v1/disputes/{self.id}")
        answer.raise_for_status()
        return dict(answer.json())

    async def packet(self, *, degraded: bool = False, staged: bool = False, version: int = 1) -> StoredPacket:
        """The newest version, as soon as it is as wanted."""
        async with asyncio.timeout(20):
            while True:
                for newest in (await packets_of("org_demo", "test", self.id))[:1]:
                    as_wanted = newest.degraded is degraded and (newest.staged_at is not None or not staged)
                    if as_wanted and newest.version >= version:
                        return newest
                await asyncio.sleep(0.05)

    async def give(self, **facts: str) -> None:
        await give_facts(
            self.id, facts, organization_id="org_demo", mode="test", by="key_1", signer=self.movements._signer
        )

    async def ask(self, source: str) -> Any:
        """A caller asks to submit the last good packet; returns the receipt."""
        packet = await last_good_packet("org_demo", "test", self.id)
        assert packet is not None
        decision_id = ids.new_id(ids.DECISION)
        ovt = Ovt(
            rail="stripe",
            rail_action="dispute",
            amount=Amount(str(self.facts.amount_cents), "usd"),
            initiator=Initiator("api_key", self.movements._key["id"]),
            merchant=Merchant(stripe_connection_id="stripe_conn_demo"),
            target=Target(
                dispute=self.id,
                dispute_action="submit_evidence",
                packet=packet.id,
                packet_digest=packet.digest,
            ),
            context=Context(source=source, customer_tenure_days=412, reason_code="fraudulent"),
            execute="axiru",
        )
        await rows(
            "INSERT INTO requests VALUES ({}, 'org_demo', 'test', '/api/v1/decisions', {}, {}::jsonb, {}, {}, "
            "clock_timestamp(), clock_timestamp())",
            *(decision_id, "f" * 64, msgspec.json.encode(ovt).decode()),
            *(self.movements._key["id"], self.movements._key["owner_member_id"]),
        )
        return await self.movements.decide(decision_id)

    async def submissions(self) -> int:
        """How often evidence was submitted: by what Stripe counts, and by the requests that reached it."""
        sent = await self.stripe.get("/_sandbox/requests", params={"method": "POST", "path": f"/v1/disputes/{self.id}"})
        submitting = [one for one in sent.json()["data"] if "metadata" in one["params"]]
        counted = int((await self.on_stripe())["evidence_details"]["submission_count"])
        assert len(submitting) == counted, "the bank has what was sent, and no more was sent"
        return counted

    async def alone(self) -> dict[str, Any]:
        """The decision that Axiru asked for by itself, once it was executed."""
        async with asyncio.timeout(30):
            while True:
                found = await row(
                    "SELECT d.id, d.state, d.reason FROM decisions d JOIN requests r ON r.decision_id = d.id "
                    "WHERE r.endpoint = 'dispute_response' AND r.ovt -> 'target' ->> 'dispute' = {}",
                    self.id,
                )
                if found is not None and found["state"] == "executed":
                    return found
                await asyncio.sleep(0.05)

    async def states_told(self) -> list[str]:
        found = await rows(
            "SELECT payload ->> 'state' AS state FROM outbox WHERE organization_id = 'org_demo' "
            "AND topic = 'dispute' AND payload ->> 'dispute_id' = {} ORDER BY seq, position",
            self.id,
        )
        return [one["state"] for one in found]

    async def ends(self, name: str, keep_history: Any) -> None:
        handle = self.movements.client.get_workflow_handle(self.input.workflow_id)
        async with asyncio.timeout(40):
            while True:
                with suppress(RPCError):  # the relay may not have started it yet
                    assert await handle.result() == OUTCOMES[name]
                    break
                await asyncio.sleep(0.05)
        keep_history(f"disputes/{name}", await handle.fetch_history())


@pytest.fixture(scope="module", autouse=True)
async def enforced(movements: Any, infrastructure: DevJson) -> AsyncIterator[None]:
    """Axiru stands between callers and their disputes, while the tests of this module run."""
    place = "organization_id = 'org_demo' AND mode = 'test' AND rail_action = 'dispute' AND stripe_connection_id = ''"
    owner = await asyncpg.connect(infrastructure.database_admin_url)
    before = await owner.fetchval(f"DELETE FROM surfaces WHERE {place} RETURNING surface_mode")  # noqa: S608
    enforce = (
        "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode, "
        "updated_at) VALUES ('org_demo/test/stripe.dispute', 'org_demo', 'test', '', 'stripe', 'dispute', $1, now())"
    )
    await owner.execute(enforce, "enforce")
    yield
    await owner.execute(f"DELETE FROM surfaces WHERE {place}")  # noqa: S608
    if before is not None:
        await owner.execute(enforce, before)
    await owner.close()


@pytest.fixture
async def stripe(stripe_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stripe_url, headers={"Authorization": "Bearer sk_test_owner"}) as client:
        yield client
        (await client.delete("/_sandbox/faults")).raise_for_status()


@pytest.fixture
async def case(movements: Any, stripe: httpx.AsyncClient) -> Case:
    """A charge that its customer disputes at once; Axiru has not heard of it yet."""
    form = {"amount": "20000", "currency": "usd", "source": "tok_visa"}
    charge = (await stripe.post("/v1/charges", data=form)).json()
    opened = await stripe.post("/_sandbox/disputes", json={"charge": charge["id"]})
    opened.raise_for_status()
    return Case(movements, stripe, opened.json())


async def test_a_dispute_is_staged_approved_and_submitted_once(case: Case, keep_history: Any) -> None:
    await case.told()
    await case.packet(staged=True)
    await case.give(customer_name="Ann Example")
    packet = await case.packet(staged=True, version=2)
    staged = await case.on_stripe()
    assert staged["evidence"]["customer_name"] == "Ann Example"
    assert (staged["status"], staged["evidence_details"]["submission_count"]) == ("needs_response", 0)

    receipt = await case.ask(ASKS_ONE_PERSON)
    assert receipt.state == "pending_approval"
    assert await case.submissions() == 0
    await case.movements.vote(receipt)
    assert await case.movements.result(receipt.decision_id) == "executed"

    assert await case.submissions() == 1
    shown = await case.on_stripe()
    assert shown["metadata"]["axiru_decision_id"] == receipt.decision_id
    assert {name: text for name, text in shown["evidence"].items() if isinstance(text, str)} == packet.evidence
    submitted = (await packets_of("org_demo", "test", case.id))[0]
    assert (submitted.submitted_by_decision, submitted.submitted_degraded) == (receipt.decision_id, False)
    await case.ends("answered", keep_history)


async def test_the_last_good_packet_goes_out_when_stripe_shows_no_charge_before_the_deadline(
    case: Case, keep_history: Any
) -> None:
    await case.told(evidence_due_by=datetime.now(UTC) + LEAD + timedelta(seconds=4))
    good = await case.packet(staged=True)
    await _cut_off(case, path=f"/v1/charges/{case.facts.charge}", method="GET")
    await case.give(customer_name="Ann Example")
    await case.packet(degraded=True, version=3)
    # The answer to the submission is lost as well: it must be found again, not made again.
    await _cut_off(case, path=f"/v1/disputes/{case.id}", method="POST", kind="drop_connection_after", times=1)

    alone = await case.alone()

    assert await case.submissions() == 1
    shown = await case.on_stripe()
    assert shown["metadata"]["axiru_decision_id"] == alone["id"]
    sent = next(one for one in await packets_of("org_demo", "test", case.id) if one.submitted_at)
    assert (sent.degraded, sent.submitted_degraded) == (False, True)
    assert sent.version >= good.version
    assert {name: text for name, text in shown["evidence"].items() if isinstance(text, str)} == sent.evidence
    assert [state for state in await case.states_told() if state in {"due_soon", "degraded", "submitted"}] == [
        "due_soon",
        "degraded",
        "submitted",
    ]
    await case.ends("answered_alone", keep_history)


async def test_an_approval_that_expired_is_answered_alone(case: Case) -> None:
    await case.told(evidence_due_by=datetime.now(UTC) + LEAD + timedelta(seconds=6))
    await case.packet(staged=True)
    receipt = await case.ask(EXPIRES_AT_ONCE)
    assert await case.movements.result(receipt.decision_id) == "expired"
    await case.alone()
    assert await case.submissions() == 1


async def test_what_a_person_denied_stays_unanswered(case: Case, keep_history: Any) -> None:
    await case.told()
    await case.packet(staged=True)
    receipt = await case.ask(ASKS_ONE_PERSON)
    await case.movements.vote(receipt, verdict="deny", reason="we were wrong")
    assert await case.movements.result(receipt.decision_id) == "denied"
    await case.told(evidence_due_by=datetime.now(UTC) + timedelta(seconds=3))
    await case.ends("denied", keep_history)
    assert await case.submissions() == 0
    assert "degraded" not in await case.states_told()


async def test_what_is_decided_about_the_charge_becomes_evidence(case: Case) -> None:
    await case.told()
    await case.packet(staged=True)
    decision_id = await case.movements.record(4_200, charge=case.facts.charge, execute="caller")
    await case.movements.decide(decision_id)
    packet = await case.packet(version=2)
    assert "Refund of $42.00" in packet.evidence["uncategorized_text"]
    assert [one.decision_id for one in packet.sources.decisions] == [decision_id]


async def test_a_dispute_whose_workflow_was_lost_gets_another(case: Case) -> None:
    await case.told(evidence_due_by=datetime.now(UTC) + LEAD * 5)
    await case.packet(staged=True)
    handle = case.movements.client.get_workflow_handle(case.input.workflow_id)
    await handle.terminate("lost")
    assert await watch_over_disputes(case.movements.client, case.movements.task_queue) >= 1
    await case.told(status="won")
    assert await asyncio.wait_for(handle.result(), 20) == "won"


async def test_a_dispute_that_is_closed_meanwhile_ends(case: Case, keep_history: Any) -> None:
    await case.told()
    await case.packet(staged=True)
    await case.told(status="lost")
    await case.ends("closed", keep_history)


async def test_a_dispute_found_too_late_is_told_and_nothing_is_sent(case: Case, keep_history: Any) -> None:
    await case.told(evidence_due_by=datetime.now(UTC) - timedelta(minutes=1))
    await case.ends("past_due", keep_history)
    assert await case.submissions() == 0
    assert [state for state in await case.states_told() if state == "past_due"] == ["past_due"]
    assert await packets_of("org_demo", "test", case.id), "the evidence is kept all the same"


@pytest.mark.parametrize("name", OUTCOMES)
async def test_golden_history_of_a_dispute_is_still_followed(name: str) -> None:
    replayer = Replayer(
        workflows=[DisputeResponse],
        data_converter=data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(name, (GOLDEN / f"{name}.json").read_text()))


def test_every_outcome_has_its_history() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == OUTCOMES.keys()


async def _cut_off(case: Case, *, path: str, method: str, kind: str = "status_500_before", times: int = 100) -> None:
    fault = {"kind": kind, "path": path, "method": method, "times": times, "seconds": 0}
    (await case.stripe.post("/_sandbox/faults", json=fault)).raise_for_status()
