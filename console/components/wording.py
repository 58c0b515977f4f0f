"""The product's names in the words of people who work in finance."""

from typing import Final

_MOVEMENTS: Final = {"app_fee_refund": "App fee refund"}
_ROLES: Final = {"finance_manager": "finance manager", "agent_owner": "agent owner"}
MODE_NAMES: Final = {"test": "test mode", "live": "live mode", "both": "test and live mode"}


def movement_name(rail_action: str) -> str:
    """`Refund`, `App fee refund`; an action this console has no name for is shown as it is, readable."""
    return _MOVEMENTS.get(rail_action, rail_action.replace("_", " ").capitalize())


def role_name(role: str) -> str:
    return _ROLES.get(role, role.replace("_", " "))


def with_article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
