"""Axiru and three other engines behind one question: outcome and deciding rule for a request.

Each is given what it is best at: rules compiled beforehand, requests in its own shape, and, but for Axiru, leave to
stop at the rule that decides.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import cedarpy
import cel
import yaml
import zen

from bench.policy.workload import BenchRule, Facts, Number, Word
from policies import compile_policy, evaluate, parse

Answer = tuple[str, str | None]
"""Outcome, and the rule that named it; `("allow", None)` where none did."""

Ask = Callable[[], Answer]
Prepare = Callable[[Facts], Ask]
"""A request made ready; calling what it returns is what is measured."""

NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)
NOTHING: Answer = ("allow", None)
_HEAVIEST_FIRST = ("deny", "review", "allow")


def axiru(rules: list[BenchRule]) -> Prepare:
    """The policy as a customer writes it; every answer carries all hits and the facts that were read."""
    written = [
        {
            "id": rule.id,
            "priority": rule.priority,
            "when": {"all": [_condition(each, rule) for each in rule.when if each.fact != "currency" or _alone(rule)]},
            "effect": rule.effect,
            **({"approvers": {"role": "controller"}} if rule.effect == "review" else {}),
        }
        for rule in rules
    ]
    policy = {"policy": "bench", "applies_to": {"rail": "stripe"}, "rules": written}
    compiled = compile_policy(parse(yaml.safe_dump(policy)))

    def prepare(facts: Facts) -> Ask:
        def ask() -> Answer:
            evaluation = evaluate(compiled, facts, now=NOW)
            return evaluation.outcome, evaluation.matched_rule_id

        return ask

    return prepare


def zen_engine(rules: list[BenchRule]) -> Prepare:
    """One decision table, its rows in order of precedence, read by the static loader; the first row that holds."""
    columns = {name: f"column_{position}" for position, name in enumerate(_facts_of(rules))}
    rows = [
        {
            "_id": rule.id,
            **{columns[each.fact]: _zen_cell(each) for each in rule.when},
            "outcome": json.dumps(rule.effect),
            "rule": json.dumps(rule.id),
        }
        for rule in _by_precedence(rules)
    ]
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": column, "name": name, "field": name} for name, column in columns.items()],
        "outputs": [{"id": field, "name": field, "field": field} for field in ("outcome", "rule")],
        "rules": [{column: "" for column in columns.values()} | row for row in rows],
    }
    graph = {
        "nodes": [
            {"id": "in", "name": "in", "type": "inputNode"},
            {"id": "table", "name": "table", "type": "decisionTableNode", "content": table},
            {"id": "out", "name": "out", "type": "outputNode"},
        ],
        "edges": [
            {"id": "1", "sourceId": "in", "targetId": "table", "type": "edge"},
            {"id": "2", "sourceId": "table", "targetId": "out", "type": "edge"},
        ],
    }
    engine = zen.ZenEngine({"loader": {"type": "static", "content": {"rules": graph}}})

    def prepare(facts: Facts) -> Ask:
        request = _nested(facts)

        def ask() -> Answer:
            result = engine.evaluate("rules", request)["result"]
            return (result["outcome"], result["rule"]) if result else NOTHING

        return ask

    return prepare


def cedar(rules: list[BenchRule]) -> Prepare:
    """A policy a rule: `forbid` denies, `permit` allows or, by its id, asks for review."""
    written = "\n".join(
        f"@id({json.dumps(rule.id)}) {'forbid' if rule.effect == 'deny' else 'permit'} (principal, action, resource) "
        f"when {{ {' && '.join(_said(each, 'context.') for each in rule.when)} }};"
        for rule in rules
    )
    policies, entities = cedarpy.PolicySet.from_str(written), cedarpy.Entities.from_json_str("[]")
    ranked = {f"policy{position}": rule for position, rule in enumerate(rules)} | {rule.id: rule for rule in rules}
    place = {rule.id: position for position, rule in enumerate(_by_precedence(rules))}

    def prepare(facts: Facts) -> Ask:
        request = {
            "principal": 'Initiator::"caller"',
            "action": 'Action::"move"',
            "resource": 'Rail::"stripe"',
            "context": _nested(facts),
        }

        def ask() -> Answer:
            reasons = cedarpy.is_authorized(request, policies, entities).diagnostics.reasons
            if not reasons:
                return NOTHING
            decides = min((ranked[reason] for reason in reasons), key=lambda rule: place[rule.id])
            return decides.effect, decides.id

        return ask

    return prepare


def cel_expressions(rules: list[BenchRule]) -> Prepare:
    """A compiled expression a rule, asked in order of precedence until one is true; the request is converted once."""
    programs = [
        (cel.compile(" && ".join(_said(each, "") for each in rule.when)), (rule.effect, rule.id))
        for rule in _by_precedence(rules)
    ]

    def prepare(facts: Facts) -> Ask:
        request = _nested(facts)

        def ask() -> Answer:
            context = cel.Context(request)
            for program, answer in programs:
                if program.execute(context):
                    return answer
            return NOTHING

        return ask

    return prepare


ENGINES: dict[str, Callable[[list[BenchRule]], Prepare]] = {
    "axiru": axiru,
    "zen-engine": zen_engine,
    "cel": cel_expressions,
    "cedarpy": cedar,
}


def _condition(each: Word | Number, rule: BenchRule) -> dict[str, Any]:
    group, _, name = each.fact.partition(".")
    match each:
        case Word():
            said: Any = each.value
        case Number():
            said = {"gte": each.at_least} | ({} if each.under is None else {"lt": each.under})
    if each.fact == "amount_cents":
        currency = next(other.value for other in rule.when if isinstance(other, Word) and other.fact == "currency")
        return {"amount": {"currency": currency, **said}}
    if group == "initiator":
        return {f"initiator_{name}": said}
    return {group: {name: said}} if name else {group: said}


def _alone(rule: BenchRule) -> bool:
    """Whether the currency is said without an amount; with one, `amount` says it."""
    return all(each.fact != "amount_cents" for each in rule.when)


def _zen_cell(each: Word | Number) -> str:
    if isinstance(each, Word):
        return json.dumps(each.value)
    return f">= {each.at_least}" if each.under is None else f"[{each.at_least}..{each.under})"


def _said(each: Word | Number, prefix: str) -> str:
    fact = prefix + each.fact
    if isinstance(each, Word):
        return f"{fact} == {json.dumps(each.value)}"
    return f"{fact} >= {each.at_least}" + ("" if each.under is None else f" && {fact} < {each.under}")


def _nested(facts: Facts) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for fact, value in facts.items():
        group, _, name = fact.partition(".")
        if name:
            nested.setdefault(group, {})[name] = value
        else:
            nested[group] = value
    return nested


def _facts_of(rules: list[BenchRule]) -> list[str]:
    return sorted({each.fact for rule in rules for each in rule.when})


def _by_precedence(rules: list[BenchRule]) -> list[BenchRule]:
    return sorted(rules, key=lambda rule: (_HEAVIEST_FIRST.index(rule.effect), rule.priority, rule.id))
