"""What the API says of the keys that sign tokens; never a private half."""

from datetime import datetime
from typing import Literal

import msgspec

KeyState = Literal["next", "signing", "published", "revoked"]


class TokenKey(msgspec.Struct, frozen=True, kw_only=True):
    """`gone_at`: when it leaves the published set, once that is known."""

    kid: str
    state: KeyState
    published_at: datetime
    active_from: datetime
    replaced_at: datetime | None = None
    gone_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_reason: str | None = None


class TokenKeyList(msgspec.Struct, frozen=True, kw_only=True):
    """`may_revoke`: false for who is no admin, and for admins of an organization that does not operate this."""

    items: tuple[TokenKey, ...]
    may_revoke: bool
