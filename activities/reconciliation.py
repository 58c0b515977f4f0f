"""Reading Stripe's own lists, and keeping what the webhook did not tell of: events, and disputes that wait for an
answer since before the account was connected."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import stripe
import structlog
from stripe.params import DisputeListParams, EventListParams
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.stripe_client import StripeClients
from axiru.database import row, rows
from axiru.domain.dispute import ANSWERABLE, dispute_facts
from axiru.domain.stripe_event import EVENT_TYPES, StripeEvent, read_event
from axiru.stripe_events import keep_events
from axiru.stripe_fields import kept
from axiru.vault import VaultSealBroken
from ledger.acts.dispute import record_dispute
from ledger.entry import EntrySigner

log = structlog.get_logger()

OVERLAP: Final = timedelta(hours=6)
"""What was read the last time is read again this far back: an event may be listed later than it happened."""

LISTED_FOR: Final = timedelta(days=30)
"""So long Stripe lists an event (https://docs.stripe.com/api/events); so long it is kept here."""

DISPUTED_FOR: Final = timedelta(days=90)
"""Banks want an answer within weeks; what was disputed longer ago is not waiting for one."""

_ON_ITS_WAY: Final = timedelta(minutes=5)
"""What happened less than this ago may still be told; it is kept now and counts as missed by nobody."""

_PAGE: Final = 100
_REFUSED: Final = (stripe.PermissionError, stripe.AuthenticationError, stripe.InvalidRequestError)
_AT_ONCE: Final = 1_000


class Reconciliation:
    """Reads with the token of each connection."""

    def __init__(self, clients: StripeClients, signer: EntrySigner) -> None:
        self._clients = clients
        self._signer = signer

    @activity.defn(name="active_stripe_connections")
    async def active_connections(self) -> list[str]:
        """The ids of all connections whose tokens work."""
        return [
            one["id"] for one in await rows("SELECT id FROM stripe_connections WHERE status = 'active' ORDER BY id")
        ]

    @activity.defn(name="reconcile_stripe_connection")
    async def reconcile(self, connection_id: str) -> int:
        """Keep every event since the last time and every open dispute; returns how many events the webhook had missed.

        Starting over after a crash reads again and keeps nothing twice. Raises StripeError, to be tried again; what
        Stripe refuses for good is not tried again, nor is a token that cannot be opened.
        """
        connection = await row(
            "SELECT id, organization_id, mode, stripe_account_id, created_at, reconciled_at, "
            "coalesce(status_changed_at, created_at) AS connected_at "
            "FROM stripe_connections WHERE id = {} AND status = 'active'",
            connection_id,
        )
        try:
            client = await self._clients.of(connection_id) if connection is not None else None
        except VaultSealBroken as error:
            # It opens no better the next time, and the other connections wait for their turn.
            raise ApplicationError("The connection's token cannot be opened", non_retryable=True) from error
        if connection is None or client is None:
            return 0
        began = datetime.now(UTC)
        since = max((connection["reconciled_at"] or connection["created_at"]) - OVERLAP, began - LISTED_FOR)
        # What happened while the account was not connected, nobody was told.
        expected = (connection["connected_at"], began - _ON_ITS_WAY)
        missed = await self._read(client, connection_id, connection["stripe_account_id"], since, expected)
        await self._read_open_disputes(client, connection, began - DISPUTED_FOR)
        await rows(
            "UPDATE stripe_connections SET reconciled_at = {}, missed_events = missed_events + {} WHERE id = {}",
            began,
            missed,
            connection_id,
        )
        if missed:
            log.warning("stripe_events_missed", connection_id=connection_id, missed=missed)
        return missed

    @activity.defn(name="delete_old_stripe_events")
    async def delete_old(self) -> int:
        """Delete events that arrived longer ago than Stripe itself lists them; returns how many."""
        deleted = 0
        while gone := await rows(_DELETE, LISTED_FOR, _AT_ONCE):
            deleted += len(gone)
        return deleted

    async def _read(
        self,
        client: stripe.StripeClient,
        connection_id: str,
        account_id: str,
        since: datetime,
        expected: tuple[datetime, datetime],
    ) -> int:
        """How many were not kept yet of the time in which the webhook was expected to tell."""
        missed, cursor = 0, None
        while True:
            params: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}
            if cursor is not None:
                params["starting_after"] = cursor
            try:
                page = await client.v1.events.list_async(
                    cast(EventListParams, params), options={"stripe_account": account_id}
                )
            except _REFUSED as error:
                raise _not_listed("events", error) from error
            activity.heartbeat()
            told = [event for one in page.data if (event := _listed(one.to_dict(), account_id)) is not None]
            settled = [event for event in told if expected[0] <= event.happened_at < expected[1]]
            missed += await keep_events(settled, "reconciliation", connection_id=connection_id)
            others = [event for event in told if not expected[0] <= event.happened_at < expected[1]]
            await keep_events(others, "reconciliation", connection_id=connection_id)
            if not page.has_more or not page.data:
                return missed
            cursor = page.data[-1].id

    async def _read_open_disputes(
        self, client: stripe.StripeClient, connection: Mapping[str, Any], since: datetime
    ) -> None:
        params: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}
        account_id = connection["stripe_account_id"]
        try:
            page = await client.v1.disputes.list_async(
                cast(DisputeListParams, params), options={"stripe_account": account_id}
            )
            async for one in page.auto_paging_iter():
                activity.heartbeat()
                facts = dispute_facts(kept("dispute", one.to_dict()))
                if facts.status in ANSWERABLE:
                    await record_dispute(
                        facts,
                        organization_id=connection["organization_id"],
                        mode=connection["mode"],
                        stripe_connection_id=connection["id"],
                        stripe_account_id=account_id,
                        signer=self._signer,
                    )
        except _REFUSED as error:
            raise _not_listed("disputes", error) from error


def _not_listed(what: str, error: stripe.StripeError) -> ApplicationError:
    """The message may hold what the account's owner wrote; the code cannot."""
    return ApplicationError(f"Stripe does not list this account's {what}: {error.code}", non_retryable=True)


def _listed(raw: dict[str, Any], account_id: str) -> StripeEvent | None:
    """Events that are listed with an account's own token may leave out whose they are."""
    event = read_event({"account": account_id, **raw})
    return event if event is not None and event.type in EVENT_TYPES else None


_DELETE: Final = """
DELETE FROM stripe_events WHERE (organization_id, mode, id) IN (
    SELECT organization_id, mode, id FROM stripe_events WHERE received_at < clock_timestamp() - {}::interval
    ORDER BY received_at LIMIT {}
) RETURNING id
"""
