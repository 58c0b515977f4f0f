"""Payout schedules of frozen accounts: switched to manual, and given back as they were when the last freeze ends.

Balance Settings hold the schedule (https://docs.stripe.com/api/balance-settings, since 2025-09-30.clover). One worker
at a time works on an account: its lease outlasts every call made under it, so that no earlier attempt lands later.
"""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final, Literal, NamedTuple, assert_never, cast

import msgspec
import stripe
import structlog

from activities.stripe_client import StripeClients
from axiru.database import row, rows, transaction
from axiru.errors import AxiruError
from axiru.settings import Settings
from ledger.acts.chain import json
from ledger.acts.payout_pause import PayoutPause, settle_pause
from ledger.entry import EntrySigner

log = structlog.get_logger()

MANUAL: Final = "manual"
_IDLE_SECONDS: Final = 0.5
_AWAY_SECONDS: Final = 2.0
_LEASE_FACTOR: Final = 4
_LONGEST_BACKOFF_SECONDS: Final = 300
_DEFINITE_STATUSES: Final = frozenset({400, 401, 402, 403, 404})
_ABOUT_THE_TOKEN: Final = 401

Schedule = dict[str, Any]
"""Stripe's: `interval` and the days that belong to it."""


class LeaseTooOld(AxiruError):
    """This worker was held up; what it was about to change may be another's by now."""

    code = "lease_too_old"


class Refused(AxiruError):
    """Stripe will not, and would not if it were asked again."""

    code = "stripe_refused"


class Leased(NamedTuple):
    """A pause that this worker works on until `leased_at` is too long ago."""

    pause: PayoutPause
    attempts: int
    leased_at: float


class PayoutPauses:
    """Works on one account at a time."""

    def __init__(self, settings: Settings, clients: StripeClients, signer: EntrySigner) -> None:
        self._timeout_seconds = settings.stripe_timeout_seconds
        self._clients = clients
        self._signer = signer

    async def work_forever(self) -> None:
        """Work until cancelled; what fails is tried again."""
        while True:
            try:
                worked = await self.work_once()
            except Exception:
                log.exception("payout_pauses_interrupted")
                await asyncio.sleep(_AWAY_SECONDS)
            else:
                if not worked:
                    await asyncio.sleep(_IDLE_SECONDS)

    async def work_once(self) -> bool:
        """Take up what freezes that ended leave behind, then do one thing that is due; False if nothing was."""
        await rows(_ENDED)
        leased = await self._lease()
        if leased is None:
            return False
        pause = leased.pause
        try:
            done = await self._work(leased)
        except Refused as refused:
            kept = f" It was: {_told(pause.schedule_before)}." if pause.schedule_before else ""
            done = msgspec.structs.replace(pause, state="failed", detail=f"{refused.message}{kept}")
        except (stripe.StripeError, TimeoutError, LeaseTooOld) as error:
            log.warning("payout_pause_delayed", control_id=pause.control_id, error=type(error).__name__)
            await rows(
                "UPDATE payout_pauses SET leased_until = NULL, detail = {}, "
                "next_attempt_at = clock_timestamp() + make_interval(secs => {}) WHERE control_id = {} AND state = {}",
                "Stripe has not answered yet; it is asked again.",
                min(2.0**leased.attempts, _LONGEST_BACKOFF_SECONDS),
                pause.control_id,
                pause.state,
            )
            done = None
        if done is None or not await settle_pause(done, pause.state, self._signer):
            # Its freeze ended meanwhile: what was done is undone next.
            await rows("UPDATE payout_pauses SET leased_until = NULL WHERE control_id = {}", pause.control_id)
        return True

    async def _lease(self) -> Leased | None:
        leased_at = monotonic()
        async with transaction():
            due = await row(_DUE)
            if due is None:
                return None
            # Asked for by one after the other, so that no two work on one account.
            await rows("SELECT pg_advisory_xact_lock(hashtextextended('payouts/' || {}, 0))", due["stripe_account_id"])
            found = await row(_LEASE, float(_LEASE_FACTOR * self._timeout_seconds), due["control_id"])
        if found is None:
            return None
        schedule = msgspec.json.decode(found["schedule_before"]) if found["schedule_before"] else None
        pause = msgspec.convert({**found, "schedule_before": schedule}, PayoutPause)
        return Leased(pause, found["attempts"], leased_at)

    async def _work(self, leased: Leased) -> PayoutPause | None:
        """The pause as it is now. Raises StripeError, TimeoutError and LeaseTooOld, to be tried again, and Refused."""
        pause = leased.pause
        if pause.state == "restoring" and pause.schedule_before is None:
            return msgspec.structs.replace(pause, state="restored", detail="The schedule had not been changed yet.")
        client, options = await self._client(pause)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                current = _schedule(await _asked(client, "get", options))
            state = cast(Literal["pausing", "restoring"], pause.state)
            match state:
                case "pausing":
                    return await self._pause(leased, client, options, current)
                case "restoring":
                    return await self._restore(leased, client, options, current)
                case _:
                    assert_never(state)
        except stripe.StripeError as error:
            if error.http_status == _ABOUT_THE_TOKEN and await self._clients.check(pause.stripe_connection_id or ""):
                raise
            if error.http_status in _DEFINITE_STATUSES:
                raise Refused(f"Stripe refused: {error.user_message or error}") from error
            raise

    async def _client(self, pause: PayoutPause) -> tuple[stripe.StripeClient, stripe.RequestOptions]:
        client = await self._clients.of(pause.stripe_connection_id or "")
        found = await row(
            "SELECT status, stripe_account_id FROM stripe_connections WHERE id = {}", pause.stripe_connection_id
        )
        if client is None or found is None:
            raise Refused(f"The Stripe connection is {found['status'] if found else 'gone'}.")
        own = found["stripe_account_id"] == pause.stripe_account_id
        return client, {} if own else {"stripe_account": pause.stripe_account_id}

    async def _pause(
        self, leased: Leased, client: stripe.StripeClient, options: stripe.RequestOptions, current: Schedule
    ) -> PayoutPause | None:
        pause = leased.pause
        before = pause.schedule_before
        if current["interval"] != MANUAL:
            # Whatever an earlier attempt had kept: it did not switch, or somebody has switched back.
            before = current
        elif before is None:
            other = await row(_OTHERS_SCHEDULE, pause.control_id, pause.mode, pause.stripe_account_id)
            before = msgspec.json.decode(other["schedule_before"]) if other else current
        if before != pause.schedule_before:
            kept = await row(
                "UPDATE payout_pauses SET schedule_before = {}::jsonb WHERE control_id = {} AND state = 'pausing' "
                "RETURNING control_id",
                json(before),
                pause.control_id,
            )
            if kept is None:
                return None
        if current["interval"] != MANUAL:
            await self._set(leased, client, options, {"interval": MANUAL})
        detail = "Payouts were manual before." if before["interval"] == MANUAL else None
        return msgspec.structs.replace(pause, state="paused", schedule_before=before, detail=detail)

    async def _restore(
        self, leased: Leased, client: stripe.StripeClient, options: stripe.RequestOptions, current: Schedule
    ) -> PayoutPause:
        pause, before = leased.pause, leased.pause.schedule_before or current
        detail = None
        if current["interval"] == MANUAL != before["interval"]:
            await self._set(leased, client, options, before)
        elif current != before:
            detail = f"The schedule was changed at Stripe meanwhile and stays as it is: {_told(current)}."
        return msgspec.structs.replace(pause, state="restored", detail=detail)

    async def _set(
        self, leased: Leased, client: stripe.StripeClient, options: stripe.RequestOptions, schedule: Schedule
    ) -> None:
        # From here on the call takes at most one time-out; with two gone before it, the lease is over after it.
        if monotonic() - leased.leased_at > 2 * self._timeout_seconds:
            raise LeaseTooOld("This worker was held up and asks again.")
        async with asyncio.timeout(self._timeout_seconds):
            await _asked(client, "post", options, payments={"payouts": {"schedule": schedule}})


async def _asked(
    client: stripe.StripeClient, method: str, options: stripe.RequestOptions, **change: Any
) -> Mapping[str, Any]:
    # The library cannot make its BalanceSettings of an answer whose `automatic_transfer_rules_by_currency` is null.
    answer = await client.raw_request_async(method, "/v1/balance_settings", **options, **change)
    settings: Mapping[str, Any] = answer.data
    return settings


def _schedule(settings: Mapping[str, Any]) -> Schedule:
    """The schedule as it can be sent back: the interval and its own days. Raises Refused where there is none."""
    payouts = settings["payments"].get("payouts") or {}
    told = payouts.get("schedule") or {}
    if not told.get("interval"):
        raise Refused("Stripe tells of no payout schedule for this account.")
    names = ("interval", f"{told['interval']}_payout_days")
    return {name: told[name] for name in names if told.get(name)}


def _told(schedule: Schedule) -> str:
    days: list[Any] = next((value for name, value in schedule.items() if name != "interval"), [])
    return " ".join([schedule["interval"], *(["on", ", ".join(map(str, days))] if days else [])])


_IN_FORCE: Final = "c.lifted_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > clock_timestamp())"
_ANOTHER_IN_FORCE: Final = f"""EXISTS (
    SELECT FROM payout_pauses o JOIN controls c ON c.id = o.control_id
    WHERE o.mode = p.mode AND o.stripe_account_id = p.stripe_account_id AND o.control_id <> p.control_id
        AND o.state IN ('pausing', 'paused') AND {_IN_FORCE})"""
_ANOTHER_LEASED: Final = """EXISTS (
    SELECT FROM payout_pauses o WHERE o.mode = p.mode AND o.stripe_account_id = p.stripe_account_id
        AND o.leased_until > clock_timestamp())"""

# A pause that failed after the schedule was kept may have been switched all the same.
_ENDED: Final = f"""
UPDATE payout_pauses p SET state = 'restoring', attempts = 0, next_attempt_at = clock_timestamp(),
    updated_at = clock_timestamp(),
    detail = CASE WHEN {_ANOTHER_IN_FORCE} THEN 'Another freeze of this account goes on.' END
FROM controls c WHERE c.id = p.control_id AND NOT ({_IN_FORCE}) AND (p.state IN ('pausing', 'paused')
    OR (p.state = 'failed' AND p.schedule_before IS NOT NULL AND p.updated_at < coalesce(c.lifted_at, c.expires_at)))
"""  # noqa: S608 - of our own pieces
_DUE: Final = f"""
SELECT p.control_id, p.stripe_account_id FROM payout_pauses p
WHERE p.next_attempt_at <= clock_timestamp() AND NOT {_ANOTHER_LEASED}
    AND (p.state = 'pausing' OR (p.state = 'restoring' AND NOT {_ANOTHER_IN_FORCE}))
ORDER BY p.next_attempt_at LIMIT 1 FOR UPDATE OF p SKIP LOCKED
"""  # noqa: S608
_LEASE: Final = f"""
UPDATE payout_pauses p SET attempts = attempts + 1, leased_until = clock_timestamp() + make_interval(secs => {{}})
WHERE p.control_id = {{}} AND p.state IN ('pausing', 'restoring') AND NOT {_ANOTHER_LEASED} RETURNING p.*
"""  # noqa: S608
_OTHERS_SCHEDULE: Final = """
SELECT schedule_before FROM payout_pauses
WHERE control_id <> {} AND mode = {} AND stripe_account_id = {} AND schedule_before IS NOT NULL
    AND state IN ('pausing', 'paused', 'restoring')
ORDER BY updated_at DESC LIMIT 1
"""
