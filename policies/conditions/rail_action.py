"""`rail_action: [refund, credit]`: what is asked of the rail."""

from typing import ClassVar

from policies.conditions.predicates import SNAKE, Vocabulary
from policies.conditions.single_fact import SingleFact


class RailAction(SingleFact, frozen=True):
    kind: ClassVar[str] = "rail_action"
    fact: ClassVar[str] = "rail_action"
    vocabulary: ClassVar[Vocabulary] = SNAKE
