"""Metadata: of what a merchant wrote to a payment, the keys that a policy reads."""

from typing import Final

from policies.syntax import Policy

METADATA: Final = "metadata."


def metadata_read_by(policy: Policy) -> frozenset[str]:
    """The keys whose values the rules of `policy` read."""
    return frozenset(
        name.removeprefix(METADATA)
        for rule in policy.rules
        for name in rule.when.fact_names(policy.applies_to)
        if name.startswith(METADATA)
    )
