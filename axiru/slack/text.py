"""Text for Slack: nothing that people wrote can mention anybody, format anything, or hide what it says.

Escaping: https://docs.slack.dev/messaging/formatting-message-text#escaping
"""

import unicodedata
from datetime import datetime
from typing import Any, Final

_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Formatting is ours alone: bold text in a reason could pass for a line of the message.
_LOOKALIKES: Final = {"*": "∗", "~": "∼", "`": "ˋ"}
_ELLIPSIS: Final = "…"


def said(text: str, most: int = 500) -> str:
    """What somebody wrote, on one line and at most `most` characters of mrkdwn long.

    Control, zero-width and direction-changing characters are left out: they make a text look like another one.
    """
    return _fitted((_LOOKALIKES.get(one, one) for one in _visible(text)), most)


def code(text: str, most: int = 300) -> str:
    """An id or a code as it is, to be copied; within a code span nothing is formatted."""
    return f"`{_fitted((_LOOKALIKES['`'] if one == '`' else one for one in _visible(text)), most - 2) or ' '}`"


def code_block(text: str, most: int = 2_500) -> str:
    """Several lines as they are."""
    shown = (one if one == "\n" else _LOOKALIKES["`"] if one == "`" else one for one in text if _is_shown(one))
    return f"```\n{_fitted(shown, most - 8)}\n```"


def plain(text: str, most: int) -> dict[str, Any]:
    """A `plain_text` object. Slack counts its limit before escaping, and escapes nothing in it."""
    shown = "".join(_visible(text))
    return {
        "type": "plain_text",
        "text": shown if len(shown) <= most else shown[: most - 1] + _ELLIPSIS,
        "emoji": False,
    }


def mrkdwn(text: str, most: int = 3_000) -> dict[str, Any]:
    """A `mrkdwn` object of text made by the functions above. `verbatim`: a bare @here or #name stays text."""
    return {"type": "mrkdwn", "text": text if len(text) <= most else text[: most - 1] + _ELLIPSIS, "verbatim": True}


def moment(at: datetime) -> str:
    """A time as each reader's own clock shows it."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def _visible(text: str) -> list[str]:
    return [one for one in " ".join(text.split()) if _is_shown(one)]


def _is_shown(character: str) -> bool:
    return character == "\n" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _fitted(characters: Any, most: int) -> str:
    """Escaped, and cut between characters rather than inside an entity."""
    fitted: list[str] = []
    length = 0
    for one in characters:
        escaped = _ESCAPES.get(one, one)
        if length + len(escaped) > most - 1:
            return "".join(fitted) + _ELLIPSIS
        fitted.append(escaped)
        length += len(escaped)
    return "".join(fitted)
