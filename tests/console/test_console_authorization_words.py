"""Authorizations, budgets and token keys in the words people get."""

from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest

from axiru.domain.control import ControlHit
from axiru.domain.movement import Amount, Counterparty, Initiator, Ovt
from axiru.domain.span import span_text
from console.agent_views import Agent, AgentName, Branch, branches
from console.agreement_views import AgreementGuard, AgreementOfDay, SurfaceAgreement
from console.authorization_views import AgreementOfVersions, TokenState, TokenView
from console.authorization_words import (
    TOKEN_LOOKS,
    TOKEN_SENTENCES,
    agreement_sentence,
    no_token_sentence,
    outcome_of,
    token_event,
)
from console.budget_views import Budget
from console.budget_words import amount_of, consequence, standing, what_counts
from console.components.badge import look_of_decision
from console.detail_views import DecisionDetail, PolicySnapshot
from console.pages.decision_head import stopped_text
from console.pages.surface import in_words
from console.pages.token_keys import LOOKS, SENTENCES, consequences
from console.token_key_views import KeyState, TokenKey
from console.views import Execution, Person, TimelineEvent, ToldAmount

NOW = datetime(2026, 1, 2, tzinfo=UTC)
USDC = "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"


def decision(**changes: Any) -> DecisionDetail:
    ovt = Ovt(
        rail="x402",
        rail_action="payment",
        amount=Amount("1500000", USDC, 6),
        initiator=Initiator("agent", "agent_1"),
        counterparty=Counterparty("0x209693bc6afc0c5328ba36faf03c514ef312287c"),
    )
    described: dict[str, Any] = {
        "decision_id": "ed_1",
        "mode": "test",
        "state": "allowed",
        "outcome": "allow",
        "amount": ToldAmount("1500000", USDC, 6),
        "action": "payment",
        "rail": "x402",
        "rail_action": "payment",
        "received_at": NOW,
        "execution": Execution("caller"),
        "ovt": ovt,
    }
    return DecisionDetail(**described | changes)


def token(**changes: Any) -> TokenView:
    described: dict[str, Any] = {
        "jti": "jti_1",
        "key_id": "k",
        "issued_at": NOW,
        "expires_at": NOW,
        "status": "issued",
    }
    return TokenView(**described | changes)


def budget(**changes: Any) -> Budget:
    described: dict[str, Any] = {
        "policy": "p",
        "version": 1,
        "window": "sum:initiator:86400:stripe_daa.*:usd",
        "rule_id": "r",
        "effect": "deny",
        "measure": "sum",
        "per": "initiator",
        "rail": "stripe_daa",
        "window_seconds": 86_400,
        "ceiling_units": "100000",
        "reserved_units": "0",
        "committed_units": "0",
        "used_units": "0",
        "remaining_units": "100000",
        "used_percent": 0,
        "surface_mode": "enforce",
        "asset": "usd",
    }
    return Budget(**described | changes)


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"outcome": "allow", "state": "execution_failed"}, "allow"),
        ({"outcome": "deny", "state": "denied"}, "deny"),
        ({"outcome": "review", "state": "pending_approval", "approval_id": "ap_1"}, "quarantine"),
        ({"outcome": "review", "state": "held", "approval_id": "ap_1"}, "quarantine"),
        ({"outcome": "review", "state": "approved", "approval_id": "ap_1"}, "allow"),
        ({"outcome": "review", "state": "executed", "approval_id": "ap_1"}, "allow"),
        ({"outcome": "review", "state": "expired", "approval_id": "ap_1"}, "deny"),
        ({"outcome": "review", "state": "denied", "approval_id": "ap_1"}, "deny"),
        # In shadow nobody is asked.
        ({"outcome": "review", "state": "denied"}, "quarantine"),
    ],
)
def test_the_outcome_is_what_the_agents_backend_is_told(told: dict[str, Any], outcome: str) -> None:
    assert outcome_of(decision(**told)) == outcome


def test_the_policy_that_decided_is_named_by_its_default_too() -> None:
    assert decision(policy_version="v1", policy=PolicySnapshot("daa-starter", 1)).policy_name == "daa-starter v1"
    assert decision(policy_version=None).policy_name is None


def test_nobody_is_said_to_be_asked_in_shadow() -> None:
    review = {"outcome": "review", "state": "pending_approval", "approval_id": "ap_1"}
    assert no_token_sentence(decision(**review)).startswith("People are asked first")
    looked_at = decision(outcome="review", state="denied", surface_mode="shadow")
    assert no_token_sentence(looked_at).startswith("Enforced, people would be asked. In shadow nobody is")


@pytest.mark.parametrize(
    ("told", "label"),
    [
        ({"outcome": "review", "state": "denied", "surface_mode": "shadow"}, "Quarantine"),
        ({"outcome": "review", "state": "denied", "approval_id": "ap_1"}, "Denied"),
        ({"outcome": "deny", "state": "denied", "surface_mode": "shadow"}, "Denied"),
        ({"outcome": "review", "state": "denied", "surface_mode": "shadow", "bypass": True}, "Bypass"),
    ],
)
def test_what_nobody_was_asked_about_is_not_called_denied(told: dict[str, Any], label: str) -> None:
    assert look_of_decision(decision(**told)).label == label


@pytest.mark.parametrize(("held", "means"), [(token(), "its token cannot be used"), (None, "no token is given")])
def test_a_control_is_said_to_stop_the_token_that_nobody_executes(held: TokenView | None, means: str) -> None:
    frozen = ControlHit("ct_1", "agent_frozen", "This agent is frozen.")
    assert stopped_text(decision(token=held), frozen) == f"This agent is frozen: {means}"


def test_every_state_of_a_token_and_of_a_key_has_its_words() -> None:
    assert set(TOKEN_LOOKS) == set(TOKEN_SENTENCES) == set(get_args(TokenState))
    assert set(LOOKS) == set(SENTENCES) == set(get_args(KeyState))


@pytest.mark.parametrize(
    ("settlement", "units", "summary"),
    [
        ("settled", "1500000", "Settled: 1.50 USDC was moved"),
        ("settled", "1", "Settled: 0.000001 USDC of 1.50 USDC was moved"),
        ("settled", "0", "Settled: 0.00 USDC of 1.50 USDC was moved"),
        ("failed", "0", "Settlement reported as failed: nothing was moved"),
    ],
)
def test_a_settlement_is_told_in_the_payments_own_asset(settlement: str, units: str, summary: str) -> None:
    told = decision(token=token(settlement=settlement, settled_units=units, status=settlement))
    event = TimelineEvent(at=NOW, kind="token_settled", summary="raw")
    assert token_event(event, told).summary == summary


@pytest.mark.parametrize(
    ("compared", "agrees", "sentence"),
    [
        (0, None, "No version looked on."),
        (1, False, "The version that looked on differs."),
        (3, True, "All 3 versions that looked on agree."),
    ],
)
def test_agreement_says_how_many_looked_on(compared: int, agrees: bool | None, sentence: str) -> None:
    assert agreement_sentence(decision(agreement=AgreementOfVersions(compared, agrees))) == sentence


@pytest.mark.parametrize(
    ("percent", "remaining", "word"),
    [
        (79, "21", None),
        (80, "20", "80 % reached"),
        (99, "1", "80 % reached"),
        (100, "0", "Used up"),
        (250, "0", "Used up"),
    ],
)
def test_a_budget_that_fills_says_so_in_words(percent: int, remaining: str, word: str | None) -> None:
    look = standing(budget(used_percent=percent, remaining_units=remaining), 80)
    assert (look.label if look else None) == word


def test_a_budget_says_what_counts_and_what_happens_to_more() -> None:
    shown = budget(rail_actions=("agent_payment", "agent_payout"), effect="review", surface_mode="shadow")
    assert what_counts(shown) == "Agent payments and agent payouts on Stripe DAA within 24 hours"
    assert consequence(shown) == "Enforced, more would wait for people"
    assert amount_of(budget(measure="count", asset=None), "1") == "1 movement"
    assert amount_of(budget(asset="usdc"), "1500000") == "1.50 USDC"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (86_400, "24 hours"),
        (604_800, "7 days"),
        (3_600, "1 hour"),
        (7_200, "2 hours"),
        (90, "90 seconds"),
        (1, "1 second"),
    ],
)
def test_a_window_is_told_in_whole_units(seconds: int, text: str) -> None:
    assert span_text(seconds) == text


def agent(name: str, parent: str | None = None, **changes: Any) -> Agent:
    above = AgentName(parent, parent) if parent else None
    return Agent(id=name, agent_id=name, name=name, owner=Person("m"), parent=above, **changes)


def test_agents_stand_under_those_they_have_their_authority_from() -> None:
    tree = branches((agent("a"), agent("b", "a"), agent("c", "b"), agent("d", "gone"), agent("e", retired_at=NOW)))
    assert [branch.agent.name for branch in tree] == ["a", "d"]
    assert tree[0].below == (Branch(agent("b", "a"), (Branch(agent("c", "b")),)),)


@pytest.mark.parametrize(("suffices", "enforced"), [(True, False), (False, False), (False, True)])
def test_a_surface_says_whether_agreement_is_enough(suffices: bool, enforced: bool) -> None:
    rate = 100.0 if suffices else 50.0
    guard = AgreementGuard(
        days=7, needed_percent=98, decisions=2, agreed=2 if suffices else 1, suffices=suffices, rate_percent=rate
    )
    day = AgreementOfDay(date(2026, 1, 2), 2, guard.agreed, rate)
    agreement = SurfaceAgreement(
        surface="x402.payment",
        days=7,
        decisions=2,
        agreed=guard.agreed,
        series=(day,),
        versions=(),
        guard=guard,
        rate_percent=rate,
    )
    verdict = in_words(agreement, enforced=enforced)[1]
    assert ("enough" in verdict, "takes a reason" in verdict) == (suffices, not suffices and not enforced)


@pytest.mark.parametrize("state", ["signing", "next", "published"])
def test_revoking_a_key_says_what_follows(state: Any) -> None:
    told = consequences(TokenKey(kid="kid_1", state=state, published_at=NOW, active_from=NOW))
    assert all(told)
    assert "It cannot be undone." in told
