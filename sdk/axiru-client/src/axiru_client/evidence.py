"""The evidence packet of a dispute, as Axiru built it last."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EvidencePacket:
    """What to submit for a dispute when Axiru cannot be asked: `evidence` fits Stripe's parameter of that name."""

    dispute: str
    evidence: Mapping[str, str]
    fetched_at: float
    facts: Mapping[str, Any]

    @classmethod
    def read(cls, dispute: str, facts: Any, *, fetched_at: float) -> "EvidencePacket | None":
        """The packet in an answer of Axiru's; None for anything that is none."""
        evidence = facts.get("evidence") if isinstance(facts, dict) else None
        if not isinstance(evidence, dict) or not evidence:
            return None
        if not all(isinstance(name, str) and isinstance(text, str) for name, text in evidence.items()):
            return None
        return cls(dispute=dispute, evidence=evidence, fetched_at=fetched_at, facts=facts)
