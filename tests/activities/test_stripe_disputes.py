"""Answers to disputes on Stripe: what is refused and why, what is staged, and what a Stripe that is away leaves."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from temporalio.testing import ActivityEnvironment

from activities.disputes import DisputeResponses
from activities.stripe_client import StripeClients
from axiru.database import rows
from axiru.domain.dispute import DisputeFacts, dispute_facts
from axiru.domain.dispute_response import DisputeInput, DisputePlan
from axiru.domain.movement import Target
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.dispute import record_dispute
from ledger.acts.evidence import give_facts
from ledger.evidence_packets import StoredPacket, packets_of
from ledger.keys import load_signer


class Responses:
    """The activities of a dispute's workflow, run as a worker runs them; nothing here needs Temporal."""

    def __init__(self, settings: Settings, clients: StripeClients, signer: Any) -> None:
        self.signer = signer
        # Only `answer` starts a workflow; tests/workflows runs it with a Temporal.
        self._activities = DisputeResponses(settings, clients, signer, None)  # type: ignore[arg-type]

    async def opened(self, sandbox: Any, **changes: Any) -> DisputeInput:
        """A dispute in the sandbox, as it was told, with `changes` that Stripe has not heard of."""
        charge = sandbox.charge(20_000)
        answer = sandbox._http.post("/_sandbox/disputes", json={"charge": charge})
        answer.raise_for_status()
        facts = msgspec.structs.replace(dispute_facts(answer.json()), **changes)
        await self.told(facts)
        return DisputeInput(facts.id, "org_demo", "test")

    async def told(self, facts: DisputeFacts) -> None:
        await record_dispute(
            facts,
            organization_id="org_demo",
            mode="test",
            stripe_connection_id="stripe_conn_demo",
            stripe_account_id="acct_demo",
            signer=self.signer,
        )

    async def prepare(self, dispute: DisputeInput) -> DisputePlan:
        plan: DisputePlan = await ActivityEnvironment().run(self._activities.prepare, dispute)
        return plan

    async def give(self, dispute: DisputeInput, **facts: str | None) -> None:
        await give_facts(
            dispute.dispute_id, facts, organization_id="org_demo", mode="test", by="key_1", signer=self.signer
        )


@pytest.fixture
async def responses(settings: Settings, executions: Any) -> AsyncIterator[Responses]:
    vault = Vault.from_settings(settings)
    clients = StripeClients(settings, vault)
    yield Responses(settings, clients, await load_signer(vault))
    await clients.close()


async def _newest(dispute: DisputeInput) -> StoredPacket:
    return (await packets_of("org_demo", "test", dispute.dispute_id))[0]


def _submit(dispute: DisputeInput, packet: StoredPacket, /, **changes: str) -> Target:
    target = Target(
        dispute=dispute.dispute_id, dispute_action="submit_evidence", packet=packet.id, packet_digest=packet.digest
    )
    return msgspec.structs.replace(target, **changes)


async def test_a_good_packet_is_staged_once_and_not_submitted(responses: Responses, sandbox: Any) -> None:
    dispute = await responses.opened(sandbox)
    sandbox.forget()

    for _ in range(3):
        assert not (await responses.prepare(dispute)).degraded

    assert sandbox.money_calls() == [f"/v1/disputes/{dispute.dispute_id}"]
    shown = sandbox.got(f"/v1/disputes/{dispute.dispute_id}")
    packet = await _newest(dispute)
    assert shown["evidence"]["uncategorized_text"] == packet.evidence["uncategorized_text"]
    assert (shown["status"], shown["evidence_details"]["submission_count"]) == ("needs_response", 0)
    assert packet.staged_at is not None


async def test_what_was_taken_back_is_cleared_on_stripe(responses: Responses, sandbox: Any) -> None:
    dispute = await responses.opened(sandbox)
    await responses.prepare(dispute)
    await responses.give(dispute, customer_name="Ann", shipping_carrier="Post")
    await responses.prepare(dispute)
    await responses.give(dispute, customer_name=None)
    await responses.prepare(dispute)

    evidence = sandbox.got(f"/v1/disputes/{dispute.dispute_id}")["evidence"]
    assert (evidence["customer_name"], evidence["shipping_carrier"]) == (None, "Post")


async def test_what_somebody_drafted_on_stripe_stays_while_evidence_is_only_staged(
    responses: Responses, sandbox: Any
) -> None:
    dispute = await responses.opened(sandbox)
    sandbox.posted(f"/v1/disputes/{dispute.dispute_id}", **{"evidence[service_date]": "May", "submit": "false"})
    await responses.prepare(dispute)

    assert sandbox.got(f"/v1/disputes/{dispute.dispute_id}")["evidence"]["service_date"] == "May"


@pytest.mark.parametrize(
    ("fault", "seconds"), [("status_500_before", 0), ("drop_connection_after", 0), ("hang_seconds", 2)]
)
async def test_a_charge_that_cannot_be_read_makes_a_degraded_packet_and_leaves_the_good_one(
    fault: str, seconds: float, responses: Responses, sandbox: Any
) -> None:
    dispute = await responses.opened(sandbox)
    await responses.prepare(dispute)
    good = await _newest(dispute)
    sandbox.plan_fault(fault, seconds=seconds, method="GET", path=f"/v1/charges/{_charge(sandbox, dispute)}")

    assert (await responses.prepare(dispute)).degraded

    degraded = await _newest(dispute)
    assert (degraded.version, degraded.degraded, degraded.missing[0]) == (2, True, "charge")
    assert degraded.staged_at is None
    assert good in await packets_of("org_demo", "test", dispute.dispute_id)
    assert not (await responses.prepare(dispute)).degraded, "Stripe is back"


async def test_a_connection_that_is_gone_degrades_and_stages_nothing(responses: Responses, sandbox: Any) -> None:
    dispute = await responses.opened(sandbox)
    sandbox.forget()
    await rows("UPDATE stripe_connections SET status = 'disconnected' WHERE id = 'stripe_conn_demo'")
    try:
        assert (await responses.prepare(dispute)).degraded
    finally:
        await rows("UPDATE stripe_connections SET status = 'active' WHERE id = 'stripe_conn_demo'")
    assert sandbox.money_calls() == []


async def test_staging_that_fails_is_tried_with_the_next_occasion(responses: Responses, sandbox: Any) -> None:
    dispute = await responses.opened(sandbox)
    sandbox.plan_fault("status_500_before", path=f"/v1/disputes/{dispute.dispute_id}")
    await responses.prepare(dispute)
    assert (await _newest(dispute)).staged_at is None
    await responses.prepare(dispute)
    assert (await _newest(dispute)).staged_at is not None


async def test_submitting_sends_the_packet_and_nothing_that_lay_on_stripe_beside_it(
    responses: Responses, executions: Any, sandbox: Any
) -> None:
    dispute = await responses.opened(sandbox)
    await responses.prepare(dispute)
    packet = await _newest(dispute)
    sandbox.posted(f"/v1/disputes/{dispute.dispute_id}", **{"evidence[service_date]": "May", "submit": "false"})
    movement = await executions.to_execute("dispute", _submit(dispute, packet), 20_000)

    assert await executions.attempt(movement) == "executed"

    shown = sandbox.got(f"/v1/disputes/{dispute.dispute_id}")
    assert {name: text for name, text in shown["evidence"].items() if isinstance(text, str)} == packet.evidence
    assert shown["status"] == "under_review"


@pytest.mark.parametrize(
    ("changes", "amount_cents", "code"),
    [
        ({"packet_digest": "0" * 64}, 20_000, "packet_altered"),
        ({"packet": "ep_unknown"}, 20_000, "packet_altered"),
        ({}, 19_999, "amount_mismatch"),
    ],
)
async def test_what_was_not_decided_like_this_is_not_submitted(
    changes: dict[str, str], amount_cents: int, code: str, responses: Responses, executions: Any, sandbox: Any
) -> None:
    dispute = await responses.opened(sandbox)
    await responses.prepare(dispute)
    target = _submit(dispute, await _newest(dispute), **changes)
    await _refused(executions, sandbox, target, amount_cents, code)


async def test_the_packet_of_another_dispute_is_not_submitted(
    responses: Responses, executions: Any, sandbox: Any
) -> None:
    one, other = await responses.opened(sandbox), await responses.opened(sandbox)
    await responses.prepare(one)
    await responses.prepare(other)
    await _refused(executions, sandbox, _submit(one, await _newest(other)), 20_000, "packet_altered")


@pytest.mark.parametrize("action", ["submit_evidence", "close"])
@pytest.mark.parametrize(
    ("status", "code"),
    [("lost", "dispute_closed"), ("won", "dispute_closed"), ("under_review", "evidence_already_submitted")],
)
async def test_a_dispute_that_is_over_or_answered_is_left_alone(
    action: str, status: str, code: str, responses: Responses, executions: Any, sandbox: Any
) -> None:
    dispute = await responses.opened(sandbox)
    await responses.prepare(dispute)
    packet = await _newest(dispute)
    sandbox._http.post(f"/_sandbox/objects/{dispute.dispute_id}", json={"status": status}).raise_for_status()
    target = (
        _submit(dispute, packet)
        if action == "submit_evidence"
        else Target(dispute=dispute.dispute_id, dispute_action="close")
    )
    await _refused(executions, sandbox, target, 20_000, code)


async def test_nothing_is_submitted_past_due(responses: Responses, executions: Any, sandbox: Any) -> None:
    dispute = await responses.opened(sandbox)
    await responses.prepare(dispute)
    packet = await _newest(dispute)
    due_by = int((datetime.now(UTC) - timedelta(minutes=1)).timestamp())
    sandbox._http.post(f"/_sandbox/objects/{dispute.dispute_id}", json={"due_by": due_by}).raise_for_status()
    movement = await executions.to_execute("dispute", _submit(dispute, packet), 20_000)
    assert await executions.attempt(movement) == "execution_failed"
    assert (await executions.execution(movement))["error_code"] in {"evidence_past_due", "dispute_closed"}


def _charge(sandbox: Any, dispute: DisputeInput) -> str:
    return str(sandbox.got(f"/v1/disputes/{dispute.dispute_id}")["charge"])


async def _refused(executions: Any, sandbox: Any, target: Target, amount_cents: int, code: str) -> None:
    movement = await executions.to_execute("dispute", target, amount_cents)
    sandbox.forget()
    assert await executions.attempt(movement) == "execution_failed"
    execution = await executions.execution(movement)
    assert (execution["error_code"], bool(execution["error_message"])) == (code, True)
    assert sandbox.money_calls() == []
