"""A policy in plain language: the canonical text, which `read` turns back into an equal policy."""

import hashlib
import re
from collections.abc import Iterable

from policies.conditions import Scope
from policies.plain.amounts import SYMBOLS
from policies.plain.grammar import is_reserved
from policies.plain.say_conditions import Document, listed, movements_text, place_of
from policies.plain.words import action_text, all_of_text, name_text, quoted, span_text
from policies.syntax import DEFAULT_PRIORITY, Policy, Rule
from policies.write import document

DEFAULT_SLUG = "policy"
DEFAULT_RAIL = "stripe"

_FALLBACKS = {"hold": "held", "allow": "allowed", "last_good_packet": "answered"}
_LINE_CHARACTERS = 100
_EFFECTS = {"allow": "allowed", "deny": "denied", "flag": "flagged"}
_VERDICTS = {"deny": "denied", "review": "reviewed", "skip": "skipped"}
_WORD = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"])+')


def say(policy: Policy) -> str:
    """The text of `policy`: a head, if there is more to say than the defaults, and one sentence for each rule."""
    written = document(policy)
    head = "\n".join(_head(written, shadow=policy.shadow))
    rules = [_rule(rule) for rule in written["rules"]]
    return "\n\n".join([head, *rules] if head else rules) + "\n"


def say_rule(rule: Rule) -> str:
    """The sentence of one rule, as it stands in `say`."""
    return _rule(document(Policy(DEFAULT_SLUG, Scope(DEFAULT_RAIL), (rule,)))["rules"][0])


def rail_of_places(places: Iterable[str | None]) -> str:
    """The rail of a policy that names none: what all its rules begin with, otherwise stripe."""
    named = set(places)
    return (named.pop() if len(named) == 1 else None) or DEFAULT_RAIL


def derived_id(when: Document, effect: str) -> str:
    """The id of a rule that states none, made of its own words: `refunds_over_150_usd_require_approval`.

    Long ones are cut and closed with a part of their SHA-256, so that they differ where the rules do.
    """
    sentence = f"{movements_text(when)} {'require approval' if effect == 'review' else 'are ' + _EFFECTS[effect]}"
    spelled = re.sub(r"([$€£¥])([0-9,.]*[0-9])", lambda money: f"{money[2]}_{SYMBOLS[money[1]]}", sentence)
    slug = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[0-9]),(?=[0-9])", "", spelled.lower())).strip("_")
    if len(slug) <= 64:
        return slug
    return f"{slug[:55].rstrip('_')}_{hashlib.sha256(sentence.encode()).hexdigest()[:8]}"


def _head(written: Document, *, shadow: bool) -> list[str]:
    scope = written["applies_to"]
    sentences: list[str] = []
    places = [place_of(rule["when"])[0] for rule in written["rules"]]
    if written["policy"] != DEFAULT_SLUG or scope != {"rail": rail_of_places(places)}:
        actions = scope.get("rail_action")
        governed = all_of_text(map(action_text, listed(actions))) if actions else "all movements"
        slug = "" if written["policy"] == DEFAULT_SLUG else f"{name_text(written['policy'])} "
        sentences.append(f"Policy {slug}governs {governed} on {name_text(scope['rail'])}.")
    if "description" in written:
        sentences.append(f"Purpose: {quoted(written['description'])}.")
    if shadow:
        sentences.append("The policy only looks on.")
    if "default" in written:
        sentences.append(_sentence("Everything else", written["default"], singular=True))
    if "missing_fact_approver" in written:
        sentences.append(f"Where a fact is missing, {name_text(written['missing_fact_approver'])} decides.")
    if "when_unreachable" in written:
        said = [f"{action_text(action)} are {_FALLBACKS[then]}" for action, then in written["when_unreachable"].items()]
        sentences.append(f"When out of reach, {' and '.join(said)}.")
    return sentences


def _rule(rule: Document) -> str:
    movements = movements_text(rule["when"])
    first = movements.split(maxsplit=1)[0]
    # A rail action that is written as it is called keeps its letters.
    starts = movements[0].upper() + movements[1:] if is_reserved(first.rstrip(",")) else movements
    sentence = _sentence(starts, rule)
    priority = rule.get("priority", DEFAULT_PRIORITY)
    if rule["id"] == derived_id(rule["when"], rule["effect"]) and priority == DEFAULT_PRIORITY:
        return sentence
    ranked = f", priority {priority:,}" if priority != DEFAULT_PRIORITY else ""
    indented = sentence.replace("\n", "\n  ")
    return f"Rule {name_text(rule['id'])}{ranked}:\n  {indented}"


def _sentence(subject: str, said: Document, *, singular: bool = False) -> str:
    """One clause a line, so that a change of one shows as a change of one."""
    effect = _effect(said, singular=singular)
    # What happens stays together, in a line of its own where the first gets long.
    apart = len(subject) + len(effect) >= _LINE_CHARACTERS
    clauses = [f"{_folded(subject)}\n  {_folded(effect)}" if apart else f"{subject} {effect}"]
    if reminders := said.get("approvers", {}).get("remind"):
        clauses.append(f"reminding after {' and '.join(map(span_text, reminders))}")
    for step, escalation in enumerate(said.get("approvers", {}).get("escalate", [])):
        to = f"to {name_text(escalation['role'])} after {span_text(escalation['after'])}"
        if step:
            clauses[-1] += f" and {to}"
        else:
            clauses.append(f"escalating {to}")
    if "reason" in said:
        clauses.append(f"with reason {name_text(said['reason'])}")
    if "message" in said:
        clauses.append(f"saying {quoted(said['message'])}")
    for key, occasion in (("when_missing", "a fact is missing"), ("on_error", "the expression fails")):
        if key in said:
            clauses.append(f"{'but' if said[key] == 'skip' else 'and'} {_VERDICTS[said[key]]} if {occasion}")
    first, *others = clauses
    return ",\n".join([first, *map(_folded, others)]) + "."


def _effect(said: Document, *, singular: bool) -> str:
    if said["effect"] != "review":
        return f"{'is' if singular else 'are'} {_EFFECTS[said['effect']]}"
    approvers = said["approvers"]
    groups: list[Document] = approvers.get("groups", [approvers])
    counted = any(group.get("count", 1) > 1 for group in groups)
    deadline = f" within {span_text(approvers['deadline'])}" if "deadline" in approvers else ""
    asked = " and ".join(_group(group, counted=counted) for group in groups)
    return f"{'requires' if singular else 'require'} approval by {asked}{deadline}"


def _group(group: Document, *, counted: bool) -> str:
    role, count = group["role"], group.get("count", 1)
    if count == 1:
        return f"1 {name_text(role)}" if counted else name_text(role)
    plural = name_text(f"{role}s")
    return f"{count} {quoted(role) if plural.startswith(chr(34)) else plural}"


def _folded(clause: str) -> str:
    """Long clauses go on in the next line; texts in quotes stay whole."""
    lines: list[str] = []
    for word in _WORD.findall(clause):
        if lines and len(lines[-1]) + 1 + len(word) <= _LINE_CHARACTERS:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}" if lines else word)
    return "\n".join(lines)
