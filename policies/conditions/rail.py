"""`rail: stripe`: the system that moves the money."""

from typing import ClassVar

from policies.conditions.predicates import SNAKE, Vocabulary
from policies.conditions.single_fact import SingleFact


class Rail(SingleFact, frozen=True):
    kind: ClassVar[str] = "rail"
    fact: ClassVar[str] = "rail"
    vocabulary: ClassVar[Vocabulary] = SNAKE
