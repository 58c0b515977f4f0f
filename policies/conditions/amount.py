"""`amount: {currency: usd, gt: 15000}`: the amount in minor units of one stated currency.

The currency is mandatory, and another currency answers False both plainly and under `not`: a limit in dollars never
matches yen by accident. `usdc` and `eurc` stand for every contract of their issuer and a CAIP-19 id for one asset;
amounts beyond 2^53 are written as text: `gt: "5000000000000000000"`. Rules about other currencies say so with
`currency: {not_in: […]}`.
"""

from datetime import datetime
from typing import Any, ClassVar, Self

import yaml

from axiru.domain.assets import named_by
from policies.conditions.base import Condition, Scope, Test
from policies.conditions.predicates import BOUNDS, CURRENCY, Bounds
from policies.facts import Facts
from policies.reading import Reader


class Amount(Condition, frozen=True):
    kind: ClassVar[str] = "amount"

    currency: str
    bounds: Bounds

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        entries = reader.mapping(node, ("currency", *BOUNDS), required=("currency",))
        return cls(CURRENCY.read(entries["currency"], reader), Bounds.of(entries, node, reader))

    def written(self) -> Any:
        return {"currency": self.currency, **self.bounds.written()}

    @property
    def assets(self) -> frozenset[str]:
        """The currency, or all contracts of a symbol."""
        return named_by(self.currency)

    @property
    def only_currency(self) -> str | None:
        return self.currency

    def test(self, scope: Scope, *, negated: bool = False) -> Test:  # noqa: ARG002 - the same in every scope
        assets = self.assets
        low, high = self.bounds.limits
        expected = not negated

        def is_within(facts: Facts, _now: datetime) -> bool | None:
            moved = facts.get("currency")
            if moved not in assets:
                return None if moved is None else False
            amount = facts.get("amount_cents")
            return None if amount is None else (low <= amount <= high) is expected

        return is_within

    def fact_names(self, scope: Scope) -> tuple[str, ...]:  # noqa: ARG002 - the same in every scope
        return ("amount_cents", "currency")
