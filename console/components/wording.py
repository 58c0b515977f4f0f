"""The product's names in the words of people who work in finance."""

from typing import Final

_MOVEMENTS: Final = {"app_fee_refund": "App fee refund"}
_ROLES: Final = {"finance_manager": "finance manager", "agent_owner": "agent owner"}
RAIL_NAMES: Final = {"stripe": "Stripe", "stripe_daa": "Stripe DAA", "x402": "x402", "ap2": "AP2"}
MODE_NAMES: Final = {"test": "test mode", "live": "live mode", "both": "test and live mode"}


def movement_name(rail_action: str) -> str:
    """`Refund`, `App fee refund`; an action this console has no name for is shown as it is, readable."""
    return _MOVEMENTS.get(rail_action, rail_action.replace("_", " ").capitalize())


def payment_name(rail: str, rail_action: str) -> str:
    """`Agent payment`, and with its rail where the action alone says too little: `x402 payment`."""
    name = movement_name(rail_action)
    return f"{RAIL_NAMES.get(rail, rail)} {name.lower()}" if rail in {"x402", "ap2"} else name


def role_name(role: str) -> str:
    return _ROLES.get(role, role.replace("_", " "))


def with_article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
