"""From text to the policy it states, or to every fault in it. Nothing loads half-way.

This reads schema 2; a text of schema 1 is read by `policies.v1`.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from axiru.domain.evaluation import ApproverGroup, Escalation, Outcome, ReviewTerms
from policies import v1
from policies.conditions import KINDS, Condition, Scope, read_condition
from policies.conditions.custom_expression import CustomExpression
from policies.conditions.predicates import SNAKE, read_words
from policies.errors import PolicyInvalid
from policies.parameters import fill_in
from policies.reading import SLUG, Reader, duration_text
from policies.source import REFUSED_TAG, compose
from policies.syntax import (
    DEFAULT_MISSING_FACT_APPROVER,
    DEFAULT_PRIORITY,
    FALLBACKS,
    Default,
    Effect,
    Fallback,
    OnError,
    ParsedPolicy,
    Policy,
    Position,
    Rule,
    WhenMissing,
)

SCHEMA = 2
MAX_APPROVERS = 20
MAX_ESCALATIONS = 5
MAX_REMINDERS = 5

_POLICY_KEYS = (
    "policy",
    "schema",
    "description",
    "applies_to",
    "shadow",
    "default",
    "missing_fact_approver",
    "when_unreachable",
    "rules",
)
_RULE_KEYS = ("id", "priority", "when", "effect", "reason", "message", "when_missing", "on_error", "approvers")


def parse(text: str) -> Policy:
    """The policy that `text` states in YAML.

    Raises PolicyInvalid with every fault found, each with line, column and hint; no other exception, whatever the text.
    """
    return parse_with_positions(text).policy


def parse_with_positions(text: str) -> ParsedPolicy:
    """As `parse`, with the place of each rule in the text."""
    return parse_with_values(text, {})


def parse_with_values(text: str, values: Mapping[str, Any]) -> ParsedPolicy:
    """As `parse_with_positions`, with `values` in place of the defaults of the parameters that `text` declares."""
    root, faults = compose(text)
    reader = Reader(faults, KINDS)
    fill_in(root, reader, values)
    parsed = v1.read(root, reader) if _schema(root) == "1" else _policy(root, reader)
    if reader.errors:
        raise PolicyInvalid(reader.errors)
    return parsed


def parse_node(root: yaml.Node) -> ParsedPolicy:
    """As `parse_with_positions`, for a document of schema 2 that another format composed. Raises PolicyInvalid."""
    reader = Reader((), KINDS)
    parsed = _policy(root, reader)
    if reader.errors:
        raise PolicyInvalid(reader.errors)
    return parsed


def _schema(root: yaml.Node) -> str:
    """What stands under `schema`, whatever it is: it says which keys there are."""
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next((value.value for key, value in pairs if key.value == "schema" and value.tag != REFUSED_TAG), "")


def _policy(root: yaml.Node, reader: Reader) -> ParsedPolicy:
    entries = reader.mapping(root, _POLICY_KEYS, required=("policy", "applies_to", "rules"))
    if "schema" in entries:
        reader.integer(entries["schema"], minimum=SCHEMA, maximum=SCHEMA)
    rules: dict[str, Rule] = {}
    rules_at: dict[str, Position] = {}
    for node in reader.sequence(entries["rules"]):
        rule = _rule(node, reader)
        if rule.id and rule.id in rules:
            first = f"the first is in line {rules_at[rule.id].line}"
            reader.report(node, "duplicate_rule", f"there are two rules `{rule.id}`", first)
        rules.setdefault(rule.id, rule)
        rules_at.setdefault(rule.id, Position(node.start_mark.line + 1, node.start_mark.column + 1))
    approver = entries.get("missing_fact_approver")
    approver_role = SNAKE.read(approver, reader) if approver is not None else DEFAULT_MISSING_FACT_APPROVER
    scope = _applies_to(entries["applies_to"], reader)
    policy = Policy(
        slug=reader.word(entries["policy"], SLUG, "lower-case letters, digits and -"),
        description=reader.text(entries["description"], max_characters=2000) if "description" in entries else "",
        applies_to=scope,
        shadow=reader.boolean(entries["shadow"]) if "shadow" in entries else False,
        default=_default(entries["default"], approver_role, reader) if "default" in entries else Default(),
        missing_fact_approver=approver_role,
        rules=tuple(rules.values()),
        when_unreachable=_fallbacks(entries["when_unreachable"], scope, reader)
        if "when_unreachable" in entries
        else (),
    )
    return ParsedPolicy(policy, rules_at)


def _applies_to(node: yaml.Node, reader: Reader) -> Scope:
    entries = reader.mapping(node, ("rail", "rail_action"), required=("rail",))
    return Scope(
        rail=SNAKE.read(entries["rail"], reader),
        rail_actions=read_words(entries["rail_action"], reader, SNAKE) if "rail_action" in entries else (),
    )


def _fallbacks(node: yaml.Node, scope: Scope, reader: Reader) -> tuple[tuple[str, Fallback], ...]:
    """In alphabetical order, and only what is not so anyway, so that equal policies are equal."""
    governed = scope.rail_actions or tuple(FALLBACKS)
    actions = [action for action in FALLBACKS if scope.rail == "stripe" and action in governed]
    stated = {
        action: Fallback(reader.choice(said, FALLBACKS[action]) or FALLBACKS[action][0])
        for action, said in reader.mapping(node, actions).items()
    }
    return tuple((action, stated[action]) for action in sorted(stated) if stated[action] is not FALLBACKS[action][0])


def _default(node: yaml.Node, approver_role: str, reader: Reader) -> Default:
    """A bare outcome, or a mapping that says more. A bare `review` asks the policy's `missing_fact_approver`."""
    asked = ReviewTerms((ApproverGroup(approver_role),))
    if isinstance(node, yaml.ScalarNode):
        outcome = Outcome(reader.choice(node, tuple(Outcome)) or Outcome.DENY)
        return Default(outcome, f"default_{outcome}", review=asked if outcome is Outcome.REVIEW else None)
    entries = reader.mapping(node, ("effect", "reason", "message", "approvers"), required=("effect",))
    outcome = Outcome(reader.choice(entries["effect"], tuple(Outcome)) or Outcome.DENY)
    approvers = entries.get("approvers")
    if approvers is not None and outcome is not Outcome.REVIEW:
        reader.report(approvers, "invalid_value", f"effect {outcome} asks nobody", "remove `approvers`")
    review = _approvers(approvers, reader) if approvers is not None else asked
    return Default(
        outcome=outcome,
        reason=SNAKE.read(entries["reason"], reader) if "reason" in entries else f"default_{outcome}",
        message=reader.text(entries["message"], max_characters=500) if "message" in entries else "",
        review=review if outcome is Outcome.REVIEW else None,
    )


def _rule(node: yaml.Node, reader: Reader) -> Rule:
    entries = reader.mapping(node, _RULE_KEYS, required=("id", "when", "effect"))
    rule_id = SNAKE.read(entries["id"], reader)
    wanted = reader.choice(entries["effect"], tuple(Effect))
    effect = Effect(wanted) if wanted else None
    approvers = entries.get("approvers")
    if effect is Effect.REVIEW and approvers is None:
        reader.report(
            node, "missing_key", "`approvers` is missing: a review asks somebody", "approvers: {role: controller}"
        )
    if approvers is not None and effect not in {Effect.REVIEW, None}:
        reader.report(approvers, "invalid_value", f"effect {effect} asks nobody", "remove `approvers`")
    missing = entries.get("when_missing")
    choice = reader.choice(missing, tuple(WhenMissing)) if missing is not None else None
    when_missing = WhenMissing(choice) if choice else None
    if missing is not None and effect is Effect.FLAG and when_missing not in {WhenMissing.SKIP, None}:
        message = f"a flag never changes the outcome, so it cannot {when_missing}"
        reader.report(missing, "invalid_value", message, "remove `when_missing`")
    when = read_condition(entries["when"], reader)
    priority = entries.get("priority")
    return Rule(
        id=rule_id,
        when=when,
        effect=effect or Effect.DENY,
        reason=SNAKE.read(entries["reason"], reader) if "reason" in entries else rule_id,
        priority=reader.integer(priority, maximum=1_000_000) if priority is not None else DEFAULT_PRIORITY,
        message=reader.text(entries["message"], max_characters=500) if "message" in entries else "",
        when_missing=when_missing,
        review=_approvers(approvers, reader) if approvers is not None else None,
        on_error=_on_error(entries["on_error"], when, effect, reader) if "on_error" in entries else None,
    )


def _on_error(node: yaml.Node, when: Condition, effect: Effect | None, reader: Reader) -> OnError | None:
    choice = reader.choice(node, tuple(OnError))
    if not any(isinstance(leaf, CustomExpression) for leaf in when.leaves()):
        reader.report(node, "invalid_value", "only a custom_expression can fail", "remove `on_error`")
    if effect is Effect.FLAG and choice not in {OnError.SKIP, None}:
        message = f"a flag never changes the outcome, so it cannot {choice}"
        reader.report(node, "invalid_value", message, "remove `on_error`")
    return OnError(choice) if choice else None


def _approvers(node: yaml.Node, reader: Reader) -> ReviewTerms:
    """`{role, count?}` for one group, `{groups: [{role, count?}, …]}` for several; both with times: `deadline`, …"""
    entries = reader.mapping(node, ("role", "count", "groups", "deadline", "remind", "escalate"))
    if "groups" in entries:
        for key in ("role", "count"):
            if key in entries:
                reader.report(
                    entries[key], "invalid_value", f"`{key}` and `groups` exclude each other", "keep one of them"
                )
        groups = tuple(_group(item, reader) for item in reader.sequence(entries["groups"]))
    else:
        if "role" not in entries and isinstance(node, yaml.MappingNode):
            reader.report(node, "missing_key", "`role` is missing: nobody could approve", "role: controller")
        groups = (_group_of(entries, reader),)
    roles = [group.role for group in groups if group.role]
    if len(set(roles)) < len(roles):
        reader.report(entries["groups"], "invalid_value", "a role is named in two groups", "add up their `count`")
    deadline = entries.get("deadline")
    deadline_seconds = reader.duration_seconds(deadline) if deadline is not None else ReviewTerms(()).deadline_seconds
    steps = reader.sequence(entries["escalate"]) if "escalate" in entries else []
    escalations = {_escalation(step, deadline_seconds, reader) for step in steps}
    if len(escalations) < len(steps) or len(steps) > MAX_ESCALATIONS:
        reader.report(entries["escalate"], "invalid_value", f"up to {MAX_ESCALATIONS} different steps", "remove some")
    in_time = sorted(escalations, key=lambda step: (step.after_seconds, step.role))
    return ReviewTerms(groups, deadline_seconds, tuple(in_time), _reminders(entries, deadline_seconds, reader))


def _reminders(entries: dict[str, yaml.Node], deadline_seconds: int, reader: Reader) -> tuple[int, ...]:
    nodes = reader.sequence(entries["remind"]) if "remind" in entries else []
    reminders = {_before(node, deadline_seconds, "remind earlier", reader) for node in nodes}
    if len(reminders) < len(nodes) or len(nodes) > MAX_REMINDERS:
        reader.report(entries["remind"], "invalid_value", f"up to {MAX_REMINDERS} different times", "remove some")
    return tuple(sorted(reminders))


def _escalation(node: yaml.Node, deadline_seconds: int, reader: Reader) -> Escalation:
    entries = reader.mapping(node, ("after", "role"), required=("after", "role"))
    after_seconds = _before(entries["after"], deadline_seconds, "escalate earlier", reader)
    return Escalation(after_seconds, SNAKE.read(entries["role"], reader))


def _before(node: yaml.Node, deadline_seconds: int, hint: str, reader: Reader) -> int:
    """A time after people were asked, before the deadline."""
    seconds = reader.duration_seconds(node)
    if seconds >= deadline_seconds:
        message = f"{duration_text(seconds)} is not before the deadline of {duration_text(deadline_seconds)}"
        reader.report(node, "invalid_value", message, f"{hint}, or set a later `deadline`")
    return seconds


def _group(node: yaml.Node, reader: Reader) -> ApproverGroup:
    return _group_of(reader.mapping(node, ("role", "count"), required=("role",)), reader)


def _group_of(entries: dict[str, yaml.Node], reader: Reader) -> ApproverGroup:
    return ApproverGroup(
        role=SNAKE.read(entries["role"], reader) if "role" in entries else "",
        count=reader.integer(entries["count"], minimum=1, maximum=MAX_APPROVERS) if "count" in entries else 1,
    )
