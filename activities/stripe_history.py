"""Stripe's history for a replay: its refunds with their charges and customers, page by page, from wherever it stopped.

A page and the place behind it are written in one transaction, so that a worker lost at any moment costs one page. Read
limits: https://docs.stripe.com/rate-limits (25 requests a second for one endpoint, in a sandbox for all of them).
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, NamedTuple

import msgspec
import stripe
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.history import DELETED, beating, fail
from activities.stripe_client import StripeClients
from axiru.database import row, rows, transaction
from axiru.domain.replay import PullStage, ReplayInput
from axiru.settings import Settings
from axiru.stripe_fields import kept
from policies import parse
from policies.history.metadata import metadata_read_by

PULLED: Final[PullStage] = "pulled"
_PAGE: Final = 100
_EXPANDED: Final = ["data.charge.customer"]
"""Charges and customers come with their refunds: one request for a hundred of each."""

_UNAUTHORIZED: Final = 401
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_FIRST_WAIT_SECONDS: Final = 1
_LONGEST_WAIT_SECONDS: Final = 60
_LONGEST_RETRY_AFTER_SECONDS: Final = 600


class Page(msgspec.Struct, frozen=True):
    """A page of refunds, newest first. https://docs.stripe.com/api/pagination"""

    data: list[dict[str, Any]]
    has_more: bool


class Pulled(NamedTuple):
    """One object of a page, cut down."""

    kind: str
    id: str
    happened_at: datetime
    body: dict[str, Any]


class Pace:
    """At most so many requests a second, however many pulls share it."""

    def __init__(self, per_second: int) -> None:
        self._gap = 1 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        """Return when it is the caller's turn."""
        now = monotonic()
        at, self._next = max(now, self._next), max(now, self._next) + self._gap
        await asyncio.sleep(at - now)


class StripeHistory:
    """Pulls with the token of the replay's connection, which is opened anew for every page."""

    def __init__(self, settings: Settings, clients: StripeClients) -> None:
        self._clients = clients
        self._pace = Pace(settings.stripe_reads_per_second)

    @activity.defn(name="pull_stripe_history")
    async def pull(self, asked: ReplayInput) -> str:
        """`pulled`, or the state the replay has ended in.

        Goes on at the page behind the last one that was written. What Stripe refuses ends the replay as `failed`, with
        why; what it does not answer is raised, to be tried again.
        """
        async with beating():
            replay = await row(
                "UPDATE replays SET state = 'running' WHERE id = {} AND state IN ('waiting', 'running') RETURNING *",
                asked.replay_id,
            )
            if replay is None:
                found = await row("SELECT state FROM replays WHERE id = {}", asked.replay_id)
                return str(found["state"]) if found else DELETED
            await rows(
                "INSERT INTO replay_pulls (replay_id, stage, updated_at) SELECT id, 'refunds', clock_timestamp() "
                "FROM replays WHERE id = {} ON CONFLICT DO NOTHING",
                asked.replay_id,
            )
            return await self._pull(replay)

    async def _pull(self, replay: Mapping[str, Any]) -> str:
        replay_id, connection_id = replay["id"], replay["stripe_connection_id"]
        metadata = metadata_read_by(parse(replay["policy_source"]))
        while True:
            pull = await row("SELECT stage, cursor FROM replay_pulls WHERE replay_id = {}", replay_id)
            if pull is None:
                return DELETED
            if pull["stage"] == PULLED:
                return PULLED
            client = await self._clients.of(connection_id)
            if client is None:
                return await fail(replay_id, await _not_active(connection_id))
            try:
                page = await self._page(client, replay, pull["cursor"])
            except stripe.StripeError as error:
                if _is_about_the_token(error) and not await self._clients.check(connection_id):
                    return await fail(replay_id, await _not_active(connection_id))
                if _is_about_the_token(error) or error.http_status is None or error.http_status >= _SERVER_ERROR:
                    raise
                message = f"Stripe said: {error.user_message or error}"
                return await fail(replay_id, {"code": "stripe_refused", "message": message})
            if not await _keep(replay_id, pull["cursor"], page, metadata):
                return DELETED

    async def _page(self, client: stripe.StripeClient, replay: Mapping[str, Any], cursor: str | None) -> Page:
        """One page, however long Stripe lets it wait. Raises StripeError, but never for too many requests."""
        asked: dict[str, Any] = {
            "created": {"gte": int(replay["since"].timestamp()), "lte": int(replay["until"].timestamp())},
            "limit": _PAGE,
            "expand": _EXPANDED,
        }
        if cursor is not None:
            asked["starting_after"] = cursor
        wait = _FIRST_WAIT_SECONDS
        while True:
            await self._pace.turn()
            try:
                # The library's objects would take four times as long as all else that is done with a page.
                answer = await client.raw_request_async("get", "/v1/refunds", **asked)
                return msgspec.convert(answer.data, Page)
            except stripe.StripeError as error:
                if error.http_status != _TOO_MANY_REQUESTS:
                    raise
                seconds = _retry_after(error) or wait
            await rows(
                "UPDATE replay_pulls SET waited_seconds = waited_seconds + {}, updated_at = clock_timestamp() "
                "WHERE replay_id = {}",
                seconds,
                replay["id"],
            )
            await asyncio.sleep(seconds)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)


async def _keep(replay_id: str, cursor: str | None, page: Page, metadata: frozenset[str]) -> bool:
    """Write a page and the place behind it; False if the replay was deleted meanwhile."""
    found = [one for refund in page.data for one in _objects(refund, metadata)]
    last = page.data[-1] if page.data else None
    async with transaction():
        moved = await row(
            "UPDATE replay_pulls SET stage = {}, cursor = coalesce({}, cursor), pulled = pulled + {}, "
            "covered_from = coalesce({}, covered_from), updated_at = clock_timestamp() "
            "WHERE replay_id = {} AND cursor IS NOT DISTINCT FROM {} AND stage = 'refunds' RETURNING replay_id",
            "refunds" if page.has_more and last else PULLED,
            last["id"] if last else None,
            len(page.data),
            _moment(last["created"]) if last else None,
            replay_id,
            cursor,
        )
        if moved is None:
            if await row("SELECT FROM replay_pulls WHERE replay_id = {}", replay_id) is None:
                return False
            # Another attempt, thought to be lost, was still at it. The next one goes on behind it.
            raise ApplicationError("The place in the history was moved by another attempt.")
        await rows(
            "INSERT INTO replay_objects (replay_id, kind, id, happened_at, body) SELECT {}, f.* FROM "
            "jsonb_to_recordset({}::jsonb) AS f (kind text, id text, happened_at timestamptz, body jsonb) "
            "ON CONFLICT DO NOTHING",
            replay_id,
            msgspec.json.encode([one._asdict() for one in found]).decode(),
        )
    return True


def _objects(refund: dict[str, Any], metadata: frozenset[str]) -> Iterator[Pulled]:
    """A refund, its charge and its customer, each on its own; what did not come expanded is only named."""
    charge = refund.get("charge")
    customer = charge.get("customer") if isinstance(charge, dict) else None
    for kind, found in (("refund", refund), ("charge", charge), ("customer", customer)):
        if isinstance(found, dict) and (created := found.get("created")) is not None:
            # Of a customer, since when they are known; of anything else, what is kept of it everywhere.
            body = {"created": created} if kind == "customer" else _body(kind, found, metadata)
            yield Pulled(kind, found["id"], _moment(created), body)


def _body(kind: str, found: dict[str, Any], metadata: frozenset[str]) -> dict[str, Any]:
    # What the merchant wrote is free text: no more of it than the policy reads.
    told = found.get("metadata") or {}
    return {**kept(kind, found), "metadata": {key: str(told[key]) for key in metadata & told.keys()}}


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def _not_active(connection_id: str) -> dict[str, Any]:
    found = await row("SELECT status, status_reason FROM stripe_connections WHERE id = {}", connection_id)
    why = found["status_reason"] if found and found["status_reason"] else "Connect the account again."
    status = found["status"] if found else "gone"
    message = f"The Stripe connection is {status}: {why} Then start a new replay."
    return {"code": "connection_not_active", "message": message}


def _is_about_the_token(error: stripe.StripeError) -> bool:
    return error.http_status == _UNAUTHORIZED or error.code == "account_invalid"


def _retry_after(error: stripe.StripeError) -> int | None:
    """The seconds that Stripe asks to wait, where it says so."""
    headers: Mapping[str, Any] = error.headers or {}
    told = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(int(told), _LONGEST_RETRY_AFTER_SECONDS) if re.fullmatch(r"[0-9]{1,6}", told) else None
