"""The packs to start from: which there are, what they leave open, and that a value moves the edge it names."""

from datetime import UTC, datetime
from typing import Any

import pytest

from axiru.domain.evaluation import Outcome
from policies import compile_policy, evaluate, pack, pack_names, parse
from policies.templates import instantiate, template

NOON_ON_TUESDAY = datetime(2026, 4, 28, 16, tzinfo=UTC)
HASHES = {
    "refunds-starter": "10f1165a2998204dc373d94986f56edb0de3fc388c8590bd1ed7d95ddf563edc",
    "daa-starter": "93982d807d20ccbaacb23d278ba1b3a6947f3434ef5456554ddeb14a8289a69d",
}


def outcome(name: str, values: dict[str, Any], **facts: Any) -> tuple[Outcome, str]:
    evaluation = evaluate(compile_policy(instantiate(name, values)), facts, now=NOON_ON_TUESDAY)
    return evaluation.outcome, evaluation.reason


def test_the_library_holds_every_pack_that_was_promised() -> None:
    assert pack_names() == (
        "daa-agent-payment-cap",
        "daa-country-blocklist",
        "daa-rolling-window",
        "daa-starter",
        "disputes-starter",
        "marketplace-transfers",
        "payouts-starter",
        "refunds-starter",
        "refunds-strict",
        "x402-starter",
    )


@pytest.mark.parametrize(("name", "content_hash"), HASHES.items())
def test_packs_in_force_since_the_first_day_are_still_the_same_policy(name: str, content_hash: str) -> None:
    assert compile_policy(parse(pack(name))).content_hash == content_hash


@pytest.mark.parametrize("name", pack_names())
def test_a_pack_says_what_it_is_for_and_explains_what_it_leaves_open(name: str) -> None:
    found = template(name)
    assert found.title
    assert found.description.endswith(".")
    for parameter in found.parameters:
        assert parameter.description, parameter.name
        assert parameter.default is not None, parameter.name


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("daa-agent-payment-cap", {"cap": 50_000, "currency": "usd"}),
        ("daa-rolling-window", {"ceiling": 100_000, "currency": "usd", "within": "24h"}),
        ("daa-country-blocklist", {"countries": ["CU", "IR", "KP", "SY"]}),
    ],
)
def test_the_agent_templates_default_to_the_guides_limits(name: str, defaults: dict[str, Any]) -> None:
    assert {each.name: each.default for each in template(name).parameters} == defaults


def test_another_cap_in_another_currency_moves_the_edge_and_what_is_covered() -> None:
    values = {"cap": 30_000, "currency": "jpy"}
    payment = {"rail": "stripe_daa", "rail_action": "agent_payment", "currency": "jpy"}
    assert outcome("daa-agent-payment-cap", values, **payment, amount_cents=30_000)[0] is Outcome.ALLOW
    assert outcome("daa-agent-payment-cap", values, **payment, amount_cents=30_001)[0] is Outcome.DENY
    dollars = {**payment, "currency": "usd", "amount_cents": 1}
    assert outcome("daa-agent-payment-cap", values, **dollars) == (Outcome.REVIEW, "currency_not_covered")


def test_another_ceiling_and_length_move_the_window() -> None:
    values = {"ceiling": 5_000, "within": "1h"}
    policy = instantiate("daa-rolling-window", values)
    (window,) = compile_policy(policy).windows
    assert window.within_seconds == 3600
    payment = {"rail": "stripe_daa", "rail_action": "agent_payment", "currency": "usd", window.fact: 4_000}
    assert outcome("daa-rolling-window", values, **payment, amount_cents=1_000)[0] is Outcome.ALLOW
    assert outcome("daa-rolling-window", values, **payment, amount_cents=1_001)[0] is Outcome.DENY


def test_other_countries_replace_the_blocklist() -> None:
    payout = {"rail": "stripe_daa", "rail_action": "agent_payout", "amount_cents": 1, "currency": "usd"}
    for country, expected in (("BY", Outcome.DENY), ("CU", Outcome.ALLOW)):
        facts = {**payout, "counterparty.country": country}
        assert outcome("daa-country-blocklist", {"countries": ["BY", "RU"]}, **facts)[0] is expected


@pytest.mark.parametrize(
    ("hours", "expected"),
    [({"zone": "Asia/Tokyo"}, Outcome.REVIEW), ({"opens": "12:00", "closes": "12:01"}, Outcome.ALLOW)],
)
def test_other_business_hours_are_kept(hours: dict[str, Any], expected: Outcome) -> None:
    facts = {
        "rail": "stripe", "rail_action": "payout", "amount_cents": 200_000, "currency": "usd",
        "extra.destination_country": "US", "label.marked_for_review": False,
        "window.sum:merchant:86400:stripe.payout:usd": 0,
    }  # fmt: skip
    assert outcome("payouts-starter", hours, **facts)[0] is expected
