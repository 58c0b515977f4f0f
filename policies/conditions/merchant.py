"""`merchant: {stripe_account_id: acct_1}`: on whose account the money moves. All that is said must hold."""

from typing import ClassVar

from policies.conditions.fact_group import FactGroup
from policies.conditions.predicates import IDENTIFIER, Vocabulary


class Merchant(FactGroup, frozen=True):
    kind: ClassVar[str] = "merchant"
    words: ClassVar[dict[str, Vocabulary]] = {"stripe_account_id": IDENTIFIER, "stripe_connection_id": IDENTIFIER}
