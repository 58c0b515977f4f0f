"""Members as Slack pings them: only those who linked themselves can be."""

from collections.abc import Iterable
from typing import Final

from axiru.database import rows

_MOST: Final = 10


async def mentions(member_ids: Iterable[str]) -> str:
    """`<@U1> <@U2>` for the linked ones, ten at most; empty where nobody is."""
    found = await rows(
        "SELECT slack_user_id FROM slack_links WHERE member_id = ANY({}::text[]) AND unlinked_at IS NULL "
        "ORDER BY linked_at LIMIT {}",
        list(member_ids),
        _MOST,
    )
    return " ".join(f"<@{link['slack_user_id']}>" for link in found)
