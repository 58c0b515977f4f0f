"""What the API says of connections to Stripe, of the surfaces on them, and of what Stripe told."""

from datetime import datetime
from typing import Literal

import msgspec

from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode
from console.views import Person

ConnectionStatus = Literal["active", "revoked", "disconnected"]
EventState = Literal["received", "processed", "ignored", "failed"]


class ConnectionAction(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of movement may do here: `granted` is Axiru's own permission, `undo` what Stripe can take back."""

    action: str
    granted: bool
    surface_mode: SurfaceMode
    undo: str = ""


class EventHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How Stripe's news arrive; `missed_by_webhook` were found by looking, after the webhook had not told of them."""

    last_received_at: datetime | None = None
    received_24h: int = 0
    waiting: int = 0
    failed: int = 0
    reconciled_at: datetime | None = None
    missed_by_webhook: int = 0


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One Stripe account of one mode. The token itself is never told."""

    id: str
    mode: Mode
    status: ConnectionStatus
    stripe_account_id: str | None = None
    name: str = ""
    country: str | None = None
    default_currency: str | None = None
    is_default: bool = False
    status_reason: str | None = None
    status_changed_at: datetime | None = None
    connected_at: datetime | None = None
    connected_by: Person | None = None
    token_expires_at: datetime | None = None
    actions: tuple[ConnectionAction, ...] = ()
    events: EventHealth = EventHealth()

    @property
    def shown(self) -> str:
        return self.name or self.stripe_account_id or self.id

    @property
    def enforcing(self) -> tuple[str, ...]:
        """The actions that wait for Axiru's word before they happen."""
        return tuple(each.action for each in self.actions if each.surface_mode == "enforce")


class ConnectionList(msgspec.Struct, frozen=True):
    items: tuple[Connection, ...]


class Disconnected(msgspec.Struct, frozen=True):
    """Whether Stripe says that it took the app's access back; here it is over in any case."""

    deauthorized: bool = False


class Install(msgspec.Struct, frozen=True):
    """Where the browser goes to be asked by Stripe; the address works once, in one browser."""

    url: str
    expires_at: datetime


class StripeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that Stripe told, or that was found by looking."""

    id: str
    type: str
    state: EventState
    received_at: datetime
    object_id: str | None = None
    stripe_connection_id: str | None = None
    happened_at: datetime | None = None
    via: Literal["webhook", "reconciliation"] = "webhook"
    attempts: int = 0
    next_attempt_at: datetime | None = None
    processed_at: datetime | None = None
    detail: str | None = None
    decision_id: str | None = None


class StripeEventPage(msgspec.Struct, frozen=True):
    items: tuple[StripeEvent, ...]
    next_cursor: str | None = None


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Of `decisions` in `days` days, for how many live and shadow said the same; no rate where none were compared."""

    decisions: int = 0
    agreed: int = 0
    rate_percent: float | None = None
    days: int = 7


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of movement, for one connection or, without one, for all that say nothing of their own."""

    surface: str
    rail: str
    rail_action: str
    mode: Mode
    surface_mode: SurfaceMode
    stripe_connection_id: str | None = None
    updated_at: datetime | None = None
    updated_by: Person | None = None
    reason: str | None = None
    override_reason: str | None = None
    agreement: Agreement = Agreement()


class SurfaceList(msgspec.Struct, frozen=True):
    items: tuple[Surface, ...]
