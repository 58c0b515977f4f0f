"""What approvals still need, what speaks against them and what may be held, in the words and answers people get."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from axiru.domain.approval_sheet import PaymentContext
from axiru.domain.movement import Amount, Context, Initiator, Ovt, Target
from console.approval_views import ApprovalDiff, ApprovalGroup, ApprovalView, Asked, GroupMember, PolicyWord
from console.components.approval_table import asker_text, needs_text
from console.detail_views import DecisionDetail
from console.pages.decision_context import warnings
from console.pages.decision_hold import may_be_held
from console.views import Execution, Person, ToldAmount

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ANN = GroupMember("mem_ann", "Ann")


def approval(*groups: ApprovalGroup, payment: PaymentContext | None = None, **changes: Any) -> ApprovalView:
    asked = Asked(action="refund", amount=ToldAmount("40000", "usd"), charge="ch_1", customer_id="cus_1")
    policy = PolicyWord(reason="large", message="Large", matched_rule="policy:refunds:v1")
    described: dict[str, Any] = {
        "approval_id": "ap_1",
        "decision_id": "ed_1",
        "mode": "test",
        "state": "pending",
        "digest": "d",
        "asked_at": NOW,
        "expires_at": NOW,
        "diff": ApprovalDiff(asked, policy),
    }
    return ApprovalView(**described | changes, groups=groups, payment=payment)


def decision(state: Any = "pending_approval", **changes: Any) -> DecisionDetail:
    ovt = Ovt(
        rail="stripe",
        rail_action="refund",
        amount=Amount("40000", "usd"),
        initiator=Initiator("api_key", "key_1"),
        target=Target(charge="ch_1"),
        context=Context(customer_id="cus_1"),
    )
    described: dict[str, Any] = {
        "decision_id": "ed_1",
        "mode": "test",
        "state": state,
        "outcome": "review",
        "amount": ToldAmount("40000", "usd"),
        "action": "refund",
        "rail": "stripe",
        "rail_action": "refund",
        "received_at": NOW,
        "execution": Execution("axiru"),
        "execute": "axiru",
        "ovt": ovt,
    }
    return DecisionDetail(**described | changes)


def payment(**changes: Any) -> PaymentContext:
    told: dict[str, Any] = {
        "amount_cents": 40_000,
        "amount_refunded_cents": 0,
        "remaining_cents": 40_000,
        "currency": "usd",
        "status": "succeeded",
        "created_at": NOW,
        "disputed": False,
        "customer_id": "cus_1",
        "read_at": NOW,
    }
    return PaymentContext(**told | changes)


def test_an_agent_asked_and_not_whoever_its_key_belongs_to() -> None:
    person = approval(requested_by=Person("mem_1", "Mira"))
    asked = msgspec.structs.replace(person.diff.asked, agent=Initiator("agent", "agent_1"))
    agents = msgspec.structs.replace(person, diff=msgspec.structs.replace(person.diff, asked=asked))
    assert (asker_text(person), asker_text(agents)) == ("Mira", "agent_1")


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ((ApprovalGroup("controller"),), "1 controller"),
        ((ApprovalGroup("controller", 2),), "2 controllers"),
        ((ApprovalGroup("controller", 2, (ANN,)),), "1 of 2 controllers"),
        ((ApprovalGroup("controller", 1, (ANN,)), ApprovalGroup("finance_manager")), "1 finance manager"),
        ((ApprovalGroup("controller", 2), ApprovalGroup("finance_manager")), "2 controllers, 1 finance manager"),
        ((ApprovalGroup("controller", 1, (ANN,)),), ""),
    ],
)
def test_what_is_missing_is_counted_by_role(groups: tuple[ApprovalGroup, ...], text: str) -> None:
    assert needs_text(approval(*groups)) == text


@pytest.mark.parametrize(
    ("told", "warned"),
    [
        (payment(), ()),
        (payment(customer_id=None), ()),
        (payment(remaining_cents=39_999), ("$0.01 USD more than is left",)),
        (payment(currency="eur", remaining_cents=1), ("Asked for in USD, paid in EUR.",)),
        (payment(disputed=True), ("The customer disputes this payment",)),
        (payment(customer_id="cus_2"), ("On Stripe this payment belongs to cus_2, not to cus_1.",)),
        (payment(disputed=True, remaining_cents=0), ("$400.00 USD more than is left", "The customer disputes")),
    ],
)
def test_a_voter_is_warned_of_what_stripe_says_against_it(told: PaymentContext, warned: tuple[str, ...]) -> None:
    found = warnings(decision(approval=approval(payment=told)))
    assert [sentence.startswith(start) for sentence, start in zip(found, warned, strict=True)] == [True] * len(warned)


def test_nobody_is_warned_of_what_is_decided_or_not_known() -> None:
    against = payment(disputed=True)
    assert warnings(decision(approval=approval(payment=against, state="approved"))) == ()
    assert warnings(decision(approval=approval())) == ()
    assert warnings(decision()) == ()


@pytest.mark.parametrize(
    ("state", "changes", "held"),
    [
        ("pending_approval", {}, True),
        ("pending_approval", {"execute": "caller"}, True),
        ("approved", {}, True),
        ("executing", {}, True),
        ("allowed", {"execute": "caller"}, False),
        ("approved", {"execute": "caller"}, False),
        ("pending_approval", {"surface_mode": "shadow"}, False),
        ("held", {}, False),
        ("executed", {}, False),
        ("denied", {}, False),
    ],
)
def test_only_what_a_hold_can_still_stop_is_offered_to_be_held(state: str, changes: dict[str, Any], held: bool) -> None:
    assert may_be_held(decision(state, **changes)) is held
