"""Which answer to a dispute a request is about, so that rules read the one that Axiru would give."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from api.errors import FieldError

FACT: Final = "dispute_action"
"""By this name of the context rules know the answer (`policies/packs/disputes-starter.yaml`)."""

_KNOWN_TO_RULES_AS: Final = {"submit_evidence": "submit_evidence", "close": "accept"}


def answer_fact(raw: Mapping[str, Any]) -> dict[str, str]:
    """The fact that rules read, where the request itself says what the answer is; else what the caller gives counts."""
    answer = _asked(raw)
    return {FACT: _KNOWN_TO_RULES_AS[answer]} if answer in _KNOWN_TO_RULES_AS else {}


def answer_errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    """What is said to rules must not be another answer than the one that would be given."""
    context = raw.get("context")
    said = context.get(FACT) if isinstance(context, dict) else None
    expected = answer_fact(raw).get(FACT)
    if said is not None and expected is not None and said != expected:
        yield FieldError(
            f"context.{FACT}", "not_allowed", f"The answer asked for is {expected}; say so or leave it out."
        )


def _asked(raw: Mapping[str, Any]) -> str | None:
    intent = raw.get("intent")
    if raw.get("action") != "dispute" or not isinstance(intent, dict):
        return None
    by_default = "submit_evidence" if raw.get("execute") == "axiru" else None
    asked = intent.get("dispute_action") or by_default
    return asked if isinstance(asked, str) else None
