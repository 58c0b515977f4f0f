"""What an organization chose for itself; sealed in both modes."""

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

from axiru.database import row, rows
from ledger.acts.chain import Act, acts
from ledger.acts.member_record import check_admin
from ledger.acts.second_person import BOTH_MODES
from ledger.entry import EntrySigner
from policies.budgets import DEFAULT_ALERT_PERCENT

BreakGlassRule = Literal["off", "two_people", "one_with_alarm"]
AlertChannel = Literal["console", "slack", "email", "webhook"]
ALERT_CHANNELS: Final[tuple[AlertChannel, ...]] = get_args(AlertChannel)
"""Where a bypass is told of; all of them as long as the organization has not chosen."""


async def choose_break_glass(
    rule: BreakGlassRule, *, organization_id: str, by_member_id: str, signer: EntrySigner
) -> None:
    """Say who may approve past quorum and roles in an emergency. Raises NotEligible for all but admins."""
    async with acts(signer, organization_id, BOTH_MODES) as choosing:
        await _choose("break_glass", rule, choosing, organization_id, by_member_id)


async def choose_bypass_alerts(
    channels: Sequence[AlertChannel], *, organization_id: str, by_member_id: str, signer: EntrySigner
) -> None:
    """Say where a bypass is told of; nowhere leaves the list of decisions. Raises NotEligible for all but admins."""
    chosen = [channel for channel in ALERT_CHANNELS if channel in channels]
    async with acts(signer, organization_id, BOTH_MODES) as choosing:
        await _choose("bypass_alerts", chosen, choosing, organization_id, by_member_id)


async def choose_budget_alert_percent(
    percent: int, *, organization_id: str, by_member_id: str, signer: EntrySigner
) -> None:
    """Say at how much of its ceiling a budget is told of, 1 to 100. Raises NotEligible for all but admins."""
    async with acts(signer, organization_id, BOTH_MODES) as choosing:
        await _choose("budget_alert_percent", percent, choosing, organization_id, by_member_id)


async def bypass_alerts(organization_id: str) -> list[AlertChannel]:
    """Where a bypass is told of."""
    found = await row("SELECT bypass_alerts FROM organization_settings WHERE organization_id = {}", organization_id)
    return list(found["bypass_alerts"] if found else ALERT_CHANNELS)


async def _choose(
    what: Literal["break_glass", "bypass_alerts", "budget_alert_percent"],
    chosen: Any,
    choosing: Sequence[Act],
    organization_id: str,
    by_member_id: str,
) -> None:
    """What is chosen already is not sealed again."""
    await check_admin(by_member_id, organization_id)
    defaults = {
        "break_glass": "two_people",
        "bypass_alerts": list(ALERT_CHANNELS),
        "budget_alert_percent": DEFAULT_ALERT_PERCENT,
    }
    before = await row(
        "SELECT break_glass, bypass_alerts, budget_alert_percent FROM organization_settings WHERE organization_id = {}",
        organization_id,
    )
    standing = before or defaults
    if standing[what] == chosen:
        return
    settings = {**standing, what: chosen}
    await rows(
        """
        INSERT INTO organization_settings (organization_id, break_glass, bypass_alerts, budget_alert_percent,
            updated_by, updated_at)
        VALUES ({}, {}, {}, {}, {}, {}) ON CONFLICT (organization_id) DO UPDATE
        SET break_glass = excluded.break_glass, bypass_alerts = excluded.bypass_alerts,
            budget_alert_percent = excluded.budget_alert_percent, updated_by = excluded.updated_by,
            updated_at = excluded.updated_at
        """,
        organization_id,
        settings["break_glass"],
        settings["bypass_alerts"],
        settings["budget_alert_percent"],
        by_member_id,
        choosing[0].now,
    )
    for one in choosing:
        one.seal("organization", {what: chosen, f"{what}_before": standing[what], "by_member_id": by_member_id})
        one.tell("organization", {what: chosen})
