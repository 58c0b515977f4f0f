"""Trips of circuit breakers: a freeze set at once or proposed to people, who accept or dismiss it."""

from datetime import timedelta
from typing import Any, Literal, assert_never

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.breaker import Breaker, BreakerTerms, Reading, TripReceipt, TripState
from axiru.domain.control import Control
from axiru.domain.money import money_text
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import Act, act, json
from ledger.acts.control import list_in_flight, put_in_force
from ledger.breaker_readings import still_armed
from ledger.entry import EntrySigner


class TripNotFound(AxiruError):
    """There is no such trip in this organization."""

    code = "not_found"


class TripResolved(AxiruError):
    """The trip is no open proposal: it was accepted or dismissed, or it set its freeze by itself."""

    code = "conflict"


async def trip(breaker: Breaker, reading: Reading, *, signer: EntrySigner) -> TripReceipt | None:
    """Seal that a breaker tripped, and set its freeze or propose it. None where another worker was first.

    A breaker does not trip while its freeze is in force or its proposal open, nor for one window after either.
    """
    async with act(signer, breaker.organization_id, breaker.mode) as tripping:
        if not await still_armed(breaker):
            return None
        trip_id = ids.new_id(ids.BREAKER_TRIP)
        state: TripState = "engaged" if breaker.response == "freeze" else "proposed"
        entry = tripping.seal(
            "breaker_tripped",
            {
                "trip_id": trip_id,
                "breaker_id": breaker.id,
                "name": breaker.name,
                "terms": {name: getattr(breaker, name) for name in BreakerTerms.__struct_fields__},
                "observed": reading.observed,
                "usual": reading.usual,
                "threshold": reading.threshold,
                "scope": breaker.scope,
                "state": state,
            },
        )
        control_id = None
        if state == "engaged":
            reason = _reason(breaker.name, breaker, reading.observed, reading.usual)
            control_id = await _freeze(tripping, breaker, breaker.id, breaker.scope, reason, member_id=None)
        await rows(
            """
            INSERT INTO breaker_trips (id, organization_id, mode, breaker_id, state, observed, usual, threshold, scope,
                control_id, tripped_at)
            VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}::jsonb, {}, {})
            """,
            *(trip_id, breaker.organization_id, breaker.mode, breaker.id, state, reading.observed, reading.usual),
            *(reading.threshold, json(breaker.scope), control_id, tripping.now),
        )
        tripping.tell("breaker", {"breaker_id": breaker.id, "trip_id": trip_id, "state": state})
        return TripReceipt(
            trip_id=trip_id,
            breaker_id=breaker.id,
            state=state,
            control_id=control_id,
            ledger_id=entry.ledger_id,
            at=tripping.now,
        )


async def accept(
    trip_id: str, *, organization_id: str, member_id: str, reason: str, signer: EntrySigner
) -> TripReceipt:
    """Engage the freeze that a breaker proposed, in the name of who accepts it; then wait as `control.engage` does.

    Raises TripNotFound, TripResolved.
    """
    async with act(signer, organization_id, await _mode_of(trip_id, organization_id)) as accepting:
        found = await _proposed(trip_id)
        breaker = msgspec.convert(found, BreakerTerms)
        scope = msgspec.json.decode(found["scope"])
        said = f"{_reason(found['name'], breaker, found['observed'], found['usual'])} {reason}"
        control_id = await _freeze(accepting, breaker, found["breaker_id"], scope, said, member_id=member_id)
        receipt = await _resolve(accepting, trip_id, found["breaker_id"], "accepted", control_id, member_id, reason)
    engaged = Control(control_id, "freeze", scope, said)
    return msgspec.structs.replace(receipt, in_flight=await list_in_flight(engaged, [accepting], signer))


async def dismiss(
    trip_id: str, *, organization_id: str, member_id: str, reason: str, signer: EntrySigner
) -> TripReceipt:
    """Leave things as they are; the breaker may trip again one window later. Raises TripNotFound, TripResolved."""
    async with act(signer, organization_id, await _mode_of(trip_id, organization_id)) as dismissing:
        found = await _proposed(trip_id)
        return await _resolve(dismissing, trip_id, found["breaker_id"], "dismissed", None, member_id, reason)


async def _resolve(
    resolving: Act,
    trip_id: str,
    breaker_id: str,
    state: Literal["accepted", "dismissed"],
    control_id: str | None,
    member_id: str,
    reason: str,
) -> TripReceipt:
    entry = resolving.seal(
        "breaker_resolved",
        {
            "trip_id": trip_id,
            "breaker_id": breaker_id,
            "state": state,
            "control_id": control_id,
            "member_id": member_id,
            "reason": reason,
        },
    )
    await rows(
        """
        UPDATE breaker_trips SET state = {}, control_id = {}, resolved_by = {}, resolved_reason = {}, resolved_at = {}
        WHERE id = {}
        """,
        *(state, control_id, member_id, reason, resolving.now, trip_id),
    )
    resolving.tell("breaker", {"breaker_id": breaker_id, "trip_id": trip_id, "state": state})
    return TripReceipt(
        trip_id=trip_id,
        breaker_id=breaker_id,
        state=state,
        control_id=control_id,
        ledger_id=entry.ledger_id,
        at=resolving.now,
    )


async def _freeze(
    freezing: Act, terms: BreakerTerms, breaker_id: str, scope: dict[str, str], reason: str, *, member_id: str | None
) -> str:
    expires_at = freezing.now + timedelta(seconds=terms.freeze_seconds) if terms.freeze_seconds else None
    control, _ = await put_in_force(
        [freezing],
        kind="freeze",
        scope=scope,
        applies_to=freezing.mode,
        reason=reason,
        expires_at=expires_at,
        member_id=member_id,
        breaker_id=breaker_id,
    )
    return control.id


async def _proposed(trip_id: str) -> dict[str, Any]:
    """The trip and its breaker's terms, behind the lock. Raises TripResolved."""
    found = await row(
        """
        SELECT t.breaker_id, t.state, t.observed, t.usual, t.scope, b.name, b.metric, b.rail, b.rail_action, b.source,
            b.currency, b.window_seconds, b.baseline_seconds, b.factor_percent, b.minimum, b.response, b.freeze_seconds
        FROM breaker_trips t JOIN breakers b ON b.id = t.breaker_id WHERE t.id = {}
        """,
        trip_id,
    )
    if found is None:
        raise TripNotFound("There is no such trip.")
    if found["state"] != "proposed":
        raise TripResolved(f"This trip is already {found['state']}.", state=found["state"])
    return found


async def _mode_of(trip_id: str, organization_id: str) -> Mode:
    found = await row("SELECT mode FROM breaker_trips WHERE id = {} AND organization_id = {}", trip_id, organization_id)
    if found is None:
        raise TripNotFound("There is no such trip.")
    mode: Mode = found["mode"]
    return mode


def _reason(name: str, terms: BreakerTerms, observed: int, usual: int) -> str:
    return (
        f"Circuit breaker {name}: {measured(terms, observed)} in {terms.window_seconds} s, "
        f"usually {measured(terms, usual)}."
    )


def measured(terms: BreakerTerms, quantity: int) -> str:
    """A quantity of what the breaker measures, as people read it."""
    match terms.metric:
        case "amount":
            return money_text(quantity, terms.currency or "")
        case "count":
            return f"{quantity:,} movements"
        case "failures":
            return f"{quantity:,} failed executions"
        case _:
            assert_never(terms.metric)
