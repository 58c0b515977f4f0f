"""`initiator_kind: agent`: an agent, a service or a person."""

from typing import ClassVar

from policies.conditions.predicates import SNAKE, Vocabulary
from policies.conditions.single_fact import SingleFact


class InitiatorKind(SingleFact, frozen=True):
    kind: ClassVar[str] = "initiator_kind"
    fact: ClassVar[str] = "initiator.kind"
    vocabulary: ClassVar[Vocabulary] = SNAKE
