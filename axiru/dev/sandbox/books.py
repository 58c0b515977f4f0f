"""One account's objects and events within one request."""

from typing import Any

import msgspec

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.installations import is_live
from axiru.dev.sandbox.parameters import Page, Period
from axiru.dev.sandbox.refusals import resource_missing
from axiru.dev.sandbox.store import Store

API_VERSION = "2026-08-26.dahlia"
"""The version of the API description in stripe-mock v0.203.0, whose shapes the sandbox keeps to."""

ANY_TIME = Period()

_REPORTED_AS = {
    "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "transfer_refund": "transfer_reversal",
}
"""https://docs.stripe.com/reports/reporting-categories"""

_BOUNDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class RequestFacts(msgspec.Struct, frozen=True):
    """What an event says about the request that caused it."""

    id: str | None = None
    idempotency_key: str | None = None


class Books:
    """Reads and writes of one account at one moment; the caller holds the transaction."""

    def __init__(
        self,
        store: Store,
        *,
        account: str,
        now: int,
        request: RequestFacts | None = None,
        announces: bool = False,
        silent: bool = False,
    ) -> None:
        """`announces`: events are queued for the webhook endpoint; `silent`: nothing that happens makes an event."""
        self._store = store
        self._connection = store.connection
        self.account = account
        self.now = now
        self._request = request or RequestFacts()
        self._announces = announces
        self._silent = silent
        self.livemode = is_live(account)

    def of(self, account: str, *, now: int | None = None) -> "Books":
        """The books of another account in the same request: a transfer is written into two."""
        return Books(
            self._store,
            account=account,
            now=self.now if now is None else now,
            request=self._request,
            announces=self._announces,
            silent=self._silent,
        )

    def get(self, kind: str, object_id: str, *, param: str, status: int = 404) -> Document:
        """Raises StripeRefusal `resource_missing` that names `param`: 404 for the object a path names."""
        found = self.find(kind, object_id)
        if found is None:
            raise resource_missing(kind, object_id, param=param, status=status)
        return found

    def find(self, kind: str, object_id: str) -> Document | None:
        row = self._connection.execute(
            "SELECT body FROM objects WHERE account = ? AND object = ? AND id = ?", (self.account, kind, object_id)
        ).fetchone()
        return None if row is None else _decoded(row[0])

    def add(self, document: Document) -> None:
        if "livemode" in document:
            document["livemode"] = self.livemode
        self._connection.execute(
            "INSERT INTO objects (account, object, id, body) VALUES (?, ?, ?, ?)",
            (self.account, document["object"], document["id"], _encoded(document)),
        )

    def replace(self, document: Document) -> None:
        self._connection.execute(
            "UPDATE objects SET body = ? WHERE account = ? AND object = ? AND id = ?",
            (_encoded(document), self.account, document["object"], document["id"]),
        )

    def change(self, document: Document, **changed: Any) -> Document:
        """Write the attributes into the object and give those that differ as they were, for `previous_attributes`."""
        previous = {name: document.get(name) for name, value in changed.items() if document.get(name) != value}
        document.update(changed)
        self.replace(document)
        return previous

    def account_document(self, account: str) -> tuple[str, Document] | None:
        """An account that Stripe knows, behind the id of its platform, which is empty for an account of its own."""
        row = self._connection.execute(
            "SELECT account, body FROM objects WHERE object = 'account' AND id = ?", (account,)
        ).fetchone()
        return None if row is None else (str(row[0]), _decoded(row[1]))

    def plan(self, deed: str, object_id: str, *, at: int) -> None:
        """Let time do `deed` to an object once it is `at` (agenda.py)."""
        self._connection.execute(
            "INSERT INTO agenda (due_at, account, deed, object_id) VALUES (?, ?, ?, ?)",
            (at, self.account, deed, object_id),
        )

    def book(
        self, amount: int, currency: str, kind: str, *, source: str | None, txn_id: str | None = None, fee: int = 0
    ) -> str:
        """Write a balance transaction of `amount` less `fee`, available at once. Gives its id.

        https://docs.stripe.com/api/balance_transactions/object
        """
        txn_id = new_id("txn") if txn_id is None else txn_id
        details = {"amount": fee, "application": None, "currency": currency, "description": None, "type": "stripe_fee"}
        self.add(
            {
                "id": txn_id,
                "object": "balance_transaction",
                "amount": amount,
                "available_on": self.now,
                "balance_type": "payments",
                "created": self.now,
                "currency": currency,
                "description": None,
                "exchange_rate": None,
                "fee": fee,
                "fee_details": [details] if fee else [],
                "net": amount - fee,
                "reporting_category": _REPORTED_AS.get(kind, kind),
                "source": source,
                "status": "available",
                "type": kind,
            }
        )
        return txn_id

    def available(self) -> dict[str, int]:
        """What the account can pay out, by currency: the sum of its balance transactions."""
        return dict(
            self._connection.execute(
                "SELECT json_extract(body, '$.currency'), SUM(json_extract(body, '$.net')) FROM objects "
                "WHERE account = ? AND object = 'balance_transaction' GROUP BY 1 ORDER BY 1",
                (self.account,),
            ).fetchall()
        )

    def total(self, kind: str, field: str, **equal: str) -> int:
        """The sum of a number over the objects of a kind whose fields are as in `equal`."""
        conditions = "".join(f" AND json_extract(body, '$.{name}') = ?" for name in equal)
        row = self._connection.execute(
            # Names of fields come from the operations, never from a caller.
            f"SELECT COALESCE(SUM(json_extract(body, '$.{field}')), 0) FROM objects "  # noqa: S608
            f"WHERE account = ? AND object = ?{conditions}",
            (self.account, kind, *equal.values()),
        ).fetchone()
        return int(row[0])

    def page(
        self,
        kind: str,
        url: str,
        page: Page,
        *,
        created: Period = ANY_TIME,
        arrival: Period = ANY_TIME,
        equal: dict[str, Any] | None = None,
        among: dict[str, tuple[str, ...]] | None = None,
    ) -> Document:
        """A list object, newest first: objects whose fields are as in `equal` (None: any) and one of `among`.

        Raises StripeRefusal 404 when the cursor is no object of this list. https://docs.stripe.com/api/pagination
        """
        conditions = ["account = ?", "object = ?"]
        values: list[Any] = [self.account, kind]
        for name, value in (equal or {}).items():
            if value is not None:
                conditions.append(f"json_extract(body, '$.{name}') = ?")
                values.append(value)
        for name, options in (among or {}).items():
            if options:
                conditions.append(f"json_extract(body, '$.{name}') IN ({', '.join('?' * len(options))})")
                values.extend(options)
        for field, period in (("created", created), ("arrival_date", arrival)):
            for bound, operator in _BOUNDS.items():
                if (second := getattr(period, bound)) is not None:
                    conditions.append(f"json_extract(body, '$.{field}') {operator} ?")
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
        """Write an event, and queue it for the webhook endpoint in the same transaction."""
        if not self._silent:
            data = {"object": document} | ({} if previous is None else {"previous_attributes": previous})
            self.keep_event(self.event(event_type, data))

    def event(self, event_type: str, data: Document) -> Document:
        """An event that is in no books yet.

        `account` is always there, as in the events a Stripe App receives. https://docs.stripe.com/api/events/object
        """
        return {
            "id": new_id("evt"),
            "object": "event",
            "account": self.account,
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": int(self._announces),
            "request": msgspec.structs.asdict(self._request),
            "type": event_type,
        }

    def keep_event(self, event: Document) -> None:
        self.add(event)
        self.announce(event["id"])

    def announce(self, event_id: str) -> None:
        """Queue an event of these books for the webhook endpoint, where there is one."""
        if self._announces:
            self._connection.execute(
                "INSERT INTO deliveries (account, event_id, attempts, due_at) VALUES (?, ?, 0, 0)",
                (self.account, event_id),
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
