"""`currency: {not_in: [usd]}`: the asset moved, for rules about every currency but some."""

from typing import ClassVar

from axiru.domain.assets import named_by
from policies.conditions.predicates import CURRENCY, OneOf, Vocabulary
from policies.conditions.single_fact import SingleFact


class Currency(SingleFact, frozen=True):
    kind: ClassVar[str] = "currency"
    fact: ClassVar[str] = "currency"
    vocabulary: ClassVar[Vocabulary] = CURRENCY

    @property
    def compared(self) -> OneOf:
        """With all contracts of each symbol in its place."""
        assets = {asset for value in self.expected.values for asset in named_by(value)}
        return OneOf(tuple(sorted(assets)), self.expected.negated)
