"""Disputes: staged and submitted evidence, deadlines, and how they end."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import stripe

DAY_SECONDS = 24 * 60 * 60


@pytest.fixture
def open_dispute(sandbox: Any) -> Callable[..., str]:
    """Have a customer dispute a charge; gives the dispute's id."""

    def disputed(charge: str, **facts: Any) -> str:
        answer = httpx.post(f"{sandbox.url}/_sandbox/disputes", json={"charge": charge, **facts})
        return str(answer.raise_for_status().json()["id"])

    return disputed


@pytest.fixture
def dispute(client: stripe.StripeClient, charge: stripe.Charge, open_dispute: Callable[..., str]) -> stripe.Dispute:
    """A fresh dispute of $400."""
    return client.v1.disputes.retrieve(open_dispute(charge.id))


def status_of(client: stripe.StripeClient, dispute: str) -> tuple[str, bool, bool, int]:
    now = client.v1.disputes.retrieve(dispute)
    details = now.evidence_details
    return now.status, details.has_evidence, details.past_due, details.submission_count


def told_of(client: stripe.StripeClient, dispute: str) -> list[str]:
    """Types of the events about a dispute, the oldest first."""
    events = client.v1.events.list({"limit": 100})
    return [event.type for event in events if event.data.object["id"] == dispute][::-1]


def test_a_dispute_takes_the_money_and_stops_refunds(
    client: stripe.StripeClient, charge: stripe.Charge, dispute: stripe.Dispute
) -> None:
    assert (dispute.amount, dispute.charge, dispute.status) == (40_000, charge.id, "needs_response")
    assert [(txn.net, txn.fee) for txn in dispute.balance_transactions] == [(-41_500, 1_500)]
    assert client.v1.charges.retrieve(charge.id).disputed is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"charge": charge.id, "amount": 1})
    assert refused.value.code == "charge_disputed"
    assert told_of(client, dispute.id) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert [found.id for found in client.v1.disputes.list({"charge": charge.id})] == [dispute.id]
    assert [found.id for found in client.v1.disputes.list({"payment_intent": str(charge.payment_intent)})] == [
        dispute.id
    ]


def test_an_inquiry_takes_no_money_and_its_charge_can_be_refunded(
    client: stripe.StripeClient, charge: stripe.Charge, open_dispute: Callable[..., str]
) -> None:
    inquiry = client.v1.disputes.retrieve(open_dispute(charge.id, inquiry=True, amount=100))

    assert (inquiry.status, inquiry.balance_transactions, inquiry.is_charge_refundable) == (
        "warning_needs_response",
        [],
        True,
    )
    assert client.v1.refunds.create({"charge": charge.id, "amount": 1}).status == "succeeded"
    assert client.v1.disputes.close(inquiry.id).status == "warning_closed"


def test_staged_evidence_is_not_with_the_bank(client: stripe.StripeClient, dispute: stripe.Dispute) -> None:
    staged = client.v1.disputes.update(
        dispute.id, {"evidence": {"customer_name": "Jane", "product_description": "A chair"}, "submit": False}
    )
    assert staged.evidence.customer_name == "Jane"
    assert status_of(client, dispute.id) == ("needs_response", True, False, 0)

    client.v1.disputes.update(dispute.id, {"evidence": {"customer_name": ""}, "submit": False})
    after = client.v1.disputes.retrieve(dispute.id).evidence
    assert (after.customer_name, after.product_description) == (None, "A chair")

    client.v1.disputes.update(dispute.id, {"submit": True})
    assert status_of(client, dispute.id) == ("under_review", True, False, 1)


def test_evidence_is_submitted_unless_said_otherwise_and_only_once(
    client: stripe.StripeClient, dispute: stripe.Dispute
) -> None:
    client.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "Jane"}})

    assert status_of(client, dispute.id) == ("under_review", True, False, 1)
    for submit in (True, False):
        with pytest.raises(stripe.InvalidRequestError, match="its status is under_review"):
            client.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "John"}, "submit": submit})
    assert client.v1.disputes.retrieve(dispute.id).evidence.customer_name == "Jane"
    assert client.v1.disputes.update(dispute.id, {"metadata": {"seen": "yes"}}).status == "under_review"


def test_metadata_alone_submits_nothing(client: stripe.StripeClient, dispute: stripe.Dispute) -> None:
    updated = client.v1.disputes.update(dispute.id, {"metadata": {"axiru_decision_id": "dec_1"}})

    assert updated.metadata.to_dict() == {"axiru_decision_id": "dec_1"}
    assert status_of(client, dispute.id) == ("needs_response", False, False, 0)


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"evidence": {"customer_name": "x" * 5_001}}, None, "evidence[customer_name]"),
        ({"evidence": {"uncategorized_text": "x" * 20_001}}, None, "evidence[uncategorized_text]"),
        ({"evidence": {"receipt": "file_1"}}, "resource_missing", "evidence[receipt]"),
        ({"evidence": {"invented": "x"}}, "parameter_unknown", "evidence[invented]"),
        ({"evidence": {"enhanced_evidence": {}, "service_date": ["x"]}}, None, "evidence[service_date]"),
        ({"evidence": "all of it"}, None, "evidence"),
        ({"submit": "maybe"}, None, "submit"),
    ],
)
def test_evidence_that_stripe_would_refuse_is_refused(
    client: stripe.StripeClient, dispute: stripe.Dispute, params: Any, code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.disputes.update(dispute.id, params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert status_of(client, dispute.id) == ("needs_response", False, False, 0)


def test_a_closed_dispute_is_lost_and_stays_closed(client: stripe.StripeClient, dispute: stripe.Dispute) -> None:
    assert client.v1.disputes.close(dispute.id).status == "lost"

    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.v1.disputes.close(dispute.id)
    with pytest.raises(stripe.InvalidRequestError, match="its status is lost"):
        client.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "Jane"}})
    assert told_of(client, dispute.id)[-1] == "charge.dispute.closed"


@pytest.mark.parametrize(("text", "status", "funds"), [("winning_evidence", "won", 2), ("losing_evidence", "lost", 1)])
def test_a_test_decides_how_a_dispute_ends(
    start_sandbox: Callable[..., Any], text: str, status: str, funds: int
) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    client.v1.disputes.update("du_demo_001", {"evidence": {"uncategorized_text": text}})
    assert client.v1.disputes.retrieve("du_demo_001").status == "under_review"

    sandbox.advance_clock(60)

    ended = client.v1.disputes.retrieve("du_demo_001")
    assert (ended.status, len(ended.balance_transactions)) == (status, funds)
    assert told_of(client, "du_demo_001")[-1] == "charge.dispute.closed"
    assert ("charge.dispute.funds_reinstated" in told_of(client, "du_demo_001")) == (status == "won")


def test_a_deadline_ends_a_dispute_whose_evidence_was_only_staged(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    client.v1.disputes.update("du_demo_001", {"evidence": {"customer_name": "Jane"}, "submit": False})
    client.v1.disputes.update("du_demo_002", {"evidence": {"customer_name": "Jane"}})
    sandbox.advance_clock(5 * DAY_SECONDS)
    assert status_of(client, "du_demo_001") == ("needs_response", True, False, 0)

    sandbox.advance_clock(3 * DAY_SECONDS)

    assert status_of(client, "du_demo_001") == ("lost", True, True, 0)
    assert status_of(client, "du_demo_002") == ("under_review", True, False, 1)
    assert told_of(client, "du_demo_001")[-2:] == ["charge.dispute.updated", "charge.dispute.closed"]


def test_a_deadline_can_be_moved(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    due_by = client.v1.disputes.retrieve("du_demo_006").created + 100 * DAY_SECONDS
    moved = httpx.post(f"{sandbox.url}/_sandbox/objects/du_demo_006", json={"due_by": due_by})
    assert moved.raise_for_status().json()["evidence_details"]["due_by"] == due_by

    sandbox.advance_clock(90 * DAY_SECONDS)
    assert client.v1.disputes.retrieve("du_demo_006").status == "warning_needs_response"
    sandbox.advance_clock(20 * DAY_SECONDS)
    assert client.v1.disputes.retrieve("du_demo_006").status == "warning_closed"


def test_the_bank_decides(sandbox: Any, client: stripe.StripeClient, dispute: stripe.Dispute) -> None:
    url = f"{sandbox.url}/_sandbox/objects/{dispute.id}"
    assert httpx.post(url, json={"status": "under_review"}).json()["status"] == "under_review"
    assert httpx.post(url, json={"status": "won"}).json()["status"] == "won"

    assert httpx.post(url, json={"status": "lost"}).status_code == 400
    assert httpx.post(url, json={"state": "lost"}).status_code == 400
    assert client.v1.disputes.retrieve(dispute.id).status == "won"
