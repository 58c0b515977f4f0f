"""`initiator_id: agent_billing_reconciler_v2`: exactly who asks."""

from typing import ClassVar

from policies.conditions.predicates import IDENTIFIER, Vocabulary
from policies.conditions.single_fact import SingleFact


class InitiatorId(SingleFact, frozen=True):
    kind: ClassVar[str] = "initiator_id"
    fact: ClassVar[str] = "initiator.id"
    vocabulary: ClassVar[Vocabulary] = IDENTIFIER
