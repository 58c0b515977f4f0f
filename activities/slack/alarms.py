"""What concerns more than one approval, posted on its own: controls, tripped breakers, a glass broken alone."""

from collections.abc import Mapping
from typing import Any

import msgspec

from activities.budget_alarm import read_budget_alarm
from activities.bypass_alarm import read_bypass
from axiru.database import row
from axiru.slack.message import SlackText
from axiru.slack.text import code, mrkdwn, said


async def alarm_text(body: Mapping[str, Any]) -> SlackText:
    """The alarm about one happening, from the tables as they are now."""
    match body["topic"]:
        case "control":
            text = await _control(body)
        case "breaker":
            text = await _breaker(body)
        case "bypass":
            text = await _bypass(body)
        case "budget":
            text = await _budget(body)
        case _:
            text = await _glass(body)
    return SlackText(text, [{"type": "section", "text": mrkdwn(text)}])


async def _control(body: Mapping[str, Any]) -> str:
    found = await row(
        """
        SELECT c.*, e.name AS by_name, l.name AS lifted_by_name FROM controls c
        LEFT JOIN members e ON e.id = c.engaged_by LEFT JOIN members l ON l.id = c.lifted_by WHERE c.id = {}
        """,
        body["control_id"],
    )
    if found is None:
        return "A control changed that there is not."
    scope = msgspec.json.decode(found["scope"])
    what = "Kill switch" if found["kind"] == "kill_switch" else str(found["kind"]).replace("_", " ").capitalize()
    about = "".join(f" {said(name, 40)} {code(str(value))}" for name, value in scope.items())
    modes = {"both": "test and live"}.get(found["applies_to"], found["applies_to"])
    if body["in_force"]:
        by = said(found["by_name"] or "a circuit breaker", 200)
        return f":octagonal_sign: *{what} engaged*{about} for {modes} by {by}: {said(found['reason'])}"
    by = said(found["lifted_by_name"] or "its own expiry", 200)
    why = f": {said(found['lifted_reason'])}" if found["lifted_reason"] else ""
    return f":arrow_forward: *{what} lifted*{about} for {modes} by {by}{why}"


async def _breaker(body: Mapping[str, Any]) -> str:
    found = await row(
        """
        SELECT b.name, b.metric, b.rail, b.rail_action, t.observed, t.usual, t.mode FROM breaker_trips t
        JOIN breakers b ON b.id = t.breaker_id WHERE t.id = {}
        """,
        body["trip_id"],
    )
    if found is None:
        return "A circuit breaker tripped that there is not."
    seen = f"{found['metric']} of {found['observed']} where {found['usual']} is usual"
    surface = code(f"{found['rail']}.{found['rail_action']}")
    told = {
        "proposed": "A freeze is proposed: accept or dismiss it in the console.",
        "engaged": "A freeze is in force.",
        "accepted": "The proposed freeze was accepted.",
        "dismissed": "The proposed freeze was dismissed.",
    }[body["state"]]
    return f":zap: *Circuit breaker* {said(found['name'], 200)} ({found['mode']}, {surface}): {seen}. {told}"


async def _bypass(body: Mapping[str, Any]) -> str:
    alarm = await read_bypass(body["decision_id"])
    if alarm is None:
        return "A movement was seen on Stripe that there is not."
    seen = f"{code(alarm.stripe_object_id)} on {code(alarm.stripe_account_id)}"
    return (
        f":warning: *Bypass* ({alarm.mode}): {alarm.movement} of {alarm.amount}, made on Stripe without asking: "
        f"{seen}. {said(alarm.why)} {said(alarm.advised)} Recorded as {code(alarm.decision_id)}."
    )


async def _budget(body: Mapping[str, Any]) -> str:
    alarm = await read_budget_alarm(body["organization_id"], body["mode"], body)
    return (
        f":chart_with_upwards_trend: *{alarm.title}* ({alarm.mode}): {said(alarm.of, 300)} has used {alarm.used} of "
        f"{alarm.ceiling} within {alarm.within} ({said(alarm.rule, 200)}). {alarm.effect} "
        f"Last decision: {code(alarm.decision_id)}."
    )


async def _glass(body: Mapping[str, Any]) -> str:
    found = await row(
        "SELECT b.reason, m.name FROM break_glass b JOIN members m ON m.id = b.opened_by WHERE b.id = {}",
        body["break_glass_id"],
    )
    who, why = (found["name"], found["reason"]) if found else ("Somebody", "")
    request = code(body["decision_id"])
    return f":rotating_light: *Break-glass*: {said(who, 200)} approved {request} alone, past everybody: {said(why)}"
