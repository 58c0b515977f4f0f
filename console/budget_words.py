"""Budgets in words: whose they are, over what time, how much of what."""

from typing import Final

from axiru.domain.span import span_text
from console.budget_views import Budget, Per, Window
from console.components.badge import Look
from console.components.money import asset_amount
from console.components.wording import RAIL_NAMES, payment_name

PER_NAMES: Final[dict[Per, str]] = {
    "initiator": "Agent",
    "counterparty": "Counterparty",
    "customer": "Customer",
    "charge": "Charge",
    "merchant": "Merchant",
    "organization": "Organization",
}


def amount_of(budget: Window, units: str) -> str:
    """`$250.00 USD`, `1.50 USDC`, `12 movements`."""
    if budget.measure == "sum" and budget.asset is not None:
        return asset_amount(int(units), budget.asset)
    return f"{int(units):,} {'movement' if int(units) == 1 else 'movements'}"


def asset_name(asset: str) -> str:
    """`USD`; a contract by its whole name."""
    return asset if "/" in asset else asset.upper()


def what_counts(budget: Window) -> str:
    """`Agent payments and agent payouts on Stripe DAA within 24 hours`."""
    names = [f"{payment_name(budget.rail, action)}s" for action in budget.rail_actions]
    counted = " and ".join([names[0], *(name.lower() for name in names[1:])]) if names else "All that agents move"
    if not names and budget.rail == "stripe":
        counted = "All movements"
    return f"{counted} on {RAIL_NAMES.get(budget.rail, budget.rail)} within {span_text(budget.window_seconds)}"


def standing(budget: Budget, alert_percent: int) -> Look | None:
    """What is said of a budget that is filling up or full; None while there is nothing to say."""
    if budget.used_up:
        return Look("Used up", "stop", "failed")
    if budget.used_percent >= alert_percent:
        return Look(f"{alert_percent} % reached", "alert", "waiting")
    return None


def consequence(budget: Budget) -> str:
    """What happens to what would go past the ceiling."""
    enforced = budget.surface_mode == "enforce"
    if budget.effect == "deny":
        return "More is denied" if enforced else "Enforced, more would be denied"
    return "More waits for people" if enforced else "Enforced, more would wait for people"
