"""Which parts of a decision are personal, and their separation from what is sealed in the clear."""

from collections.abc import Mapping
from typing import Any

PERSONAL_PATHS: tuple[tuple[str, ...], ...] = (
    ("ovt", "context", "customer_id"),
    ("ovt", "context", "customer_email"),
    ("ovt", "context", "extra"),
    ("ovt", "metadata"),
)
"""Values that name a customer, or are free text of the caller's that might."""

PERSONAL_FACTS: tuple[str, ...] = ("context.customer_id", "context.customer_email", "extra.", "metadata.")
"""The same values under the names by which rules read them; a trailing dot stands for all that begin so."""


def separated(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split JSON `data` into what may be sealed in the clear and the personal values by dotted path.

    Empty values are neither kept nor committed to: that a field was left out is no secret.
    """
    clear = dict(data)
    personal: dict[str, Any] = {}
    for path in PERSONAL_PATHS:
        clear, value = _without(clear, path)
        if value:
            personal[".".join(path)] = value
    evaluation = clear.get("evaluation")
    if isinstance(evaluation, Mapping):
        facts = dict(evaluation.get("facts", {}))
        for name in [name for name in facts if name.startswith(PERSONAL_FACTS)]:
            personal[f"evaluation.facts.{name}"] = facts.pop(name)
        clear["evaluation"] = {**evaluation, "facts": facts}
    return clear, personal


def _without(tree: Mapping[str, Any], path: tuple[str, ...]) -> tuple[dict[str, Any], Any]:
    """A copy of `tree` without the value at `path`, and that value."""
    copy = dict(tree)
    first, *rest = path
    if first not in copy:
        return copy, None
    if not rest:
        return copy, copy.pop(first)
    if not isinstance(copy[first], Mapping):
        return copy, None
    copy[first], value = _without(copy[first], tuple(rest))
    return copy, value
