"""What a whole sentence means: a part of the policy's head, or a rule."""

from typing import Any

import msgspec
import yaml
from lark import Token

from policies.plain import nodes
from policies.plain.meaning import Conditions, conjunction, flat
from policies.plain.say import DEFAULT_SLUG

_VERDICTS = {"DENIED": "deny", "SKIPPED": "skip", "REVIEWED": "review", "ALLOWED": "allow", "FLAGGED": "flag"}

_FALLBACKS = {"HELD": "hold", "ALLOWED": "allow", "ANSWERED": "last_good_packet"}


class Head(msgspec.Struct, frozen=True):
    """Keys of the policy, each as YAML would have it."""

    entries: tuple[tuple[str, yaml.Node], ...]


class RuleSentence(msgspec.Struct, frozen=True):
    """A rule as YAML would have it, but for its `id`, which it need not state. `place` is the rail it begins with."""

    entries: tuple[tuple[str, yaml.Node], ...]
    id: yaml.Node | None
    place: str | None
    at: yaml.Mark


_Entry = tuple[str, yaml.Node]


class Sentences(Conditions):
    """`first` is the sentence's first token: where it starts."""

    def __init__(self, first: Token) -> None:
        super().__init__()
        self._first = first

    def start(self, children: list[Head | RuleSentence]) -> Head | RuleSentence:
        return children[0]

    # The head.

    def policy(self, children: list[Any]) -> Head:
        slug, governed, rail = children
        scope = nodes.mapping(children, [("rail", rail), *([("rail_action", governed)] if governed else [])])
        return Head((("policy", slug or nodes.word(DEFAULT_SLUG, rail)), ("applies_to", scope)))

    def governed(self, children: list[yaml.Node]) -> yaml.Node:
        return nodes.sequence(children, children)

    def everything(self, _children: list[Any]) -> None:
        return None

    def purpose(self, children: list[yaml.Node]) -> Head:
        return Head((("description", children[0]),))

    def shadow(self, children: list[Any]) -> Head:
        return Head((("shadow", nodes.boolean(True, children)),))

    def asked(self, children: list[yaml.Node]) -> Head:
        return Head((("missing_fact_approver", children[0]),))

    def unreachable(self, children: list[_Entry]) -> Head:
        return Head((("when_unreachable", nodes.mapping(self._first, children)),))

    def fallback(self, children: list[Any]) -> _Entry:
        action, said = children
        return action.value, nodes.word(_FALLBACKS[said.type], said)

    def default(self, children: list[list[_Entry]]) -> Head:
        return Head((("default", nodes.mapping(children, self._merged(children))),))

    # Rules.

    def rule(self, children: list[Any]) -> RuleSentence:
        label, place, moved, *said = children
        if isinstance(moved, str):
            moved, said = said[0], [[("effect", nodes.word(moved, self._first))]]
        rule_id, *priority = label or [None]
        at = nodes.mark_at(self._first)
        if not moved and place is None:
            self.fault(
                self._first, "empty_condition", "this says nothing of the movements", "Movements over $150 are denied."
            )
        conditions: list[yaml.Node] = [nodes.mapping(at, [("rail", place)])] if place is not None else []
        conditions += moved or ([] if conditions else [nodes.word("", at)])
        stated = [*(("priority", each) for each in priority if each is not None), ("when", conjunction(conditions))]
        return RuleSentence(
            entries=(*stated, *self._merged(said)),
            id=rule_id,
            place=place.value if place is not None else None,
            at=at,
        )

    def label(self, children: list[Any]) -> list[Any]:
        return children

    def place(self, children: list[yaml.Node]) -> yaml.Node:
        return children[0]

    def daa(self, children: list[Any]) -> yaml.Node:
        return nodes.word("stripe_daa", children)

    def movements(self, children: list[Any]) -> list[yaml.Node]:
        return flat(children)

    def ordered(self, children: list[Any]) -> list[yaml.Node]:
        return flat(children)

    def order(self, children: list[Token]) -> str:
        return children[0].type.lower()

    def effect(self, children: list[Token]) -> list[_Entry]:
        return [("effect", _verdict(children[0]))]

    def review(self, children: list[Any]) -> list[_Entry]:
        *groups, span = children
        deadline = [("deadline", span)] if span is not None else []
        asked = [("group", _group(each)) for each in groups]
        return [("effect", nodes.word("review", groups)), *asked, *deadline]

    def and_approvers(self, children: list[Any]) -> list[_Entry]:
        *counted, span = children
        return [("group", _group(self.approvers(counted))), *([("deadline", span)] if span is not None else [])]

    def approvers(self, children: list[yaml.ScalarNode]) -> list[_Entry]:
        role, count = children[-1], children[0] if len(children) == 2 else None
        if count is not None and count.value != "1" and role.style is None and role.value.endswith("s"):
            role = nodes.word(role.value[:-1], role.start_mark)
        return [("role", role), *([("count", count)] if count is not None else [])]

    def reason(self, children: list[yaml.Node]) -> list[_Entry]:
        return [("reason", children[0])]

    def message(self, children: list[yaml.Node]) -> list[_Entry]:
        return [("message", children[0])]

    def remind(self, children: list[yaml.Node]) -> list[_Entry]:
        return [("remind", nodes.sequence(children, children))]

    def escalate(self, children: list[yaml.Node]) -> list[_Entry]:
        return [("escalate", nodes.sequence(children, children))]

    def escalation(self, children: list[yaml.Node]) -> yaml.Node:
        role, span = children
        return nodes.mapping(children, [("after", span), ("role", role)])

    def when_missing(self, children: list[Token]) -> list[_Entry]:
        return [("when_missing", _verdict(children[0]))]

    def on_error(self, children: list[Token]) -> list[_Entry]:
        return [("on_error", _verdict(children[0]))]

    def _merged(self, said: list[list[_Entry]]) -> list[_Entry]:
        """All that is said in one list; what is said of the approvers, wherever it stands, belongs together."""
        merged = [entry for each in said for entry in each]
        groups = [value for key, value in merged if key == "group"]
        terms = [entry for entry in merged if entry[0] in _OF_APPROVERS]
        others = [entry for entry in merged if entry[0] not in {"group", *_OF_APPROVERS}]
        if groups:
            at = groups[0].start_mark
            one = [(key.value, value) for key, value in groups[0].value]
            asked = one if len(groups) == 1 else [("groups", nodes.sequence(at, groups))]
            return [*others, ("approvers", nodes.mapping(at, [*asked, *terms]))]
        if terms:
            mark = terms[0][1].start_mark
            place = Token("ESCALATING", "", line=mark.line + 1, column=mark.column + 1)
            message = "only what requires approval has approvers, reminds or escalates"
            self.fault(place, "invalid_value", message, "require approval by controller, escalating to …")
        return others


_OF_APPROVERS = frozenset({"deadline", "remind", "escalate"})


def _group(entries: list[_Entry]) -> yaml.Node:
    return nodes.mapping(entries[0][1].start_mark, entries)


def _verdict(token: Token) -> yaml.ScalarNode:
    return nodes.word(_VERDICTS[token.type], token)
