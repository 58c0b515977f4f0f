"""The App Home: the approvals that wait for its reader, the nearest deadline first."""

from collections.abc import Sequence
from typing import Final

from axiru.domain.approval_sheet import ApprovalSheet
from axiru.slack.approval_message import heading
from axiru.slack.buttons import vote_buttons
from axiru.slack.message import Block
from axiru.slack.text import moment, mrkdwn, plain, said

SHOWN: Final = 20


def home_view(sheets: Sequence[ApprovalSheet], others: int, console_url: str) -> Block:
    """An App Home with these approvals, at most `SHOWN`, each with its buttons, and how many `others` wait."""
    return {"type": "home", "blocks": _waiting(sheets, others, console_url)}


def unlinked_home() -> Block:
    """An App Home for somebody who is no member as far as anybody knows."""
    text = "Nothing is shown before you link yourself: get a code in the console and type `/axiru link CODE` here."
    return {"type": "home", "blocks": [{"type": "section", "text": mrkdwn(text)}]}


def _waiting(sheets: Sequence[ApprovalSheet], others: int, console_url: str) -> list[Block]:
    blocks: list[Block] = [{"type": "header", "text": plain("Waiting for your vote", 150)}]
    for sheet in sheets:
        blocks += [{"type": "section", "text": mrkdwn(waiting_line(sheet))}, vote_buttons(sheet, console_url)]
    if others:
        blocks.append({"type": "context", "elements": [mrkdwn(f"{others} more are in the console.")]})
    if not sheets:
        blocks.append({"type": "section", "text": mrkdwn("Nothing waits for you.")})
    return blocks


def waiting_line(sheet: ApprovalSheet) -> str:
    """One approval in two lines."""
    customer = said(sheet.customer_email or sheet.customer_id or "no customer named", 200)
    asked = f"asked by {said(sheet.requested_by.name, 100)}"
    return f"*{heading(sheet)}* · {customer} · {asked}\n{said(sheet.message, 300)} · until {moment(sheet.expires_at)}"
