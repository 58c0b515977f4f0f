"""What the alarms say of a budget that fills up or that stopped something, in Slack and by mail."""

from collections.abc import Mapping
from typing import Any

import msgspec

from axiru.database import row, rows
from axiru.domain.money import money_text
from axiru.domain.span import span_text


class BudgetAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing that names a customer is in it."""

    mode: str
    title: str
    of: str
    used: str
    ceiling: str
    percent: int
    within: str
    rule: str
    effect: str
    decision_id: str


async def read_budget_alarm(organization_id: str, mode: str, told: Mapping[str, Any]) -> BudgetAlarm:
    """From what was told, with the name of the agent whose budget it is as it is now."""
    stopped = told["state"] == "exhausted"
    return BudgetAlarm(
        mode=mode,
        title="Budget used up" if stopped else f"Budget at {told['percent']} %",
        of=await _of(organization_id, told),
        used=_quantity(told["used_units"], told["asset"]),
        ceiling=_quantity(told["ceiling_units"], told["asset"]),
        percent=told["percent"],
        within=span_text(told["window_seconds"]),
        rule="; ".join(_rule(one, told) for one in told["rules"]),
        effect="What goes past it is denied." if told["effect"] == "deny" else "What goes past it needs approval.",
        decision_id=told["decision_id"],
    )


async def answerable(organization_id: str, told: Mapping[str, Any]) -> list[str]:
    """The members who are mailed: whoever answers for the agent whose budget it is, and all finance managers."""
    found = await rows(
        """
        SELECT id FROM members m WHERE organization_id = {} AND disabled_at IS NULL AND notify_by_email
            AND ('finance_manager' = ANY(roles) OR id IN (SELECT owner_member_id FROM agents a
                WHERE a.organization_id = m.organization_id AND a.retired_at IS NULL AND {}::boolean
                AND lower(btrim(a.agent_id)) = lower(btrim({}))))
        ORDER BY id
        """,
        organization_id,
        told["per"] == "initiator",
        told["subject"] or "",
    )
    return [member["id"] for member in found]


async def _of(organization_id: str, told: Mapping[str, Any]) -> str:
    subject: str | None = told["subject"]
    if told["per"] == "organization":
        return "the organization"
    if subject is None:
        return f"one {told['per']}"
    if told["per"] != "initiator":
        return f"{told['per']} {subject}"
    agent = await row(
        "SELECT name FROM agents WHERE organization_id = {} AND lower(btrim(agent_id)) = lower(btrim({}))",
        *(organization_id, subject),
    )
    return f"{agent['name']} ({subject})" if agent else subject


def _rule(one: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """With its own ceiling if that is not the one that is told of."""
    named = f"{one['policy']} v{one['version']}, {one['rule_id']}"
    same = one["ceiling_units"] == told["ceiling_units"]
    return named if same else f"{named} ({_quantity(one['ceiling_units'], told['asset'])})"


def _quantity(units: str, asset: str | None) -> str:
    if asset is None:
        return f"{int(units):,} {'movement' if units == '1' else 'movements'}"
    return money_text(int(units), asset)
