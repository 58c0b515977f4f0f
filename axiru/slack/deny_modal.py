"""The modal that asks why an approval is denied."""

from typing import Final

from axiru.slack.buttons import Shown
from axiru.slack.message import Block
from axiru.slack.text import mrkdwn, plain

CALLBACK: Final = "axiru.deny"
REASON_BLOCK: Final = "reason"
REASON_INPUT: Final = "reason"
LONGEST_REASON: Final = 2_000


def deny_modal(shown: Shown) -> Block:
    """`private_metadata` carries what was shown; Slack hands it back with the reason."""
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": shown.value,
        "title": plain("Deny", 24),
        "submit": plain("Deny", 24),
        "close": plain("Not yet", 24),
        "blocks": [
            {
                "type": "input",
                "block_id": REASON_BLOCK,
                "label": plain("Why?", 2_000),
                "hint": plain("Sealed with your vote. One denial denies the request.", 2_000),
                "element": {
                    "type": "plain_text_input",
                    "action_id": REASON_INPUT,
                    "multiline": True,
                    "max_length": LONGEST_REASON,
                },
            }
        ],
    }


def told_modal(text: str) -> Block:
    """What became of it, in place of the question; `text` is escaped."""
    blocks = [{"type": "section", "text": mrkdwn(text)}]
    return {"type": "modal", "title": plain("Axiru", 24), "close": plain("Close", 24), "blocks": blocks}
