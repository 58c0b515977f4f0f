"""Stripe's automatic payouts, paused and restored, in words."""

from collections.abc import Mapping
from typing import Any, Final

from console.components.badge import Look

PAUSE_LOOKS: Final[Mapping[str, Look]] = {
    "pausing": Look("Pausing payouts", "spinner", "busy"),
    "paused": Look("Payouts paused", "pause", "waiting"),
    "restoring": Look("Restoring payouts", "spinner", "busy"),
    "restored": Look("Payouts restored", "check", "good"),
    "failed": Look("Payouts not changed", "alert", "failed"),
}


def schedule_text(schedule: Mapping[str, Any]) -> str:
    """`daily, after 2 days`, `weekly on friday`, `monthly on day 15`: a payout schedule as Stripe keeps it."""
    words = [str(schedule.get("interval") or "unknown")]
    for single, several, before in (
        ("weekly_anchor", "weekly_payout_days", "on"),
        ("monthly_anchor", "monthly_payout_days", "on day"),
    ):
        days = schedule.get(several) or ([schedule[single]] if schedule.get(single) else [])
        if days:
            words.append(f"{before} {' and '.join(map(str, days))}")
    told = " ".join(words)
    delay = schedule.get("delay_days")
    if delay is None:
        return told
    return f"{told}, after {delay} {'day' if delay == 1 else 'days'}"
