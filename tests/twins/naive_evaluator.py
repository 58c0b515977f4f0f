"""The policy language a second time, read from its documentation: slow, plain, and sharing no code with `policies`.

It takes the document as it is written in YAML. Every rule asks every one of its conditions, and only then is anything
sorted. What it and `policies.evaluate` answer may differ in nothing.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import cel
from naive_names import (
    EXPRESSION_FACT,
    SINGLE_FACTS,
    Document,
    Facts,
    expressions_in,
    fact_of,
    facts_of_policy,
    facts_read,
    kinds_in,
    looked_up_by,
    rail_actions,
    seconds,
    window_fact,
)

MOST_SPECIFIC_FIRST = (
    "custom_expression", "rolling_window", "counterparty", "merchant", "agent_scope", "amount", "context",
    "initiator_id", "initiator_kind", "currency", "time_of_day", "rail_action", "rail",
)  # fmt: skip
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HEAVIER = {"skip": 0, "flag": 0, "allow": 1, "review": 2, "deny": 3}


def evaluate(policy: Document, facts: Facts, now: datetime) -> Document:
    """What `policies.evaluate` answers for the same policy, as plain JSON values, the policy's hash left out."""
    said: list[tuple[str, Document, Document | None]] = []
    for rule in policy["rules"]:
        answer = holds(rule["when"], facts, now, policy["applies_to"])
        if answer is True:
            said.append((rule["effect"], hit_of(rule), review_of(rule, policy)))
        elif answer is None:
            weight, hit = undecided(rule, facts, policy)
            said.append((weight, hit, review_of(rule, policy)))
    said.sort(key=lambda each: (each[1]["priority"], each[1]["rule_id"]))
    counting = [each for each in said if each[0] in {"allow", "review", "deny"}]
    flags = [hit for effect, hit, _ in said if effect == "flag"]
    result: Document = {
        "policy_slug": policy["policy"],
        "hits": [hit for _, hit, _ in counting],
        "flags": flags,
        "facts": {name: facts.get(name) for name in sorted(facts_of_policy(policy))},
    }
    for outcome in ("deny", "review", "allow"):
        for effect, hit, review in counting:
            if effect == outcome:
                return result | {
                    "outcome": outcome,
                    "reason": hit["reason"],
                    "message": hit["message"],
                    "matched_rule_id": hit["rule_id"],
                    "rule_kind": hit["rule_kind"],
                    "review": review if outcome == "review" else None,
                }
    return result | default_of(policy)


def default_of(policy: Document) -> Document:
    default = policy.get("default", "allow")
    if isinstance(default, str):
        default = {"effect": default}
    outcome = default["effect"]
    verbs = {"allow": "allowed", "review": "asked for", "deny": "denied"}
    return {
        "outcome": outcome,
        "reason": default.get("reason", f"default_{outcome}"),
        "message": default.get("message", f"No rule matched: {verbs[outcome]} by default"),
        "matched_rule_id": None,
        "rule_kind": None,
        "review": review_of(default, policy) if outcome == "review" else None,
    }


def hit_of(rule: Document) -> Document:
    reason = rule.get("reason", rule["id"])
    sentence = reason.replace("_", " ")
    kinds = set(kinds_in(rule["when"]))
    return {
        "rule_id": rule["id"],
        "rule_kind": next(kind for kind in MOST_SPECIFIC_FIRST if kind in kinds),
        "effect": rule["effect"],
        "priority": rule.get("priority", 100),
        "reason": reason,
        "message": rule.get("message", sentence[0].upper() + sentence[1:]),
        "missing": [],
    }


def review_of(asking: Document, policy: Document) -> Document:
    """Who is asked; where nothing is said, one of those who decide without facts, within a day."""
    approvers = asking.get("approvers", {"role": policy.get("missing_fact_approver", "controller")})
    groups = approvers.get("groups", [approvers])
    steps = [{"after_seconds": seconds(step["after"]), "role": step["role"]} for step in approvers.get("escalate", [])]
    return {
        "groups": [{"role": group["role"], "count": group.get("count", 1)} for group in groups],
        "deadline_seconds": seconds(approvers.get("deadline", "1d")),
        "escalations": sorted(steps, key=lambda step: (step["after_seconds"], step["role"])),
        "reminders_seconds": sorted(seconds(each) for each in approvers.get("remind", [])),
    }


def undecided(rule: Document, facts: Facts, policy: Document) -> tuple[str, Document]:
    """What an undecidable rule does: by the facts it lacks or by the expression that failed, the heavier of the two."""
    hit, effect = hit_of(rule), rule["effect"]
    lacking = sorted({name for name in facts_read(rule["when"], policy["applies_to"]) if facts.get(name) is None})
    for_want = rule.get("when_missing", "review" if effect in {"review", "deny"} else "skip")
    if any(expression_fails(each, facts) for each in expressions_in(rule["when"])):
        for_error = rule.get("on_error", "skip" if effect == "flag" else "deny")
        if not lacking or HEAVIER[for_error] > HEAVIER[for_want]:
            message = f"Rule {rule['id']} cannot be decided: its expression fails on this movement"
            return for_error, hit | {"reason": "expression_error", "message": message}
    if not lacking:  # then what the caller added is there, and of another type
        lacking = sorted({name for name in facts_read(rule["when"], policy["applies_to"]) if name.startswith("extra.")})
    words = looked_up_by(rule["when"], policy["applies_to"])
    wanted = ", ".join(words.get(name, name) for name in lacking)
    message = f"Rule {rule['id']} cannot be decided without {wanted}"
    return for_want, hit | {"reason": "missing_fact", "message": message, "missing": lacking}


def holds(condition: Document, facts: Facts, now: datetime, scope: Document, negated: bool = False) -> bool | None:
    """True, False or None for unknown. `not` is asked of each leaf, for a leaf in another currency is never true."""
    ((kind, said),) = condition.items()
    if kind == "not":
        return holds(said, facts, now, scope, not negated)
    if kind in {"all", "any"}:
        if kind == "any" and negated:
            return none_holds(said, facts, now, scope)
        answers = [holds(part, facts, now, scope, negated) for part in said]
        return every(answers) if (kind == "all") != negated else some(answers)
    if kind in {"amount", "rolling_window"} and "currency" in said:
        if facts.get("currency") is None:
            return None
        if facts["currency"] != said["currency"].lower():
            return False
    answer = leaf(kind, said, facts, now, scope)
    return None if answer is None else answer != negated


def none_holds(parts: list[Document], facts: Facts, now: datetime, scope: Document) -> bool | None:
    """No part holds; of those that are about one currency each, those about the currency that is moved."""
    answers = [holds(part, facts, now, scope, True) for part in parts if currency_in(part) is None]
    currencies = {currency_in(part) for part in parts} - {None}
    if currencies and facts.get("currency") is None:
        answers.append(None)
    elif currencies:
        moved = [part for part in parts if currency_in(part) == facts["currency"]]
        answers.append(every([holds(part, facts, now, scope, True) for part in moved]) if moved else False)
    return every(answers)


def currency_in(condition: Document) -> str | None:
    """The currency of an amount or a sum, or of its opposite."""
    ((kind, said),) = condition.items()
    if kind == "not":
        return currency_in(said)
    stated: str | None = said.get("currency") if kind in {"amount", "rolling_window"} else None
    return stated and stated.lower()


def leaf(kind: str, said: Any, facts: Facts, now: datetime, scope: Document) -> bool | None:  # noqa: PLR0911 - a line for each kind
    if kind in SINGLE_FACTS:
        return word(said, SINGLE_FACTS[kind], facts)
    if kind == "amount":
        return within(said, facts.get("amount_cents"))
    if kind == "agent_scope":
        return scoped(said, facts.get("initiator.scopes"))
    if kind == "rolling_window":
        return windowed(said, facts, scope)
    if kind == "time_of_day":
        return is_then(said, now)
    if kind == "custom_expression":
        return computed(said, facts)[0]
    return every([of_group(kind, name, each, facts) for name, each in said.items()])


def every(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def some(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def of_group(kind: str, name: str, said: Any, facts: Facts) -> bool | None:
    fact = fact_of(kind, name)
    if name == "marked_for_review":
        return None if facts.get(fact) is None else facts[fact] == said
    if isinstance(said, dict) and not said.keys().isdisjoint({"gt", "gte", "lt", "lte"}):
        number = facts.get(fact)
        return within(said, None if isinstance(number, str | bool) else number)
    value = facts.get(fact)
    if isinstance(value, bool):
        value = str(value).lower()
    return word(said, fact, {**facts, fact: value if isinstance(value, str) else None})


def word(said: Any, fact: str, facts: Facts) -> bool | None:
    if isinstance(said, dict) and ("in_list" in said or "not_in_list" in said):
        ((verb, slug),) = said.items()
        listed = facts.get(f"listed.{slug}.{fact}")
        return None if listed is None else listed == (verb == "in_list")
    verb, words = next(iter(said.items())) if isinstance(said, dict) else ("in", said)
    known = [words] if isinstance(words, str) else words
    if fact == "currency":
        known = [each.lower() for each in known]
    if facts.get(fact) is None:
        return None
    return (facts[fact] in known) == (verb == "in")


def within(bounds: Document, number: int | None) -> bool | None:
    if number is None:
        return None
    return (
        ("gt" not in bounds or number > bounds["gt"])
        and ("gte" not in bounds or number >= bounds["gte"])
        and ("lt" not in bounds or number < bounds["lt"])
        and ("lte" not in bounds or number <= bounds["lte"])
    )


def scoped(said: Any, held: list[str] | None) -> bool | None:
    if held is None:
        return None
    quantifier, wanted = next(iter(said.items())) if isinstance(said, dict) else ("any_of", said)
    holding = [each in held for each in ([wanted] if isinstance(wanted, str) else wanted)]
    return {"any_of": any(holding), "all_of": all(holding), "none_of": not any(holding)}[quantifier]


def windowed(said: Document, facts: Facts, scope: Document) -> bool | None:
    moved = facts.get(window_fact(said, scope))
    rail, action = facts.get("rail"), facts.get("rail_action")
    if moved is None or rail is None or action is None:
        return None
    counted = rail_actions(said, scope)
    if rail == said.get("rail", scope["rail"]) and (not counted or action in counted):
        moving = 1 if said["measure"] == "count" else facts.get("amount_cents")
        if moving is None:
            return None
        moved += moving
    return within(said, moved)


def is_then(said: Document, now: datetime) -> bool:
    """Whether the clocks of the zone show a time in a span that began today or yesterday."""
    clocks = now.astimezone(ZoneInfo(said["zone"])).replace(tzinfo=None)
    today = clocks.replace(hour=0, minute=0, second=0, microsecond=0)
    days = said.get("days", DAYS)
    for midnight in (today - timedelta(days=1), today):
        begin, end = (
            midnight + since_midnight(said.get(key, at)) for key, at in (("from", "00:00"), ("until", "24:00"))
        )
        if end <= begin:
            end += timedelta(days=1)
        if DAYS[midnight.weekday()] in days and begin <= clocks < end:
            return True
    return False


def since_midnight(clock: str) -> timedelta:
    hours, minutes = clock.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def computed(expression: str, facts: Facts) -> tuple[bool | None, bool]:
    """The answer of an expression, None if it has none, and whether that is because it failed."""
    names = set(EXPRESSION_FACT.findall(expression))
    if any(facts.get(name) is None for name in names):
        return None, False
    variables: Document = {}
    for name in names:
        group, _, key = name.partition(".")
        variables = variables | {group: {**variables.get(group, {}), key: facts[name]} if key else facts[name]}
    try:
        answer = cel.evaluate(expression, variables)
    except Exception:
        return None, True
    return (answer, False) if isinstance(answer, bool) else (None, True)


def expression_fails(expression: str, facts: Facts) -> bool:
    return computed(expression, facts)[1]
