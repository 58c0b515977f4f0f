"""`initiator_id: agent_billing_reconciler_v2`: who asks, and all below it (`policies.line`). A list may name them:
`{in_list: trusted_agents}`.
"""

from typing import Any, ClassVar, Self

import yaml

from policies.conditions.base import Condition, Scope, Test
from policies.conditions.predicates import IDENTIFIER, InList, OneOf, read_said
from policies.lists import ListSpec
from policies.reading import Reader


class InitiatorId(Condition, frozen=True):
    kind: ClassVar[str] = "initiator_id"
    fact: ClassVar[str] = "initiator.id"

    expected: OneOf | InList

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        return cls(read_said(node, reader, IDENTIFIER))

    def written(self) -> Any:
        return self.expected.written()

    def test(self, scope: Scope, *, negated: bool = False) -> Test:  # noqa: ARG002 - the same in every scope
        return self.expected.test(self.fact, negated=negated)

    def fact_names(self, scope: Scope) -> tuple[str, ...]:  # noqa: ARG002 - the same in every scope
        return (self.expected.reads(self.fact),)

    def lists(self, scope: Scope) -> tuple[ListSpec, ...]:  # noqa: ARG002 - the same in every scope
        return (self.expected.spec(self.fact),) if isinstance(self.expected, InList) else ()
