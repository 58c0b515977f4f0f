"""The outbox relay: tells Temporal, in the order of the chain, what was sealed while nobody may have been listening."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.names import VOTE_SIGNAL
from activities.sweep import ensure_workflow
from axiru.database import row, rows, transaction
from axiru.domain.decision import MovementInput, is_settled

log = structlog.get_logger()

_RELAY: Final = "temporal"
_BATCH: Final = 200
_IDLE_SECONDS: Final = 0.5
_AWAY_SECONDS: Final = 2.0


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
    for chain in await rows("SELECT organization_id, mode FROM chain_heads"):
        try:
            delivered += await _relay_chain(client, task_queue, chain)
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
    return delivered


async def _relay_chain(client: Client, task_queue: str, chain: Mapping[str, Any]) -> int:
    """Messages of one chain behind its cursor, whose row lock keeps two workers from relaying one chain at once."""
    organization_id, mode = chain["organization_id"], chain["mode"]
    async with transaction():
        await rows(
            "INSERT INTO outbox_cursors (relay, organization_id, mode, seq) VALUES ({}, {}, {}, 0) "
            "ON CONFLICT DO NOTHING",
            _RELAY,
            organization_id,
            mode,
        )
        cursor = await rows(
            "SELECT seq FROM outbox_cursors WHERE relay = {} AND organization_id = {} AND mode = {} "
            "FOR UPDATE SKIP LOCKED",
            _RELAY,
            organization_id,
            mode,
        )
        if not cursor:
            return 0
        # Whole entries only: the batch ends with an entry, so that a cursor by seq never splits one.
        behind = await rows(
            "SELECT DISTINCT seq FROM outbox WHERE organization_id = {} AND mode = {} AND seq > {} "
            "ORDER BY seq LIMIT {}",
            organization_id,
            mode,
            cursor[0]["seq"],
            _BATCH,
        )
        if not behind:
            return 0
        messages = await rows(
            """
            SELECT topic, payload FROM outbox WHERE organization_id = {} AND mode = {} AND seq BETWEEN {} AND {}
            ORDER BY seq, position
            """,
            organization_id,
            mode,
            behind[0]["seq"],
            behind[-1]["seq"],
        )
        for message in messages:
            if message["topic"] == "vote":
                await _signal_vote(client, task_queue, chain, msgspec.json.decode(message["payload"]))
        await rows(
            "UPDATE outbox_cursors SET seq = {} WHERE relay = {} AND organization_id = {} AND mode = {}",
            behind[-1]["seq"],
            _RELAY,
            organization_id,
            mode,
        )
        return len(messages)


async def _signal_vote(client: Client, task_queue: str, chain: Mapping[str, Any], vote: dict[str, Any]) -> None:
    """Tell the workflow of a vote. One that is gone before its decision is settled is started again and finds it."""
    decision_id = vote["decision_id"]
    try:
        await client.get_workflow_handle(decision_id).signal(VOTE_SIGNAL, vote["vote_id"])
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        decision = await row("SELECT state, execute FROM decisions WHERE id = {}", decision_id)
        if decision is not None and not is_settled(decision["state"], decision["execute"]):
            movement = MovementInput(decision_id, chain["organization_id"], chain["mode"])
            await ensure_workflow(client, task_queue, movement)
