"""Which facts a policy reads, as its documentation says: the second evaluator's own knowledge of names."""

import re
from typing import Any

Document = dict[str, Any]
Facts = dict[str, Any]

SINGLE_FACTS = {
    "rail": "rail",
    "rail_action": "rail_action",
    "currency": "currency",
    "initiator_kind": "initiator.kind",
    "initiator_id": "initiator.id",
}
SUBJECTS = {
    "initiator": ["initiator.id"],
    "counterparty": ["counterparty.id", "counterparty.stripe_account_id"],
    "customer": ["context.customer_id"],
    "charge": ["target.charge", "target.payment_intent"],
    "merchant": ["merchant.stripe_account_id", "merchant.stripe_connection_id"],
    "organization": [],
}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
EXPRESSION_FACT = re.compile(
    r"\b(?:(?:initiator|counterparty|merchant|target|context|metadata|extra)\.\w+|amount_cents|currency|rail_action|rail)\b"
)


def facts_of_policy(policy: Document) -> set[str]:
    return {name for rule in policy["rules"] for name in facts_read(rule["when"], policy["applies_to"])}


def facts_read(condition: Document, scope: Document) -> list[str]:
    """Every fact that the condition may read."""
    names: list[str] = []
    for kind, said in leaves(condition):
        if kind in SINGLE_FACTS:
            names.append(listed_fact(said, SINGLE_FACTS[kind]))
        elif kind == "amount":
            names += ["amount_cents", "currency"]
        elif kind == "agent_scope":
            names.append("initiator.scopes")
        elif kind == "rolling_window":
            names += [window_fact(said, scope), "rail", "rail_action"]
            names += ["amount_cents", "currency"] if said["measure"] == "sum" else []
        elif kind == "custom_expression":
            names += EXPRESSION_FACT.findall(said)
        elif kind != "time_of_day":
            names += [listed_fact(each, fact_of(kind, name)) for name, each in said.items()]
    return names


def looked_up_by(condition: Document, scope: Document) -> dict[str, str]:
    """For a fact that is looked up, what has to be stated for it to be known."""
    words: dict[str, str] = {}
    for kind, said in leaves(condition):
        if kind == "rolling_window" and SUBJECTS[said["per"]]:
            words[window_fact(said, scope)] = " or ".join(SUBJECTS[said["per"]])
        groups = {"initiator_id": {"": said}, "counterparty": said, "context": said, "merchant": said}.get(kind, {})
        for name, each in groups.items():
            subject = SINGLE_FACTS[kind] if not name else fact_of(kind, name)
            if listed_fact(each, subject) != subject:
                words[listed_fact(each, subject)] = f"{subject} or the list {next(iter(each.values()))}"
    return words


def fact_of(kind: str, name: str) -> str:
    if name == "marked_for_review":
        return "label.marked_for_review"
    return name if name.startswith(("metadata.", "extra.")) else f"{kind}.{name}"


def listed_fact(said: Any, fact: str) -> str:
    if isinstance(said, dict) and ("in_list" in said or "not_in_list" in said):
        return f"listed.{next(iter(said.values()))}.{fact}"
    return fact


def window_fact(said: Document, scope: Document) -> str:
    actions = "+".join(sorted(rail_actions(said, scope))) or "*"
    rail = said.get("rail", scope["rail"])
    asset = f":{said['currency'].lower()}" if said["measure"] == "sum" else ""
    return f"window.{said['measure']}:{said['per']}:{seconds(said['within'])}:{rail}.{actions}{asset}"


def rail_actions(said: Document, scope: Document) -> list[str]:
    """The window's own; else those of the policy, if it looks at the policy's rail."""
    inherited = scope.get("rail_action", []) if said.get("rail", scope["rail"]) == scope["rail"] else []
    actions = said.get("rail_action", inherited)
    return [actions] if isinstance(actions, str) else actions


def leaves(condition: Document) -> list[tuple[str, Any]]:
    ((kind, said),) = condition.items()
    if kind == "not":
        return leaves(said)
    if kind in {"all", "any"}:
        return [found for part in said for found in leaves(part)]
    return [(kind, said)]


def kinds_in(condition: Document) -> list[str]:
    return [kind for kind, _ in leaves(condition)]


def expressions_in(condition: Document) -> list[str]:
    return [said for kind, said in leaves(condition) if kind == "custom_expression"]


def seconds(span: str) -> int:
    return int(span[:-1]) * SECONDS[span[-1]]
