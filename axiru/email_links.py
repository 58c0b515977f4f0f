"""Links in mails: each belongs to one member, one approval and one digest, and is good for one vote.

Only the SHA-256 of a token is kept, so that who reads the database can use none.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from axiru.database import row, rows
from axiru.domain.approval_sheet import ApprovalSheet
from axiru.ids import hash_secret, new_link_token

LIFETIME: Final = timedelta(hours=24)


class EmailLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was issued, to somebody who is still a member."""

    token_hash: str
    organization_id: str
    approval_id: str
    member_id: str
    member_name: str
    digest: str
    is_used: bool
    is_expired: bool


class IssuedLink(msgspec.Struct, frozen=True):
    """The token, shown this once, and when it ends."""

    token: str
    expires_at: datetime


async def issue_link(sheet: ApprovalSheet, member_id: str, now: datetime) -> IssuedLink:
    """A link for one member to vote on exactly what `sheet` shows; it ends with the approval, or after 24 hours."""
    issued = new_link_token()
    expires_at = min(sheet.expires_at, now + LIFETIME)
    await rows(
        "INSERT INTO email_links (token_hash, organization_id, approval_id, member_id, digest, created_at, expires_at) "
        "VALUES ({}, {}, {}, {}, {}, {}, {})",
        *(issued.secret_hash, sheet.organization_id, sheet.approval_id, member_id, sheet.digest, now, expires_at),
    )
    return IssuedLink(issued.secret, expires_at)


async def find_link(token: str) -> EmailLink | None:
    """The link of this token; None for a token that nobody issued, or whose member is a member no more.

    It is used once a vote was sealed by it: the vote itself says so, in the transaction that casts it.
    """
    found = await row(
        """
        SELECT l.token_hash, l.organization_id, l.approval_id, l.member_id, m.name AS member_name, l.digest,
            l.expires_at <= clock_timestamp() AS is_expired, EXISTS (SELECT FROM votes v
                WHERE v.approval_id = l.approval_id AND v.door = 'email' AND v.door_ref = l.token_hash) AS is_used
        FROM email_links l JOIN members m ON m.id = l.member_id AND m.disabled_at IS NULL
            AND m.organization_id = l.organization_id
        WHERE l.token_hash = {}
        """,
        hash_secret(token),
    )
    return msgspec.convert(found, EmailLink) if found else None
