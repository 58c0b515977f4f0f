"""`counterparty: {country: [CU, IR]}`: who receives. All that is said must hold."""

from typing import ClassVar

from policies.conditions.fact_group import FactGroup
from policies.conditions.predicates import COUNTRY, IDENTIFIER, Vocabulary


class Counterparty(FactGroup, frozen=True):
    kind: ClassVar[str] = "counterparty"
    words: ClassVar[dict[str, Vocabulary]] = {"country": COUNTRY, "id": IDENTIFIER, "stripe_account_id": IDENTIFIER}
