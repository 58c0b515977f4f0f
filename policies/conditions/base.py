"""What every condition can do: be read, be written back, name what it reads, and become a test."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, ClassVar, Self

import msgspec
import yaml

from policies.facts import Facts
from policies.lists import ListSpec
from policies.reading import Reader
from policies.windows import WindowSpec

Test = Callable[[Facts, datetime], bool | None]
"""True, False, or None for unknown (Kleene's three-valued logic)."""


class Scope(msgspec.Struct, frozen=True):
    """What the policy applies to, for conditions that say nothing of it themselves. No rail actions means all."""

    rail: str
    rail_actions: tuple[str, ...] = ()


class Condition(msgspec.Struct, frozen=True):
    """One node of a rule's `when`. Each kind is a subclass in its own file, listed in `policies.conditions.KINDS`."""

    kind: ClassVar[str]

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        """The condition written under `kind:`. Faults go to `reader`; never raises."""
        raise NotImplementedError

    def written(self) -> Any:
        """What stands under `kind:` in YAML, in canonical form; `read` gives an equal condition."""
        raise NotImplementedError

    def test(self, scope: Scope, *, negated: bool = False) -> Test:
        """The condition as a function of facts and time; `negated` is how `not` reaches the leaves.

        Promise to keep: a test that answers without some fact gives the same answer with it, whatever its value. On
        this rests that leaving a fact out is never a way past a rule.
        """
        raise NotImplementedError

    def fact_names(self, scope: Scope) -> tuple[str, ...]:
        """Every fact the test may read."""
        raise NotImplementedError

    @property
    def only_currency(self) -> str | None:
        """The currency in which alone the condition says anything: in others it is False, plainly and under `not`."""
        return None

    def windows(self, scope: Scope) -> tuple[WindowSpec, ...]:  # noqa: ARG002 - only some kinds count windows
        return ()

    def lists(self, scope: Scope) -> tuple[ListSpec, ...]:  # noqa: ARG002 - only some kinds look into lists
        return ()

    def leaves(self) -> Iterator["Condition"]:
        yield self

    def document(self) -> dict[str, Any]:
        return {self.kind: self.written()}


def read_condition(node: yaml.Node, reader: Reader) -> Condition:
    """The single-key mapping `{kind: …}`. An unknown kind is a fault, so it never loads."""
    entries = reader.entries(node)
    if len(entries) > 1:
        message = f"{len(entries)} conditions in one place: {', '.join(entries)}"
        reader.report(node, "several_conditions", message, "put them in a list under `all:` or `any:`")
    elif not entries and isinstance(node, yaml.MappingNode):
        reader.report(node, "empty_condition", "there is no condition here", f"one of: {', '.join(reader.kinds)}")
    conditions: list[Condition] = []
    for kind, value in entries.items():
        if kind in reader.kinds:
            conditions.append(reader.kinds[kind].read(value, reader))
        else:
            reader.unknown_key(value, kind, reader.kinds, code="unknown_kind")
    return conditions[0] if conditions else Unreadable()


class Unreadable(Condition, frozen=True):
    """Takes the place of a condition at fault while the rest of the text is read. Never part of a policy."""

    kind: ClassVar[str] = "unreadable"
