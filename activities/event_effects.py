"""What an event of Stripe changes here: whose a movement is, what is known of a dispute, if a connection stands."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
import stripe
import structlog

from activities.stripe_client import StripeClients
from axiru.database import row
from axiru.domain.decision import MovementInput
from axiru.domain.dispute import dispute_facts
from axiru.domain.movement import Mode
from axiru.domain.seen_movement import SeenMovement, lacks_refunds, movements_in
from axiru.domain.stripe_event import DEAUTHORIZED, EVENT_TYPES, EventState
from axiru.errors import AxiruError
from axiru.stripe_fields import kept
from ledger.acts.connection import follow_account, mark_revoked
from ledger.acts.dispute import record_dispute
from ledger.acts.observe import Observed, SeenOn, observe
from ledger.entry import EntrySigner

_NOT_SAID: Final = (stripe.StripeError, AxiruError, TimeoutError)
"""Stripe does not answer, or the connection's token cannot be opened: what the event tells has to do."""

_READ_SECONDS: Final = 5.0
"""So long an alarm waits for what Stripe may add to it."""

REVOKED: Final = "Access was taken back in Stripe: the app was uninstalled."

Ask = Callable[[stripe.V1Services, stripe.RequestOptions], Awaitable[stripe.StripeObject]]
"""One reading of Stripe, with the options that every reading has."""

_log = structlog.get_logger()


class Event(Protocol):
    """What is needed of a kept event."""

    @property
    def id(self) -> str: ...
    @property
    def organization_id(self) -> str: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def stripe_connection_id(self) -> str: ...
    @property
    def stripe_account_id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def body(self) -> dict[str, Any]: ...
    @property
    def happened_at(self) -> datetime: ...
    @property
    def received_at(self) -> datetime: ...


class ConnectionEnded(AxiruError):
    """What an event leaves out cannot be asked of Stripe before the account is connected again."""

    code = "connection_not_active"


class Effect(msgspec.Struct, frozen=True):
    """How an event ended; `detail` is for people who look into it."""

    state: EventState
    detail: str


class EventEffects:
    """Acts on events. `decide` starts the decision of a movement that nobody had asked for."""

    def __init__(
        self, clients: StripeClients, signer: EntrySigner, decide: Callable[[MovementInput], Awaitable[None]]
    ) -> None:
        self._clients = clients
        self._signer = signer
        self._decide = decide

    async def of(self, event: Event) -> Effect | None:
        """Act on one event; doing so again changes nothing more. None: it is too early to tell."""
        if event.type == DEAUTHORIZED:
            return await self._deauthorized(event)
        if event.type not in EVENT_TYPES or "id" not in event.body:
            return Effect("ignored", "nothing is done about events of this kind")
        match event.body.get("object"):
            case "dispute":
                return await self._dispute(event)
            case "account":
                return await self._account(event)
            case _:
                return await self._movements(event)

    async def _deauthorized(self, event: Event) -> Effect:
        """One from before the account was connected last says nothing of the access it has now: Stripe is asked."""
        seen = await row(
            "SELECT status, status_changed_at > {} AS later, coalesce(status_changed_at, created_at) AS since "
            "FROM stripe_connections WHERE id = {}",
            event.happened_at,
            event.stripe_connection_id,
        )
        again = seen is not None and seen["status"] == "active" and seen["later"]
        if again and await self._clients.check(event.stripe_connection_id):
            return Effect("processed", "was connected again since")
        as_of = seen["since"] if seen is not None else None
        ended = await mark_revoked(event.stripe_connection_id, REVOKED, self._signer, as_of=as_of)
        return Effect("processed", "revoked" if ended else "was not active any more")

    async def _account(self, event: Event) -> Effect:
        """Country and currency of the connection's own account, as they are now where Stripe says so."""
        if event.body["id"] != event.stripe_account_id:
            return Effect("ignored", "another account than the connection's")
        read = await self._read(event, "account", lambda at, by: at.accounts.retrieve_current_async(options=by))
        account = read or event.body
        changed = await follow_account(
            event.stripe_connection_id,
            organization_id=event.organization_id,
            country=account.get("country"),
            default_currency=account.get("default_currency"),
            signer=self._signer,
        )
        return Effect("processed", "account changed" if changed else "nothing new")

    async def _movements(self, event: Event) -> Effect | None:
        found = movements_in(event.body)
        if lacks_refunds(event.body):
            found = await self._refunds_of(event)
        told = [await self._observe(seen, event) for seen in found]
        if any(observed is not None and observed.outcome == "waiting" for observed in told):
            return None
        outcomes = [observed.outcome if observed is not None else "part of a payment" for observed in told]
        return Effect("processed", ", ".join(outcomes)) if outcomes else Effect("ignored", "no movement of its own")

    async def _observe(self, seen: SeenMovement, event: Event) -> Observed | None:
        """None for what is no movement of its own."""
        known = await row(
            "SELECT 1 AS known FROM observed_movements WHERE organization_id = {} AND mode = {} "
            "AND stripe_object_id = {}",
            *(event.organization_id, event.mode, seen.stripe_object_id),
        )
        if known is None and seen.target.charge is not None and seen.customer_id is None:
            charge_id = seen.target.charge
            read = await self._read(event, "charge", lambda at, by: at.charges.retrieve_async(charge_id, options=by))
            charge = read or {}  # where Stripe does not say, the movement counts all the same
            if seen.kind == "transfer" and charge.get("transfer") == seen.stripe_object_id:
                # Stripe made it with the payment, as the payment said.
                return None
            seen = msgspec.structs.replace(seen, customer_id=charge.get("customer"))
        on = SeenOn(
            organization_id=event.organization_id,
            mode=event.mode,
            connection_id=event.stripe_connection_id,
            account_id=event.stripe_account_id,
            received_at=event.received_at,
            told_at=event.happened_at,
        )
        observed = await observe(seen, on, signer=self._signer)
        if observed.to_decide is not None:
            await self._decide(observed.to_decide)
        return observed

    async def _dispute(self, event: Event) -> Effect:
        """As it is now where Stripe says so, else as the event tells it."""
        dispute_id = event.body["id"]
        read = await self._read(event, "dispute", lambda at, by: at.disputes.retrieve_async(dispute_id, options=by))
        try:
            facts = dispute_facts(read or event.body)
        except ValueError:
            return Effect("ignored", "lacks what a dispute has")
        news = await record_dispute(
            facts,
            organization_id=event.organization_id,
            mode=event.mode,
            stripe_connection_id=event.stripe_connection_id,
            stripe_account_id=event.stripe_account_id,
            signer=self._signer,
            as_of=None if read else event.happened_at,
        )
        return Effect("processed", "dispute recorded" if news else "nothing new")

    async def _refunds_of(self, event: Event) -> list[SeenMovement]:
        """The refunds of a charge that does not hold them itself.

        Raises StripeError and ConnectionEnded: without them nothing is known, and what is not known hides no bypass.
        """
        client = await self._clients.of(event.stripe_connection_id)
        if client is None:
            raise ConnectionEnded("The connection is no longer active: nobody can ask for the refunds of this charge.")
        page = await client.v1.refunds.list_async({"charge": event.body["id"], "limit": 100}, options=_options(event))
        refunds = [kept("refund", refund.to_dict()) async for refund in page.auto_paging_iter()]
        return movements_in({**event.body, "refunds": {"data": refunds}})

    async def _read(self, event: Event, kind: str, ask: Ask) -> Mapping[str, Any] | None:
        """The object as it is now, as far as it is kept; None where Stripe does not say."""
        try:
            async with asyncio.timeout(_READ_SECONDS):
                client = await self._clients.of(event.stripe_connection_id)
                if client is None:
                    return None
                read = await ask(client.v1, _options(event))
        except _NOT_SAID as error:
            _log.warning("stripe_not_read", event_id=event.id, error=type(error).__name__)
            return None
        return kept(kind, read.to_dict())


def _options(event: Event) -> stripe.RequestOptions:
    return {"stripe_account": event.stripe_account_id}
