"""One account's objects and events within one request."""

from typing import Any

import msgspec

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.parameters import Page, Period
from axiru.dev.sandbox.refusals import resource_missing
from axiru.dev.sandbox.store import Store

API_VERSION = "2026-08-26.dahlia"
"""The version of the API description in stripe-mock v0.203.0, whose shapes the sandbox keeps to."""

_BOUNDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class RequestFacts(msgspec.Struct, frozen=True):
    """What an event says about the request that caused it."""

    id: str | None = None
    idempotency_key: str | None = None


class Books:
    """Reads and writes of one account at one moment; the caller holds the transaction."""

    def __init__(
        self, store: Store, *, account: str, now: int, request: RequestFacts | None = None, announces: bool = False
    ) -> None:
        """`announces`: events are queued for the webhook endpoint."""
        self._connection = store.connection
        self.account = account
        self.now = now
        self._request = request or RequestFacts()
        self._announces = announces

    def get(self, kind: str, object_id: str, *, param: str) -> Document:
        """Raises StripeRefusal 404 `resource_missing` that names `param`."""
        row = self._connection.execute(
            "SELECT body FROM objects WHERE account = ? AND object = ? AND id = ?", (self.account, kind, object_id)
        ).fetchone()
        if row is None:
            raise resource_missing(kind, object_id, param=param)
        return _decoded(row[0])

    def add(self, document: Document) -> None:
        self._connection.execute(
            "INSERT INTO objects (account, object, id, body) VALUES (?, ?, ?, ?)",
            (self.account, document["object"], document["id"], _encoded(document)),
        )

    def replace(self, document: Document) -> None:
        self._connection.execute(
            "UPDATE objects SET body = ? WHERE account = ? AND object = ? AND id = ?",
            (_encoded(document), self.account, document["object"], document["id"]),
        )

    def page(
        self,
        kind: str,
        url: str,
        page: Page,
        *,
        created: Period,
        equal: dict[str, Any],
        among: dict[str, tuple[str, ...]],
    ) -> Document:
        """A list object, newest first: objects whose fields are as in `equal` (None: any) and one of `among`.

        Raises StripeRefusal 404 when the cursor is no object of this list. https://docs.stripe.com/api/pagination
        """
        conditions = ["account = ?", "object = ?"]
        values: list[Any] = [self.account, kind]
        for name, value in equal.items():
            if value is not None:
                conditions.append(f"json_extract(body, '$.{name}') = ?")
                values.append(value)
        for name, options in among.items():
            if options:
                conditions.append(f"json_extract(body, '$.{name}') IN ({', '.join('?' * len(options))})")
                values.extend(options)
        for bound, operator in _BOUNDS.items():
            if (second := getattr(created, bound)) is not None:
                conditions.append(f"json_extract(body, '$.created') {operator} ?")
                values.append(second)
        backwards = page.ending_before is not None
        cursor = page.ending_before if backwards else page.starting_after
        if cursor is not None:
            conditions.append("seq > ?" if backwards else "seq < ?")
            values.append(self._seq(kind, cursor, "ending_before" if backwards else "starting_after"))
        rows = self._connection.execute(
            # Names of fields come from the operations, never from a caller.
            f"SELECT body FROM objects WHERE {' AND '.join(conditions)} "  # noqa: S608
            f"ORDER BY seq {'ASC' if backwards else 'DESC'} LIMIT ?",
            (*values, page.limit + 1),
        ).fetchall()
        shown = [_decoded(row[0]) for row in rows[: page.limit]]
        return {
            "object": "list",
            "data": shown[::-1] if backwards else shown,
            "has_more": len(rows) > page.limit,
            "url": url,
        }

    def record_event(self, event_type: str, document: Document, *, previous: Document | None = None) -> None:
        """Write an event, and queue it for the webhook endpoint in the same transaction.

        `account` is always there, as in the events a Stripe App receives. https://docs.stripe.com/api/events/object
        """
        event = {
            "id": new_id("evt"),
            "object": "event",
            "account": self.account,
            "api_version": API_VERSION,
            "created": self.now,
            "data": {"object": document} | ({} if previous is None else {"previous_attributes": previous}),
            "livemode": False,
            "pending_webhooks": int(self._announces),
            "request": msgspec.structs.asdict(self._request),
            "type": event_type,
        }
        self.add(event)
        if self._announces:
            self._connection.execute(
                "INSERT INTO deliveries (account, event_id, attempts, due_at) VALUES (?, ?, 0, 0)",
                (self.account, event["id"]),
            )

    def _seq(self, kind: str, object_id: str, param: str) -> int:
        row = self._connection.execute(
            "SELECT seq FROM objects WHERE account = ? AND object = ? AND id = ?", (self.account, kind, object_id)
        ).fetchone()
        if row is None:
            raise resource_missing(kind, object_id, param=param)
        return int(row[0])


def _encoded(document: Document) -> str:
    return msgspec.json.encode(document).decode()


def _decoded(body: str) -> Document:
    return msgspec.json.decode(body, type=dict[str, Any])
