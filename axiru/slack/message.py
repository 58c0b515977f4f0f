"""What a message or a view is made of."""

from typing import Any

import msgspec

Block = dict[str, Any]


class SlackText(msgspec.Struct, frozen=True):
    """`text` is what notifications and screen readers get; `blocks` are what the message shows."""

    text: str
    blocks: list[Block]

    def arguments(self) -> dict[str, Any]:
        """For `chat.*`: nothing in the text is taken for a mention, a channel or a page to unfold."""
        quiet = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
        return {"text": self.text, "blocks": self.blocks, **quiet}
