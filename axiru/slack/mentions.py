"""Members as Slack pings them: only those who linked themselves can be."""

from collections.abc import Iterable
from typing import Final

from axiru.database import rows

_MOST: Final = 10


async def mentions(member_ids: Iterable[str]) -> str:
    """`<@U1> <@U2>` for the linked ones, ten at most; empty where nobody is."""
    found = await rows(
        """
        SELECT l.slack_user_id FROM slack_links l JOIN slack_installations i ON i.organization_id = l.organization_id
            AND i.team_id = l.team_id AND i.removed_at IS NULL
        WHERE l.member_id = ANY({}::text[]) AND l.unlinked_at IS NULL ORDER BY l.linked_at LIMIT {}
        """,
        list(member_ids),
        _MOST,
    )
    return " ".join(f"<@{link['slack_user_id']}>" for link in found)
