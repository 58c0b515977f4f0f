"""What the API says of a member's own affairs, as the console reads it."""

from datetime import datetime

import msgspec

from console.views import Person


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """While `from_` is out of office, `to` votes in their place."""

    id: str
    to: Person
    starts_at: datetime
    ends_at: datetime
    from_: Person = msgspec.field(name="from")
    reason: str = ""
    in_force: bool = False
    ended_at: datetime | None = None


class DelegationList(msgspec.Struct, frozen=True):
    items: tuple[Delegation, ...]


class LinkCode(msgspec.Struct, frozen=True):
    """Typed in Slack before `expires_at`, it ties that Slack user to the member who asked; a secret until then."""

    code: str
    expires_at: datetime


class SlackLink(msgspec.Struct, frozen=True, kw_only=True):
    """The Slack user that is the member's own; none where `slack_user_id` is None."""

    slack_user_id: str | None = None
    linked_at: datetime | None = None


class LogIn(msgspec.Struct, frozen=True, kw_only=True):
    """One of the member's own log-ins; `current` is the one that asks."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class LogInList(msgspec.Struct, frozen=True):
    items: tuple[LogIn, ...]
