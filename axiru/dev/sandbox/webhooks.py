"""Signed events to one endpoint, in order, in the background, tried again a few times and then given up.

https://docs.stripe.com/webhooks#verify-manually describes the signature. Deliveries wait in the state file, so that
they survive a restart. As with Stripe, an event can arrive twice.
"""

import asyncio
import hashlib
import hmac
import logging
import time

import httpx
import msgspec

from axiru.dev.sandbox.deliveries import HELD, DeliveryFaultKind, DeliveryFaults
from axiru.dev.sandbox.store import Store

RETRY_AFTER_SECONDS = (1, 5, 30, 120, 600, 3_600, 6 * 3_600, 24 * 3_600)
"""Time that the sandbox's clock is moved by counts as waited. https://docs.stripe.com/webhooks#automatic-retries"""

LONGEST_WAIT_SECONDS = 3_600.0
TIMEOUT_SECONDS = 5

logger = logging.getLogger(__name__)


def signature(payload: bytes, secret: str, *, timestamp: int) -> str:
    """The value of `Stripe-Signature`: HMAC-SHA256 over `timestamp.payload`."""
    digest = hmac.new(secret.encode(), b"%d.%b" % (timestamp, payload), hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class _Typed(msgspec.Struct):
    type: str


class Webhooks:
    def __init__(self, store: Store, *, url: str, secret: str) -> None:
        self._store = store
        self._url = url
        self._secret = secret
        self._queued = asyncio.Event()
        self.faults = DeliveryFaults()

    def wake(self) -> None:
        """Look at the queue now: a request has just committed its events."""
        self._queued.set()

    def advance(self, seconds: int) -> None:
        """Stripe's time was moved: what would have been tried again by then is tried now."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET due_at = due_at - ? WHERE attempts > 0 AND due_at < ?", (seconds, HELD)
            )
        self.wake()

    def release(self, *, reverse: bool) -> int:
        """Send what was held back, the newest first if `reverse`. Gives how many deliveries that is."""
        with self._store.transaction() as connection:
            held = connection.execute(
                f"SELECT seq FROM deliveries WHERE due_at = ? ORDER BY seq {'DESC' if reverse else 'ASC'}",  # noqa: S608
                (HELD,),
            ).fetchall()
            connection.executemany(
                "UPDATE deliveries SET due_at = ? WHERE seq = ?",
                [(1 + place / 1_000, seq) for place, (seq,) in enumerate(held)],
            )
        self.wake()
        return len(held)

    def waiting(self) -> list[dict[str, object]]:
        """Deliveries that have not succeeded yet, in the order in which they came."""
        rows = self._store.connection.execute(
            "SELECT account, event_id, attempts, due_at FROM deliveries ORDER BY seq"
        ).fetchall()
        return [
            {"account": account, "event": event_id, "attempts": attempts, "held": due_at == HELD}
            for account, event_id, attempts, due_at in rows
        ]

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            while True:
                self._queued.clear()
                wait_seconds = await self._deliver_due(client)
                try:
                    await asyncio.wait_for(self._queued.wait(), wait_seconds)
                except TimeoutError:
                    continue

    async def _deliver_due(self, client: httpx.AsyncClient) -> float | None:
        """Try everything that is due. Gives the seconds until the next delivery is; None when none is left."""
        while (row := self._next()) is not None:
            seq, due_at, attempts, account, event_id, body = row
            if due_at > time.time():
                return min(float(due_at - time.time()), LONGEST_WAIT_SECONDS)
            # Only what is fresh: a delivery that was held, doubled or tried before is not struck again.
            if due_at == 0 and self._struck(seq, account, event_id, body):
                continue
            failure = await self._post(client, body.encode())
            if failure is None:
                self._settle(seq, account, event_id, delivered=True)
            elif attempts == len(RETRY_AFTER_SECONDS):
                logger.warning("Gave up on %s after %d attempts: %s", event_id, attempts + 1, failure)
                self._settle(seq, account, event_id, delivered=False)
            else:
                with self._store.transaction() as connection:
                    connection.execute(
                        "UPDATE deliveries SET attempts = ?, due_at = ? WHERE seq = ?",
                        (attempts + 1, time.time() + RETRY_AFTER_SECONDS[attempts], seq),
                    )
        return None

    def _struck(self, seq: int, account: str, event_id: str, body: str) -> bool:
        """Let a planned fault have this delivery; whether it is not to be sent now."""
        match self.faults.take(msgspec.json.decode(body, type=_Typed).type):
            case DeliveryFaultKind.DROP:
                self._settle(seq, account, event_id, delivered=False)
            case DeliveryFaultKind.HOLD:
                with self._store.transaction() as connection:
                    connection.execute("UPDATE deliveries SET due_at = ? WHERE seq = ?", (HELD, seq))
            case DeliveryFaultKind.DUPLICATE:
                with self._store.transaction() as connection:
                    connection.execute(
                        "INSERT INTO deliveries (account, event_id, attempts, due_at) VALUES (?, ?, 0, 1)",
                        (account, event_id),
                    )
                return False
            case None:
                return False
        return True

    def _next(self) -> tuple[int, float, int, str, str, str] | None:
        row: tuple[int, float, int, str, str, str] | None = self._store.connection.execute(
            "SELECT d.seq, d.due_at, d.attempts, d.account, d.event_id, o.body FROM deliveries d "
            "JOIN objects o ON o.account = d.account AND o.object = 'event' AND o.id = d.event_id "
            "ORDER BY d.due_at, d.seq LIMIT 1"
        ).fetchone()
        return row

    async def _post(self, client: httpx.AsyncClient, payload: bytes) -> str | None:
        """Why the endpoint did not take the event; None when it did."""
        # The machine's clock, not the sandbox's: the receiver compares the timestamp with its own.
        signed = signature(payload, self._secret, timestamp=int(time.time()))
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signed}
        try:
            response = await client.post(self._url, content=payload, headers=headers)
        except httpx.HTTPError as error:
            return repr(error)
        return None if response.is_success else f"status {response.status_code}"

    def _settle(self, seq: int, account: str, event_id: str, *, delivered: bool) -> None:
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM deliveries WHERE seq = ?", (seq,))
            if delivered:
                connection.execute(
                    "UPDATE objects SET body = json_set(body, '$.pending_webhooks', 0) "
                    "WHERE account = ? AND object = 'event' AND id = ?",
                    (account, event_id),
                )
