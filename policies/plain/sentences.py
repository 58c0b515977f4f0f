"""What a whole sentence means: a part of the policy's head, or a rule."""

from typing import Any

import msgspec
import yaml
from lark import Token
from lark.tree import Meta
from lark.visitors import v_args

from policies.plain import nodes
from policies.plain.meaning import Conditions, conjunction, flat
from policies.plain.say import DEFAULT_SLUG

_VERDICTS = {"DENIED": "deny", "SKIPPED": "skip", "REVIEWED": "review", "ALLOWED": "allow", "FLAGGED": "flag"}


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


@v_args(meta=True)
class Sentences(Conditions):
    def start(self, _meta: Meta, children: list[Head | RuleSentence]) -> Head | RuleSentence:
        return children[0]

    # The head.

    def policy(self, meta: Meta, children: list[Any]) -> Head:
        slug, governed, rail = children
        scope = nodes.mapping(meta, [("rail", rail), *([("rail_action", governed)] if governed else [])])
        return Head((("policy", slug or nodes.word(DEFAULT_SLUG, meta)), ("applies_to", scope)))

    def governed(self, meta: Meta, children: list[yaml.Node]) -> yaml.Node:
        return nodes.sequence(meta, children)

    def everything(self, _meta: Meta, _children: list[Any]) -> None:
        return None

    def purpose(self, _meta: Meta, children: list[yaml.Node]) -> Head:
        return Head((("description", children[0]),))

    def shadow(self, meta: Meta, _children: list[Any]) -> Head:
        return Head((("shadow", nodes.boolean(True, meta)),))

    def asked(self, _meta: Meta, children: list[yaml.Node]) -> Head:
        return Head((("missing_fact_approver", children[0]),))

    def default(self, meta: Meta, children: list[list[_Entry]]) -> Head:
        return Head((("default", nodes.mapping(meta, self._merged(children))),))

    # Rules.

    def rule(self, meta: Meta, children: list[Any]) -> RuleSentence:
        label, place, moved, *said = children
        if isinstance(moved, str):
            moved, said = said[0], [[("effect", nodes.word(moved, meta))]]
        rule_id, *priority = label or [None]
        at = nodes.mark_at(meta)
        if not moved and place is None:
            self.fault(meta, "empty_condition", "this says nothing of the movements", "Movements over $150 are denied.")
        conditions: list[yaml.Node] = [nodes.mapping(at, [("rail", place)])] if place is not None else []
        conditions += moved or ([] if conditions else [nodes.word("", at)])
        stated = [*(("priority", each) for each in priority if each is not None), ("when", conjunction(conditions))]
        return RuleSentence(
            entries=(*stated, *self._merged(said)),
            id=rule_id,
            place=place.value if place is not None else None,
            at=at,
        )

    def label(self, _meta: Meta, children: list[Any]) -> list[Any]:
        return children

    def place(self, _meta: Meta, children: list[yaml.Node]) -> yaml.Node:
        return children[0]

    def daa(self, meta: Meta, _children: list[Any]) -> yaml.Node:
        return nodes.word("stripe_daa", meta)

    def movements(self, _meta: Meta, children: list[Any]) -> list[yaml.Node]:
        return flat(children)

    def ordered(self, _meta: Meta, children: list[Any]) -> list[yaml.Node]:
        return flat(children)

    def order(self, _meta: Meta, children: list[Token]) -> str:
        return children[0].type.lower()

    def effect(self, _meta: Meta, children: list[Token]) -> list[_Entry]:
        return [("effect", _verdict(children[0]))]

    def review(self, meta: Meta, children: list[Any]) -> list[_Entry]:
        *groups, span = children
        approvers: list[_Entry] = (
            groups[0] if len(groups) == 1 else [("groups", nodes.sequence(meta, [_group(each) for each in groups]))]
        )
        deadline = [("deadline", span)] if span is not None else []
        return [("effect", nodes.word("review", meta)), ("approvers", nodes.mapping(meta, [*approvers, *deadline]))]

    def approvers(self, _meta: Meta, children: list[yaml.ScalarNode]) -> list[_Entry]:
        role, count = children[-1], children[0] if len(children) == 2 else None
        if count is not None and count.value != "1" and role.style is None and role.value.endswith("s"):
            role = nodes.word(role.value[:-1], role.start_mark)
        return [("role", role), *([("count", count)] if count is not None else [])]

    def reason(self, _meta: Meta, children: list[yaml.Node]) -> list[_Entry]:
        return [("reason", children[0])]

    def message(self, _meta: Meta, children: list[yaml.Node]) -> list[_Entry]:
        return [("message", children[0])]

    def escalate(self, meta: Meta, children: list[yaml.Node]) -> list[_Entry]:
        return [("escalate", nodes.sequence(meta, children))]

    def escalation(self, meta: Meta, children: list[yaml.Node]) -> yaml.Node:
        role, span = children
        return nodes.mapping(meta, [("after", span), ("role", role)])

    def when_missing(self, _meta: Meta, children: list[Token]) -> list[_Entry]:
        return [("when_missing", _verdict(children[0]))]

    def on_error(self, _meta: Meta, children: list[Token]) -> list[_Entry]:
        return [("on_error", _verdict(children[0]))]

    def _merged(self, said: list[list[_Entry]]) -> list[_Entry]:
        """All that is said in one list; what escalates belongs to the approvers."""
        merged = [entry for each in said for entry in each]
        steps = [entry for entry in merged if entry[0] == "escalate"]
        asked = next((value for key, value in merged if key == "approvers"), None)
        if not steps:
            return merged
        if isinstance(asked, yaml.MappingNode):
            asked.value.extend(nodes.mapping(steps[0][1].start_mark, steps).value)
        else:
            mark = steps[0][1].start_mark
            place = Token("ESCALATING", "", line=mark.line + 1, column=mark.column + 1)
            message = "only what requires approval can escalate"
            self.fault(place, "invalid_value", message, "require approval by controller, escalating to …")
        return [entry for entry in merged if entry[0] != "escalate"]


def _group(entries: list[_Entry]) -> yaml.Node:
    return nodes.mapping(entries[0][1].start_mark, entries)


def _verdict(token: Token) -> yaml.ScalarNode:
    return nodes.word(_VERDICTS[token.type], token)
