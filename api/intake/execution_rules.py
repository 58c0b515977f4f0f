"""What a body has to name, action by action, for Axiru to execute it. Pure; the raw body may be half wrong."""

from collections.abc import Iterator, Mapping
from typing import Any

from api.errors import FieldError


def execution_errors(action: Any, kind: Any, intent: Mapping[str, Any]) -> Iterator[FieldError]:
    """What is missing or too much in `intent` for one call to Stripe."""
    match action:
        case "refund" if kind in ("credit", "adjustment"):
            message = "Credits and adjustments are decided, never executed."
            yield FieldError("intent.kind", "not_executable", message)
        case "refund":
            yield from _one_of(intent, "charge", "payment_intent", "refund")
        case "payout":
            yield from _payout(intent)
        case "transfer":
            yield from _transfer(intent)
        case "app_fee_refund":
            yield from _one_of(intent, "application_fee", "charge", "application-fee refund")
        case "dispute" if intent.get("dispute") is None:
            yield FieldError("intent.dispute", "missing", "To answer a dispute, name it.")
        case _:
            return


def _one_of(intent: Mapping[str, Any], one: str, other: str, what: str) -> Iterator[FieldError]:
    if intent.get(one) is not None and intent.get(other) is not None:
        message = f"Name the {one.replace('_', ' ')} or the {other.replace('_', ' ')}, not both."
        yield FieldError(f"intent.{other}", "not_allowed", message)
    elif intent.get(one) is None and intent.get(other) is None:
        yield FieldError(f"intent.{one}", "missing", f"To execute a {what}, name its {one} or {other}.")


def _payout(intent: Mapping[str, Any]) -> Iterator[FieldError]:
    """A new one, to the default bank account or a named one; or, with `payout`, taking that one back."""
    destination = intent.get("destination")
    if destination is None:
        return
    if intent.get("payout") is not None:
        message = "With a payout named, that one is taken back: it has a destination already."
        yield FieldError("intent.destination", "not_allowed", message)
    elif isinstance(destination, str) and not destination.startswith(("ba_", "card_")):
        message = "A payout goes to one of the account's own bank accounts or debit cards (ba_… or card_…)."
        yield FieldError("intent.destination", "not_allowed", message)


def _transfer(intent: Mapping[str, Any]) -> Iterator[FieldError]:
    """A new one, to a connected account; or, with `transfer`, reversing that one."""
    destination = intent.get("destination")
    if intent.get("transfer") is not None:
        for name in ("destination", "charge"):
            if intent.get(name) is not None:
                message = "With a transfer named, that one is reversed: leave this out."
                yield FieldError(f"intent.{name}", "not_allowed", message)
    elif destination is None:
        yield FieldError("intent.destination", "missing", "To execute a transfer, name the connected account.")
    elif isinstance(destination, str) and not destination.startswith("acct_"):
        yield FieldError("intent.destination", "not_allowed", "A transfer goes to a connected account (acct_…).")
