"""The canonical YAML of a policy, and the document its hash is taken of. What is as it would be anyway is left out."""

from typing import Any

import yaml

from axiru.domain.evaluation import ApproverGroup, Outcome, ReviewTerms
from policies.parameters import escaped
from policies.reading import duration_text
from policies.syntax import DEFAULT_MISSING_FACT_APPROVER, DEFAULT_PRIORITY, Default, Policy, Rule


def to_yaml(policy: Policy) -> str:
    """YAML that `parse` reads back into an equal policy."""
    written = document(policy)
    rules = written.pop("rules")
    shadow = {"shadow": True} if policy.shadow else {}
    whole = _escaped({**written, **shadow, "rules": rules})
    return yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120)


def document(policy: Policy) -> dict[str, Any]:
    """The policy as plain JSON values, without `shadow`: a version does not become another one by coming into force.

    Values at their default are absent, so that a key added to the language later changes no hash of an earlier policy.
    """
    written: dict[str, Any] = {"policy": policy.slug, "schema": policy.schema}
    if policy.description:
        written["description"] = policy.description
    written["applies_to"] = {"rail": policy.applies_to.rail}
    if policy.applies_to.rail_actions:
        written["applies_to"]["rail_action"] = list(policy.applies_to.rail_actions)
    if policy.missing_fact_approver != DEFAULT_MISSING_FACT_APPROVER:
        written["missing_fact_approver"] = policy.missing_fact_approver
    if policy.when_unreachable:
        written["when_unreachable"] = {action: fallback.value for action, fallback in policy.when_unreachable}
    if policy.default != Default():
        written["default"] = _default(policy.default)
    written["rules"] = [_rule(rule) for rule in policy.rules]
    return written


def _escaped(value: Any) -> Any:
    """No text of a policy stands for a parameter, whatever it looks like."""
    match value:
        case dict():
            return {key: _escaped(each) for key, each in value.items()}
        case list():
            return [_escaped(each) for each in value]
        case str():
            return escaped(value)
        case _:
            return value


def _default(default: Default) -> dict[str, Any]:
    written: dict[str, Any] = {"effect": default.outcome.value}
    if default.reason != f"default_{default.outcome}":
        written["reason"] = default.reason
    if default.message:
        written["message"] = default.message
    if default.outcome is Outcome.REVIEW and default.review is not None:
        written["approvers"] = _approvers(default.review)
    return written


def _rule(rule: Rule) -> dict[str, Any]:
    written: dict[str, Any] = {"id": rule.id}
    if rule.priority != DEFAULT_PRIORITY:
        written["priority"] = rule.priority
    written["when"] = rule.when.document()
    written["effect"] = rule.effect.value
    if rule.reason != rule.id:
        written["reason"] = rule.reason
    if rule.message:
        written["message"] = rule.message
    if rule.when_missing is not None:
        written["when_missing"] = rule.when_missing.value
    if rule.on_error is not None:
        written["on_error"] = rule.on_error.value
    if rule.review is not None:
        written["approvers"] = _approvers(rule.review)
    return written


def _approvers(terms: ReviewTerms) -> dict[str, Any]:
    written: dict[str, Any]
    written = _group(terms.groups[0]) if len(terms.groups) == 1 else {"groups": [_group(each) for each in terms.groups]}
    if terms.deadline_seconds != ReviewTerms(()).deadline_seconds:
        written["deadline"] = duration_text(terms.deadline_seconds)
    if terms.reminders_seconds:
        written["remind"] = [duration_text(seconds) for seconds in terms.reminders_seconds]
    if terms.escalations:
        written["escalate"] = [
            {"after": duration_text(step.after_seconds), "role": step.role} for step in terms.escalations
        ]
    return written


def _group(group: ApproverGroup) -> dict[str, Any]:
    return {"role": group.role} if group.count == 1 else {"role": group.role, "count": group.count}
