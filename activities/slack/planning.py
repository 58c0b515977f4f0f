"""What of a happening is told in Slack."""

from typing import Any, Final

from axiru.database import row
from axiru.domain.delivery import Happening, Planned
from axiru.slack.installations import SlackInstallation, linked_members

HOME: Final = "slack.home"
ALARM: Final = "slack.alarm"

TOPICS: Final = frozenset(
    {
        *("approval", "vote", "discussion", "notice", "context", "break_glass", "execution", "release"),
        *("control", "member", "breaker", "bypass", "budget"),
    }
)
"""What may be told. Of every other topic, `decision` above all, nobody needs to ask whose workspace it concerns."""


async def plan(happening: Happening, installation: SlackInstallation) -> list[Planned]:  # noqa: PLR0911, PLR0912 - one a topic
    """A change of an approval updates its message and App Homes; what concerns money at large is an alarm."""
    topic, payload = happening.topic, happening.payload
    match topic:
        case "approval" | "vote":
            event = f"approval.{payload['state']}" if topic == "approval" else "approval.vote"
            return [_message(installation, event, topic, payload), *await _homes(installation)]
        case "discussion" | "notice":
            return [_message(installation, f"approval.{payload['kind']}", topic, payload)]
        case "context":
            return [_message(installation, "approval.context", topic, payload)]
        case "break_glass":
            told = [_message(installation, f"break_glass.{payload['state']}", topic, payload)]
            alone = payload["alone"] and payload["state"] == "used"
            return [*told, *([_alarm(topic, payload)] if alone else [])]
        case "execution" | "release":
            return await _about_decision(installation, happening, str(payload["decision_id"]))
        case "control" if payload["kind"] == "hold" and not payload["in_force"]:
            # Told as `release`, or as the end of the approval.
            return []
        case "control" if payload["kind"] == "hold":
            held = await row("SELECT scope ->> 'decision_id' AS id FROM controls WHERE id = {}", payload["control_id"])
            return await _about_decision(installation, happening, held["id"]) if held else []
        case "control":
            # Sealed in the chain of every mode it binds, and said once.
            return [] if await _is_repeated(happening) else [_alarm(topic, payload)]
        case "member" if payload["change"] in {"slack_linked", "slack_unlinked"} and happening.mode == "live":
            return await _home_of(installation, str(payload["member_id"]))
        case "breaker":
            return [_alarm(topic, payload)]
        case "bypass":
            return [_alarm(topic, payload)] if "slack" in payload["alerts"] else []
        case "budget":
            # Nobody is called for what is only watched.
            return _about_budget(happening) if payload["surface_mode"] == "enforce" else []
        case _:
            return []


def _about_budget(happening: Happening) -> list[Planned]:
    place = {"organization_id": happening.organization_id, "mode": happening.mode}
    return [_alarm(happening.topic, {**happening.payload, **place})]


async def _about_decision(installation: SlackInstallation, happening: Happening, decision_id: str) -> list[Planned]:
    """Only what people were asked about has a message."""
    found = await row(
        "SELECT id FROM approvals WHERE decision_id = {} AND organization_id = {}",
        decision_id,
        happening.organization_id,
    )
    if found is None:
        return []
    payload = {**happening.payload, "approval_id": found["id"]}
    return [_message(installation, f"approval.{happening.topic}", happening.topic, payload)]


async def _homes(installation: SlackInstallation) -> list[Planned]:
    return [_home(member.slack_user_id) for member in await linked_members(installation)]


async def _home_of(installation: SlackInstallation, member_id: str) -> list[Planned]:
    """The App Home of whom somebody was linked with last, whether they still are or not."""
    link = await row(
        "SELECT slack_user_id FROM slack_links WHERE member_id = {} AND team_id = {} ORDER BY linked_at DESC LIMIT 1",
        member_id,
        installation.team_id,
    )
    return [_home(link["slack_user_id"])] if link else []


async def _is_repeated(happening: Happening) -> bool:
    if happening.mode == "live":
        return False
    found = await row("SELECT applies_to FROM controls WHERE id = {}", happening.payload["control_id"])
    return found is not None and found["applies_to"] == "both"


def _home(slack_user_id: str) -> Planned:
    return Planned(target=f"home/{slack_user_id}", event=HOME, body={"slack_user_id": slack_user_id}, shows_state=True)


def _message(installation: SlackInstallation, event: str, topic: str, payload: dict[str, Any]) -> Planned:
    return Planned(target=installation.channel_id, event=event, body={**payload, "topic": topic})


def _alarm(topic: str, payload: dict[str, Any]) -> Planned:
    return Planned(target="alarms", event=ALARM, body={**payload, "topic": topic})
