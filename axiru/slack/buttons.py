"""The buttons under an approval, and what pressing one says. A vote is for the digest that was shown beside it."""

import re
from typing import Final

import msgspec

from axiru.domain.approval_sheet import ApprovalSheet
from axiru.domain.money import amount_text
from axiru.slack.message import Block
from axiru.slack.text import plain

APPROVE: Final = "axiru.approve"
DENY: Final = "axiru.deny"
OPEN: Final = "axiru.open"

_VALUE: Final = re.compile(r"(ap_[0-9a-z]{26}):([0-9a-f]{64})")


class Shown(msgspec.Struct, frozen=True):
    """Which approval a button stood under, and the digest of what it showed."""

    approval_id: str
    digest: str

    @property
    def value(self) -> str:
        return f"{self.approval_id}:{self.digest}"

    @classmethod
    def parse(cls, value: str) -> "Shown | None":
        """None for a value that no button of ours has."""
        found = _VALUE.fullmatch(value)
        return cls(found[1], found[2]) if found else None


def vote_buttons(sheet: ApprovalSheet, console_url: str) -> Block:
    """Approve, which Slack asks about once more, deny, and the way to the console."""
    amount = amount_text(sheet.amount, code=False)
    value = Shown(sheet.approval_id, sheet.digest).value
    sure = {
        "title": plain("Approve this?", 100),
        "text": plain(f"{amount}, {sheet.action}. Your vote is sealed and cannot be taken back.", 300),
        "confirm": plain("Approve", 30),
        "deny": plain("Not yet", 30),
    }
    approve = {"type": "button", "action_id": APPROVE, "text": plain("Approve", 75), "value": value, "confirm": sure}
    deny = {"type": "button", "action_id": DENY, "text": plain("Deny", 75), "value": value, "style": "danger"}
    buttons = [{**approve, "style": "primary"}, deny, *_open(sheet, console_url)]
    return {"type": "actions", "block_id": sheet.approval_id, "elements": buttons}


def open_button(sheet: ApprovalSheet, console_url: str) -> list[Block]:
    """The way to the console alone; nothing where nobody said where the console is."""
    buttons = _open(sheet, console_url)
    return [{"type": "actions", "block_id": sheet.approval_id, "elements": buttons}] if buttons else []


def _open(sheet: ApprovalSheet, console_url: str) -> list[Block]:
    if not console_url:
        return []
    url = f"{console_url.rstrip('/')}/decisions/{sheet.decision_id}"
    return [{"type": "button", "action_id": OPEN, "text": plain("Open in console", 75), "url": url}]
