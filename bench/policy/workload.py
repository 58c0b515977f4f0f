"""The rules and requests that every engine is given, in no engine's language."""

from collections.abc import Iterator
from typing import Literal

import msgspec

Facts = dict[str, str | int]

SHAPES = 5
DEFAULTS: Facts = {
    "rail": "stripe",
    "rail_action": "refund",
    "amount_cents": 500,
    "currency": "usd",
    "initiator.id": "support_tool",
    "counterparty.country": "US",
    "context.customer_id": "cus_regular",
    "context.customer_tenure_days": 400,
    "context.reason_code": "duplicate_charge",
}
"""A request that no rule speaks of."""


class Word(msgspec.Struct, frozen=True):
    """The fact is exactly `value`."""

    fact: str
    value: str


class Number(msgspec.Struct, frozen=True):
    """The fact is at least `at_least`, and under `under` unless that is None."""

    fact: str
    at_least: int
    under: int | None = None


class BenchRule(msgspec.Struct, frozen=True):
    """All of `when` must hold. Priorities differ, so that one rule at most names the outcome."""

    id: str
    priority: int
    effect: Literal["allow", "review", "deny"]
    when: tuple[Word | Number, ...]


def rules(count: int) -> list[BenchRule]:
    """Five shapes in turn: amount bands, customers, reasons with a tenure, countries, agents."""
    return [
        BenchRule(f"rule_{number}", (number * 7919) % 1_000_003, _effect(number), _when(number))
        for number in range(count)
    ]


def matching(count: int) -> Iterator[Facts]:
    """For each of `rules(count)` a request that matches it."""
    for rule in rules(count):
        facts = dict(DEFAULTS)
        for each in rule.when:
            facts[each.fact] = each.value if isinstance(each, Word) else each.at_least
        yield facts


def not_matching(count: int) -> Iterator[Facts]:
    """As many requests, each short of a rule by one of its conditions."""
    for number, facts in enumerate(matching(count)):
        match number % SHAPES:
            case 0:
                facts["currency"] = "eur"
            case 1:
                facts["amount_cents"] = 9_999
            case 2:
                facts["context.customer_tenure_days"] = 30
            case 3:
                facts["rail_action"] = "payout"
            case _:
                facts["initiator.id"] = "agent_unknown"
        yield facts


def _effect(number: int) -> Literal["allow", "review", "deny"]:
    return ("deny", "review", "allow")[number % 3]


def _when(number: int) -> tuple[Word | Number, ...]:
    refund = Word("rail_action", "refund")
    match number % SHAPES:
        case 0:
            low = 1_000_000 + 1_000 * number
            return refund, Word("currency", "usd"), Number("amount_cents", low, low + 1_000)
        case 1:
            customer = Word("context.customer_id", f"cus_{number}")
            return refund, Word("currency", "usd"), Number("amount_cents", 10_000), customer
        case 2:
            tenure = Number("context.customer_tenure_days", 0, 30)
            return refund, Word("context.reason_code", f"reason_{number}"), tenure
        case 3:
            country = chr(65 + number // SHAPES % 26) + chr(65 + number // SHAPES // 26 % 26)
            return refund, Word("currency", "eur"), Word("counterparty.country", country)
        case _:
            agent = Word("initiator.id", f"agent_{number}")
            return Word("rail_action", "payout"), agent, Word("currency", "usd"), Number("amount_cents", 50_000)
