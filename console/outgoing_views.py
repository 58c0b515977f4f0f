"""What the API says of the doors that lead out, webhooks and Slack, and of what went through them."""

from datetime import datetime

import msgspec

from console.views import Person


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's target. `votes_as` is the member whose votes it may send back."""

    id: str
    url: str
    mode: str
    events: tuple[str, ...]
    description: str = ""
    created_at: datetime | None = None
    created_by: Person | None = None
    votes_as: Person | None = None
    disabled_at: datetime | None = None
    previous_secret_until: datetime | None = None


class EndpointSecret(msgspec.Struct, frozen=True):
    """Answer to making an endpoint or rotating its secret. A secret."""

    secret: str


class EndpointList(msgspec.Struct, frozen=True):
    items: tuple[Endpoint, ...]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    attempt: int
    began_at: datetime
    milliseconds: int
    outcome: str
    status: int | None = None
    detail: str = ""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one target, with every attempt at it."""

    id: str
    channel: str
    target: str
    event: str
    state: str
    created_at: datetime
    decision_id: str | None = None
    mode: str = "test"
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    last_status: int | None = None
    last_detail: str | None = None
    resend_of: str | None = None
    attempts: tuple[Attempt, ...] = ()


class DeliveryPage(msgspec.Struct, frozen=True):
    items: tuple[Delivery, ...]
    next_cursor: str | None = None


class Slack(msgspec.Struct, frozen=True, kw_only=True):
    """The installation, if there is one; the bot's token is never told."""

    team_id: str | None = None
    channel_id: str | None = None
    installed_at: datetime | None = None
    installed_by: Person | None = None
