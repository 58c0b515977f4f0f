"""`currency: {not_in: [usd]}`: the asset moved, for rules about every currency but some."""

from typing import ClassVar

from policies.conditions.predicates import CURRENCY, Vocabulary
from policies.conditions.single_fact import SingleFact


class Currency(SingleFact, frozen=True):
    kind: ClassVar[str] = "currency"
    fact: ClassVar[str] = "currency"
    vocabulary: ClassVar[Vocabulary] = CURRENCY
