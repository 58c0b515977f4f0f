"""Characters that a person who reads a policy cannot see, or that make it look different from what it says.

What is approved must be what was read (Trojan Source, CVE-2021-42574; Unicode UTS #39). Refused are what shows nothing
(Default_Ignorable_Code_Point), what turns the direction of writing, and what ends a line for some readers only.
"""

import re
from typing import Final

_IGNORED: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_BREAKS: Final = "\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
_JOINERS: Final = "\u200c\u200d\ufe00-\ufe0f"
"""Unseen as well, but some scripts and emoji are not written without them."""

_SPACES: Final = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000"
"""Told from a space by no eye."""

UNSEEN: Final = re.compile(f"[{_IGNORED}{_BREAKS}]|\r(?!\n)")
"""What no text of a policy holds, not even its comments."""

UNSEEN_IN_WORDS: Final = f"{_IGNORED}{_BREAKS}{_JOINERS}{_SPACES}"
"""What no word holds that facts are compared with, for use between `[^` and `]`: two words that look the same are."""


def unseen_message(character: str) -> str:
    return f"the character U+{ord(character):04X} cannot be seen, or makes the text look different from what it says"
