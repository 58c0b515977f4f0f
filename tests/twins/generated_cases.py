"""Policies and facts by chance: small vocabularies, so that rules match, miss and lack facts about equally often."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import yaml
from naive_names import Document, Facts, facts_of_policy

from policies import CompiledPolicy, compile_policy, parse

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
RAILS = ["stripe", "stripe_daa"]
ACTIONS = ["credit", "payout", "refund"]
CURRENCIES = ["eur", "jpy", "usd"]
NAMES = ["ann", "bob", "cyd", "dan", "eve"]
COUNTRIES = ["CU", "KP", "NO", "US"]
SCOPES = ["payments:read", "payments:write", "refunds:write"]
ROLES = ["admin", "controller", "finance_manager"]
ZONES = ["America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Oslo", "Pacific/Apia", "UTC"]
# Half an hour apart, and around the hours at which clocks are put forward and back.
CLOCKS = ["00:00", "00:30", "01:30", "02:00", "02:30", "03:00", "09:00", "17:00", "22:00", "23:59"]
EXPRESSIONS = [
    "amount_cents > 3",
    "amount_cents % 2 == 0 && currency == 'usd'",
    "100 / (amount_cents - 3) > 20",
    "initiator.kind == 'agent' || counterparty.country in ['KP', 'CU']",
    "initiator.scopes.exists(each, each.endsWith(':write'))",
    "size(context.customer_id) > 2 && amount_cents <= 4",
    "metadata.tier == 'ann' ? amount_cents > 1 : amount_cents > 4",
    "extra.risk > 2",
    "extra.risk == 'bob' || context.customer_tenure_days < 3",
    "!(rail_action == 'refund') && rail == 'stripe'",
]


def cases(seed: int, policies: int, movements: int) -> Iterator[tuple[Document, CompiledPolicy, list[Facts], datetime]]:
    """`policies` policies, as written and compiled, with `movements` facts each and a time of decision."""
    chance = Random(seed)  # noqa: S311 - chance to be repeated, not a secret
    for _ in range(policies):
        policy = generated_policy(chance)
        compiled = compile_policy(parse(yaml.dump(policy, Dumper=yaml.CDumper)))
        names = sorted(facts_of_policy(policy))
        now = NEW_YEAR + timedelta(minutes=chance.randrange(365 * 24 * 60))
        yield policy, compiled, [generated_facts(names, chance) for _ in range(movements)], now


def generated_policy(chance: Random) -> Document:
    policy: Document = {
        "policy": "generated",
        "applies_to": {"rail": chance.choice(RAILS)},
        "rules": [generated_rule(number, chance) for number in range(chance.choice([1, 2, 3, 4, 6, 9, 30]))],
    }
    if chance.random() < 0.5:
        policy["applies_to"]["rail_action"] = several(ACTIONS, chance)
    if chance.random() < 0.3:
        policy["missing_fact_approver"] = chance.choice(ROLES)
    if chance.random() < 0.5:
        effect = chance.choice(["allow", "review", "deny"])
        policy["default"] = chance.choice(
            [effect, {"effect": effect, "reason": "nobody_knows", "message": "Who knows"}]
        )
    return policy


def generated_rule(number: int, chance: Random) -> Document:
    effect = chance.choice(["allow", "review", "deny", "flag"])
    rule: Document = {
        "id": f"rule_{number}",
        "when": condition(chance, chance.choice([0, 1, 1, 1, 2, 3])),
        "effect": effect,
    }
    if effect == "review":
        rule["approvers"] = approvers(chance)
    if chance.random() < 0.6:
        rule["priority"] = chance.choice([0, 5, 100, 200])
    if chance.random() < 0.3:
        rule["reason"] = chance.choice(["because", "too_much"])
    if chance.random() < 0.3:
        rule["message"] = "Not like this"
    if chance.random() < 0.4:
        rule["when_missing"] = "skip" if effect == "flag" else chance.choice(["skip", "review", "deny"])
    if "custom_expression" in str(rule["when"]) and chance.random() < 0.6:
        rule["on_error"] = "skip" if effect == "flag" else chance.choice(["skip", "review", "deny"])
    return rule


def approvers(chance: Random) -> Document:
    roles = chance.sample(ROLES, 2)
    asked: Document = chance.choice(
        [
            {"role": roles[0]},
            {"role": roles[0], "count": 2},
            {"groups": [{"role": roles[0], "count": 3}, {"role": roles[1]}]},
        ]
    )
    if chance.random() < 0.5:
        asked = asked | {"deadline": chance.choice(["90m", "24h", "3d"])}
        if chance.random() < 0.5:
            asked = asked | {"escalate": [{"after": "45m", "role": roles[1]}, {"after": "600s", "role": roles[0]}]}
        if chance.random() < 0.5:
            asked = asked | {"remind": ["50m", "900s"]}
    return asked


def condition(chance: Random, depth: int) -> Document:
    if depth == 0:
        return chance.choice(LEAVES)(chance)
    connective = chance.choice(["all", "all", "all", "any", "not"])
    if connective == "not":
        return {"not": condition(chance, depth - 1)}
    return {connective: [condition(chance, chance.randrange(depth)) for _ in range(chance.choice([1, 2, 2, 3, 4]))]}


def several(words: list[str], chance: Random) -> Any:
    found = chance.sample(words, chance.choice([1, 1, 2]))
    return found if len(found) > 1 or chance.random() < 0.5 else found[0]


def one_of(words: list[str], chance: Random) -> Any:
    verb = chance.choice(["", "", "in", "not_in"])
    return {verb: several(words, chance)} if verb else several(words, chance)


def one_of_or_listed(words: list[str], chance: Random) -> Any:
    if chance.random() < 0.25:
        return {chance.choice(["in_list", "not_in_list"]): chance.choice(["vips", "blocked"])}
    return one_of(words, chance)


def bounds(chance: Random) -> Document:
    low = {chance.choice(["gt", "gte"]): chance.randrange(6)}
    high = {chance.choice(["lt", "lte"]): chance.randrange(1, 8)}
    return chance.choice([low, high, low | high])


def amount(chance: Random) -> Document:
    currency = chance.choice(CURRENCIES)
    return {"amount": {"currency": chance.choice([currency, currency.upper()]), **bounds(chance)}}


def agent_scope(chance: Random) -> Document:
    quantifier = chance.choice(["", "any_of", "all_of", "none_of"])
    return {"agent_scope": {quantifier: several(SCOPES, chance)} if quantifier else several(SCOPES, chance)}


def rolling_window(chance: Random) -> Document:
    said: Document = {
        "measure": chance.choice(["sum", "count"]),
        "per": chance.choice(["initiator", "counterparty", "customer", "charge", "merchant", "organization"]),
        "within": chance.choice(["90s", "60m", "24h", "30d"]),
        **bounds(chance),
    }
    if said["measure"] == "sum":
        said["currency"] = chance.choice(CURRENCIES)
    if chance.random() < 0.3:
        said["rail"] = chance.choice(RAILS)
    if chance.random() < 0.4:
        said["rail_action"] = several(ACTIONS, chance)
    return {"rolling_window": said}


def time_of_day(chance: Random) -> Document:
    said: Document = {"zone": chance.choice(ZONES)}
    if chance.random() < 0.7:
        begin, end = chance.sample(CLOCKS, 2)
        said |= {"from": begin, "until": chance.choice([end, "24:00"])}
    whole_day = said.get("from", "00:00") == "00:00" and said.get("until", "24:00") == "24:00"
    if whole_day or chance.random() < 0.5:
        said["days"] = chance.sample(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], chance.randint(1, 6))
    return {"time_of_day": said}


def group(kind: str, fields: dict[str, Any]) -> Any:
    def said(chance: Random) -> Document:
        names = chance.sample(sorted(fields), chance.choice([1, 1, 2]))
        return {kind: {name: fields[name](chance) for name in names}}

    return said


def words_of(words: list[str]) -> Any:
    return lambda chance: one_of_or_listed(words, chance)


def single(kind: str, words: list[str]) -> Any:
    return lambda chance: {kind: one_of(words, chance)}


LEAVES = [
    single("rail", RAILS),
    single("rail_action", ACTIONS),
    single("currency", CURRENCIES),
    single("initiator_kind", ["agent", "service", "member"]),
    lambda chance: {"initiator_id": one_of_or_listed(NAMES, chance)},
    amount,
    amount,
    agent_scope,
    rolling_window,
    time_of_day,
    lambda chance: {"custom_expression": chance.choice(EXPRESSIONS)},
    group(
        "counterparty", {"country": words_of(COUNTRIES), "id": words_of(NAMES), "stripe_account_id": words_of(NAMES)}
    ),
    group("merchant", {"stripe_account_id": words_of(NAMES), "stripe_connection_id": words_of(NAMES)}),
    group(
        "context",
        {
            "customer_id": words_of(NAMES),
            "reason_code": words_of(NAMES),
            "source": words_of(NAMES),
            "customer_tenure_days": bounds,
            "marked_for_review": lambda chance: chance.choice([True, False]),
            "metadata.tier": words_of(NAMES),
            "extra.risk": lambda chance: chance.choice([bounds, words_of([*NAMES, "true"])])(chance),
        },
    ),
]

VALUES: dict[str, list[Any]] = {
    "rail": RAILS,
    "rail_action": ACTIONS,
    "amount_cents": list(range(8)),
    "currency": CURRENCIES,
    "initiator.kind": ["agent", "service", "member"],
    "initiator.scopes": [[], SCOPES[:1], SCOPES[1:], SCOPES],
    "counterparty.country": COUNTRIES,
    "context.customer_tenure_days": list(range(8)),
    "label.marked_for_review": [True, False],
    "extra.risk": [*NAMES, "true", True, False, 0, 1, 2, 3, 5],
}


def generated_facts(names: list[str], chance: Random) -> Facts:
    """Some facts are absent, some None; one movement in four lacks nothing."""
    lacking = chance.choice([0.0, 0.05, 0.2, 0.6])
    facts: Facts = {}
    for name in names:
        if chance.random() >= lacking:
            facts[name] = chance.choice(values_of(name))
        elif chance.random() < 0.5:
            facts[name] = None
    return facts


def values_of(name: str) -> list[Any]:
    if name.startswith("window."):
        return list(range(6))
    if name.startswith("listed."):
        return [True, False]
    return VALUES.get(name, NAMES)
