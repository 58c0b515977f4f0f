"""The outbox relay: tells Temporal, in the order of the chain, what was sealed while nobody may have been listening."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec
import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.dispute_relay import tell_disputes
from activities.names import CONTROL_SIGNAL, RELEASE_SIGNAL, VOTE_SIGNAL
from activities.sweep import ensure_undoing, ensure_workflow
from axiru.database import row, rows
from axiru.domain.decision import MovementInput, is_settled

log = structlog.get_logger()

_RELAY: Final = "temporal"
_BATCH: Final = 200
_IDLE_SECONDS: Final = 0.5
_AWAY_SECONDS: Final = 2.0
_RPC_TIMEOUT: Final = timedelta(seconds=5)

_SIGNALS: Final = {
    "vote": (VOTE_SIGNAL, "vote_id"),
    "break_glass": (VOTE_SIGNAL, "break_glass_id"),
    "release": (RELEASE_SIGNAL, "control_id"),
}
"""Of which topics a workflow is told: the signal, and the id in the message that it carries."""


async def relay_forever(client: Client, task_queue: str) -> None:
    """Deliver until cancelled. What cannot be delivered now is tried again, and nothing behind it overtakes it."""
    while True:
        try:
            delivered = await relay_once(client, task_queue)
        except Exception:
            # Whatever is away (PostgreSQL, Temporal) comes back; the cursor has not moved past what was not delivered.
            log.exception("relay_interrupted")
            await asyncio.sleep(_AWAY_SECONDS)
        else:
            if not delivered:
                await asyncio.sleep(_IDLE_SECONDS)


async def relay_once(client: Client, task_queue: str) -> int:
    """Deliver one batch of every chain and return how many messages were read.

    A chain that fails holds up no other one; the first failure is raised when all have had their turn.
    """
    delivered = 0
    failures: list[Exception] = []
    for chain in await rows(_BEHIND, _RELAY):
        try:
            delivered += await _relay_chain(client, task_queue, chain)
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
    return delivered


_BEHIND: Final = """
SELECT h.organization_id, h.mode, h.seq, coalesce(c.seq, 0) AS relayed FROM chain_heads h
LEFT JOIN outbox_cursors c ON c.relay = {} AND c.organization_id = h.organization_id AND c.mode = h.mode
WHERE h.seq > coalesce(c.seq, 0)
"""


async def _relay_chain(client: Client, task_queue: str, chain: Mapping[str, Any]) -> int:
    """Deliver what lies behind one chain's cursor, then move the cursor.

    No lock is held meanwhile: two workers may deliver the same message, which says nothing new the second time.
    """
    organization_id, mode = chain["organization_id"], chain["mode"]
    # No further than the head that was read: entries sealed meanwhile must not fall behind the cursor unseen.
    upto = min(chain["seq"], chain["relayed"] + _BATCH)
    messages = await rows(
        """
        SELECT seq, topic, payload FROM outbox WHERE organization_id = {} AND mode = {} AND seq > {} AND seq <= {}
        ORDER BY seq, position
        """,
        organization_id,
        mode,
        chain["relayed"],
        upto,
    )
    for message in messages:
        if message["topic"] == "undo":
            undoing = msgspec.json.decode(message["payload"])
            if undoing["state"] == "intended":
                movement = MovementInput(undoing["decision_id"], organization_id, mode)
                await ensure_undoing(client, task_queue, movement)
        if message["topic"] == "control":
            await _tell_those_at_stripe(client, task_queue, chain, msgspec.json.decode(message["payload"]))
        if (signal := _SIGNALS.get(message["topic"])) is not None:
            name, id_field = signal
            told = msgspec.json.decode(message["payload"])
            # A glass that is only asked for approves nothing; told of it, a workflow would not listen when it breaks.
            if message["topic"] != "break_glass" or told["state"] == "used":
                await _signal(client, task_queue, chain, told["decision_id"], name, told[id_field])
    await tell_disputes(client, task_queue, chain, messages)
    await rows(
        """
        INSERT INTO outbox_cursors AS held (relay, organization_id, mode, seq) VALUES ({}, {}, {}, {})
        ON CONFLICT (relay, organization_id, mode) DO UPDATE SET seq = greatest(held.seq, excluded.seq)
        """,
        _RELAY,
        organization_id,
        mode,
        upto,
    )
    return len(messages)


async def _tell_those_at_stripe(
    client: Client, task_queue: str, chain: Mapping[str, Any], control: Mapping[str, Any]
) -> None:
    """A control takes back what Stripe's own people have not agreed to yet: the workflows that wait for them look."""
    if not control.get("in_force"):
        return
    waiting = await rows(
        "SELECT decision_id FROM executions WHERE organization_id = {} AND mode = {} AND state = 'requires_approval'",
        chain["organization_id"],
        chain["mode"],
    )
    for one in waiting:
        await _signal(client, task_queue, chain, one["decision_id"], CONTROL_SIGNAL, control["control_id"])


async def _signal(
    client: Client, task_queue: str, chain: Mapping[str, Any], decision_id: str, name: str, recorded_id: str
) -> None:
    """Tell the workflow of a vote or a release. One that is gone before its decision is settled is started again."""
    try:
        await client.get_workflow_handle(decision_id).signal(name, recorded_id, rpc_timeout=_RPC_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        decision = await row("SELECT state, execute, surface_mode FROM decisions WHERE id = {}", decision_id)
        if decision is not None and not is_settled(**decision):
            movement = MovementInput(decision_id, chain["organization_id"], chain["mode"])
            await ensure_workflow(client, task_queue, movement)
