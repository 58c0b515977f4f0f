"""What is said in the thread below an approval when something happens to it. Read when it is sent, so nothing personal
is kept in a delivery."""

from collections.abc import Mapping
from typing import Any, Final

from axiru.database import row
from axiru.slack.approval_message import vote_line
from axiru.slack.mentions import mentions
from axiru.slack.message import SlackText
from axiru.slack.text import mrkdwn, said
from ledger.approval_sheet import read_sheet
from ledger.eligibility import eligible_voters

_SAID: Final = {"comment": "said", "question": "asks", "answer": "answers"}
_EXECUTION: Final = {
    "executing": ":arrow_forward: Stripe is being called.",
    "executed": ":white_check_mark: Done at Stripe.",
    "execution_failed": ":x: It was not executed.",
}
_CLOSED: Final = {
    "approved": ":white_check_mark: Approved.",
    "denied": ":no_entry: Denied.",
    "expired": ":hourglass: Nobody decided in time: denied.",
}


async def reply_text(body: Mapping[str, Any]) -> SlackText | None:
    """The reply about one happening; None where the message itself says all there is to say."""
    text = await _text(body)
    return None if text is None else SlackText(text, [{"type": "section", "text": mrkdwn(text)}])


async def _text(body: Mapping[str, Any]) -> str | None:  # noqa: PLR0911 - one a topic
    match body["topic"]:
        case "approval":
            return _CLOSED.get(body["state"])
        case "vote":
            return await _vote(body)
        case "notice":
            return await _notice(body)
        case "discussion":
            return await _discussion(body)
        case "execution":
            return await _execution(body)
        case "release":
            return ":arrow_forward: The hold was released."
        case "control" if body["in_force"]:
            return await _hold(body)
        case "break_glass":
            return await _break_glass(body)
        case _:
            return None


async def _vote(body: Mapping[str, Any]) -> str | None:
    sheet = await read_sheet(body["approval_id"])
    votes = sheet.votes if sheet else ()
    return next((vote_line(vote) for vote in votes if vote.vote_id == body["vote_id"]), None)


async def _notice(body: Mapping[str, Any]) -> str:
    whom = await mentions(voter.member_id for voter in await eligible_voters(body["approval_id"]))
    if body["kind"] == "escalation":
        return f":rotating_light: From now on {said(body['role'], 100)} may stand in. {whom}".strip()
    return f":bell: This still waits for a decision. {whom}".strip()


async def _discussion(body: Mapping[str, Any]) -> str | None:
    if body["kind"] == "assignment":
        sheet = await read_sheet(body["approval_id"])
        if sheet is None or sheet.assignee is None:
            return "Nobody is assigned any more."
        whom = await mentions([sheet.assignee.id])
        return f"Assigned to {said(sheet.assignee.name, 200)}. {whom}".strip()
    comment = await row(
        "SELECT c.kind, c.text, m.name FROM approval_comments c JOIN members m ON m.id = c.member_id WHERE c.id = {}",
        body["comment_id"],
    )
    if comment is None:
        return None
    return f"*{said(comment['name'], 200)}* {_SAID[comment['kind']]}: {said(comment['text'], 2_500)}"


async def _execution(body: Mapping[str, Any]) -> str | None:
    if body["state"] != "execution_failed":
        return _EXECUTION.get(body["state"])
    failed = await row("SELECT error_code, error_message FROM executions WHERE decision_id = {}", body["decision_id"])
    why = (failed["error_message"] or failed["error_code"] or "") if failed else ""
    return f"{_EXECUTION['execution_failed']} {said(why, 500)}".strip()


async def _hold(body: Mapping[str, Any]) -> str | None:
    held = await row(
        "SELECT c.reason, m.name FROM controls c LEFT JOIN members m ON m.id = c.engaged_by WHERE c.id = {}",
        body["control_id"],
    )
    return (
        f":raised_hand: {said(held['name'] or 'Axiru', 200)} put it on hold: {said(held['reason'])}" if held else None
    )


async def _break_glass(body: Mapping[str, Any]) -> str | None:
    sheet = await read_sheet(body["approval_id"])
    if sheet is None or sheet.break_glass is None:
        return None
    glass = sheet.break_glass
    opener, reason = said(glass.opened_by.name, 200), said(glass.reason)
    match body["state"]:
        case "open":
            return f":rotating_light: {opener} asks for a second person to break the glass: {reason}"
        case "used":
            second = f" with {said(glass.confirmed_by.name, 200)}" if glass.confirmed_by else " alone"
            return f":rotating_light: {opener} broke the glass{second}: {reason}"
        case _:
            return f"{opener} breaks no glass any more."
