"""Writing down what was asked, before anything decides it: one statement when the idempotency key is new."""

from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from api.auth import Caller
from api.intake.request import Asked
from axiru.database import row
from axiru.domain.movement import Ovt
from axiru.errors import AxiruError
from axiru.ids import DECISION, new_id

REPLAY_HOURS: Final = 24
_KEY_ATTEMPTS: Final = 3
_ASLEEP_AFTER_SECONDS: Final = 30.0


class IdempotencyMismatch(AxiruError):
    """The idempotency key belongs to a request with another body. Nothing was decided."""

    code = "idempotency_mismatch"


class Reservation(NamedTuple):
    """The decision id that belongs to a request. `fresh`: this call made it; `sealed`: it has been decided."""

    decision_id: str
    ovt: Ovt
    received_at: datetime
    fresh: bool
    sealed: bool = False


async def reserve(asked: Asked, caller: Caller) -> Reservation:
    """Give a request its decision id, or find the one its idempotency key has.

    A key is good for one body for 24 hours, and longer while its decision can still change; after that the next
    request takes it over. Raises IdempotencyMismatch.
    """
    for _ in range(_KEY_ATTEMPTS):
        decision_id = new_id(DECISION)
        received_at = await _record(decision_id, asked, caller)
        if received_at is not None:
            return Reservation(decision_id, asked.ovt, received_at, fresh=True)
        earlier = await find_reservation(asked, caller)
        # None: the key was taken over between the two statements by a request that then failed; it is free again.
        if earlier is not None:
            return earlier
    raise RuntimeError("an idempotency key could be neither taken nor found")


async def ask_again(decision_id: str) -> bool:
    """Note that a caller still wants an answer to a request that nobody has decided yet.

    Returns whether its workflow may have gone to sleep over it and has to be told.
    """
    asked = await row(
        """
        WITH before AS (SELECT decision_id, asked_at FROM requests WHERE decision_id = {})
        UPDATE requests r SET asked_at = clock_timestamp() FROM before WHERE r.decision_id = before.decision_id
        RETURNING before.asked_at < clock_timestamp() - make_interval(secs => {}) AS asleep
        """,
        decision_id,
        _ASLEEP_AFTER_SECONDS,
    )
    return bool(asked and asked["asleep"])


async def give_up(decision_id: str) -> bool:
    """Note that the caller is told `decision_failed`, so that nothing is decided behind its back.

    Returns whether it was decided after all: the act holds the request's row until it has committed, so a decision is
    either seen here or will not be made before the caller asks again.
    """
    await row("UPDATE requests SET asked_at = 'epoch' WHERE decision_id = {}", decision_id)
    return await row("SELECT 1 AS sealed FROM decisions WHERE id = {}", decision_id) is not None


_REQUEST_COLUMNS: Final = (
    "(decision_id, organization_id, mode, endpoint, fingerprint, ovt, api_key_id, requested_by, received_at, asked_at)"
)
# When the next request may take a key over: its decision is settled (see `is_settled`), or was never made and is too
# stale to be.
_FREE_AGAIN: Final = f"""
    held.reserved_at < clock_timestamp() - make_interval(hours => {REPLAY_HOURS})
    AND coalesce(
        (SELECT d.state IN ('denied', 'expired', 'executed', 'execution_failed')
            OR (d.state IN ('allowed', 'approved') AND (d.execute = 'caller' OR d.surface_mode = 'shadow'))
            FROM decisions d WHERE d.id = held.decision_id),
        (SELECT r.asked_at < clock_timestamp() - make_interval(hours => {REPLAY_HOURS})
            FROM requests r WHERE r.decision_id = held.decision_id))
"""  # noqa: S608 - only constants of this module are spliced in
_RESERVE: Final = f"""
WITH reserved AS (
    INSERT INTO idempotency_keys AS held
        (organization_id, mode, endpoint, key, decision_id, fingerprint, reserved_at)
    VALUES ({{}}, {{}}, {{}}, {{}}, {{}}, {{}}, clock_timestamp())
    ON CONFLICT (organization_id, mode, endpoint, key) DO UPDATE
        SET decision_id = excluded.decision_id, fingerprint = excluded.fingerprint, reserved_at = excluded.reserved_at
        WHERE {_FREE_AGAIN}
    RETURNING decision_id
)
INSERT INTO requests {_REQUEST_COLUMNS}
SELECT decision_id, {{}}, {{}}, {{}}, {{}}, {{}}::jsonb, {{}}, {{}}, clock_timestamp(), clock_timestamp() FROM reserved
RETURNING received_at
"""  # noqa: S608 - only constants of this module are spliced in
_RECORD: Final = f"""
INSERT INTO requests {_REQUEST_COLUMNS}
VALUES ({{}}, {{}}, {{}}, {{}}, {{}}, {{}}::jsonb, {{}}, {{}}, clock_timestamp(), clock_timestamp())
RETURNING received_at
"""  # noqa: S608 - only constants of this module are spliced in


_FIND: Final = f"""
SELECT held.decision_id, held.fingerprint, r.ovt, r.received_at, d.id IS NOT NULL AS sealed
FROM idempotency_keys held
JOIN requests r ON r.decision_id = held.decision_id
LEFT JOIN decisions d ON d.id = held.decision_id
WHERE held.organization_id = {{}} AND held.mode = {{}} AND held.endpoint = {{}} AND held.key = {{}}
    AND NOT ({_FREE_AGAIN})
"""  # noqa: S608 - only constants of this module are spliced in


async def _record(decision_id: str, asked: Asked, caller: Caller) -> datetime | None:
    """When the request was written down; None when its idempotency key is somebody's already."""
    request = (
        caller.organization_id,
        caller.mode,
        asked.endpoint,
        asked.fingerprint,
        msgspec.json.encode(asked.ovt).decode(),
        caller.api_key_id,
        caller.member_id,
    )
    if asked.idempotency_key is None:
        written = await row(_RECORD, decision_id, *request)
    else:
        key = (
            caller.organization_id,
            caller.mode,
            asked.endpoint,
            asked.idempotency_key,
            decision_id,
            asked.fingerprint,
        )
        written = await row(_RESERVE, *key, *request)
    received_at: datetime | None = written["received_at"] if written else None
    return received_at


async def find_reservation(asked: Asked, caller: Caller) -> Reservation | None:
    """The reservation that the request's idempotency key has, unless it is free again. Raises IdempotencyMismatch."""
    found = await row(
        _FIND,
        caller.organization_id,
        caller.mode,
        asked.endpoint,
        asked.idempotency_key,
    )
    if found is None:
        return None
    if found["fingerprint"] != asked.fingerprint:
        raise IdempotencyMismatch(
            "This idempotency key was used for a request with another body.", fingerprint=asked.fingerprint
        )
    ovt = msgspec.json.decode(found["ovt"], type=Ovt)
    return Reservation(found["decision_id"], ovt, found["received_at"], fresh=False, sealed=found["sealed"])
