"""`counterparty: {country: [CU, IR]}`: who receives. All that is said must hold.

Addresses on EVM chains are compared without case, as there.
"""

from typing import ClassVar

from policies.conditions.fact_group import FactGroup
from policies.conditions.predicates import COUNTRY, IDENTIFIER, RECEIVER, Vocabulary


class Counterparty(FactGroup, frozen=True):
    kind: ClassVar[str] = "counterparty"
    words: ClassVar[dict[str, Vocabulary]] = {"country": COUNTRY, "id": RECEIVER, "stripe_account_id": IDENTIFIER}
