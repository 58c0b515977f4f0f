"""What the API says of members and their keys, as the console reads it."""

from datetime import datetime

import msgspec

from console.views import Person


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """One person. Addresses, locks and last visits are told only to those who manage members."""

    id: str
    name: str
    roles: tuple[str, ...]
    disabled: bool = False
    email: str | None = None
    password_set: bool | None = None
    locked_until: datetime | None = None
    last_seen: datetime | None = None
    notify_by_email: bool | None = None


class MemberList(msgspec.Struct, frozen=True):
    items: tuple[MemberView, ...]


class PasswordLink(msgspec.Struct, frozen=True):
    """Lets one member set their password, once, until it expires. A secret."""

    password_link: str
    expires_at: datetime


class KeyAgent(msgspec.Struct, frozen=True):
    """The agent that a key asks as, by the API's id and its own."""

    id: str
    agent_id: str


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """`hint` is the end of the secret, to tell keys apart."""

    id: str
    name: str
    mode: str
    scopes: tuple[str, ...]
    hint: str
    owner: Person
    created_at: datetime
    rate_per_minute: int | None = None
    outcome_style: str = "reference"
    created_by: Person | None = None
    last_used_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: Person | None = None
    agent: KeyAgent | None = None


class NewKey(KeyView, frozen=True, kw_only=True):
    """With the secret, which cannot be shown again."""

    key: str


class KeyList(msgspec.Struct, frozen=True):
    items: tuple[KeyView, ...]
