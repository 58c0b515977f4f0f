"""The first look at an account: once it is connected, its last 90 days are replayed through the policies in force.

The replay is written with the place in the outbox behind the connection's message, so that there is one for each time
an account is connected, whichever worker is lost; one that waits without a workflow is given one.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from activities.names import HISTORY_WORKFLOW
from axiru import ids
from axiru.database import row, rows, transaction
from axiru.domain.replay import KEPT_FOR, LONGEST_HISTORY_DAYS, ReplayInput
from policies import PolicyInvalid, pack, parse
from policies.history import NothingAboutRefunds
from policies.history.replay import must_cover_refunds

log = structlog.get_logger()

STARTER_PACK: Final = "refunds-starter"
"""What judges where no policy in force says anything of refunds."""

_RELAY: Final = "first_history"
_EVERY_SECONDS: Final = 1.0
_BATCH: Final = 1_000
_WAITED_SECONDS: Final = 2
_RPC_TIMEOUT: Final = timedelta(seconds=5)


async def look_back_forever(client: Client, task_queue: str) -> None:
    """Look for new connections until cancelled; what fails is tried again."""
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            await look_back_once(client, task_queue)
        except Exception:
            log.exception("first_history_interrupted")


async def look_back_once(client: Client, task_queue: str) -> None:
    """Write a replay for every account connected since the last look, and start what waits to be pulled."""
    for chain in await rows(_BEHIND, _RELAY):
        await _read(chain)
    waiting = await rows(
        "SELECT id FROM replays WHERE source = 'stripe' AND state = 'waiting' "
        "AND created_at < clock_timestamp() - make_interval(secs => {})",
        float(_WAITED_SECONDS),
    )
    for replay in waiting:
        await client.start_workflow(
            HISTORY_WORKFLOW,
            ReplayInput(replay["id"], pulls=True),
            id=replay["id"],
            task_queue=task_queue,
            rpc_timeout=_RPC_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )


async def _read(chain: Mapping[str, Any]) -> None:
    organization_id, mode = chain["organization_id"], chain["mode"]
    upto = min(chain["seq"], chain["looked_at"] + _BATCH)
    async with transaction():
        moved = await row(
            "INSERT INTO outbox_cursors AS held (relay, organization_id, mode, seq) VALUES ({}, {}, {}, {}) "
            "ON CONFLICT (relay, organization_id, mode) DO UPDATE SET seq = excluded.seq WHERE held.seq = {} "
            "RETURNING seq",
            *(_RELAY, organization_id, mode, upto, chain["looked_at"]),
        )
        if moved is None:
            return  # another worker has read it
        connected = await rows(_CONNECTED, organization_id, mode, chain["looked_at"], upto)
        for connection in connected:
            for name, source in await _judges(organization_id):
                await _write(connection, name, source)


async def _judges(organization_id: str) -> list[tuple[str, str]]:
    """Every policy in force that covers refunds on Stripe, by name; the starter pack where there is none."""
    found = await rows(
        "SELECT slug, version, source FROM policy_versions WHERE organization_id = {} AND status = 'active' "
        "ORDER BY slug",
        organization_id,
    )
    judges = [(f"{each['slug']} v{each['version']}", each["source"]) for each in found if _covers(each["source"])]
    return judges or [(STARTER_PACK, pack(STARTER_PACK))]


def _covers(source: str) -> bool:
    try:
        must_cover_refunds(parse(source))
    except (NothingAboutRefunds, PolicyInvalid):
        return False
    return True


async def _write(connection: Mapping[str, Any], policy_name: str, policy_source: str) -> None:
    await rows(
        "INSERT INTO replays (id, organization_id, mode, source, title, state, policy_source, policy_name, since, "
        "until, requested_by, created_at, expires_at, stripe_connection_id) VALUES ({}, {}, {}, 'stripe', {}, "
        "'waiting', {}, {}, now() - make_interval(days => {}), now(), {}, now(), now() + {}::interval, {})",
        ids.new_id(ids.REPLAY),
        connection["organization_id"],
        connection["mode"],
        f"The last {LONGEST_HISTORY_DAYS} days of {connection['name'] or connection['stripe_account_id']}",
        policy_source,
        policy_name,
        LONGEST_HISTORY_DAYS,
        connection["connected_by"],
        KEPT_FOR,
        connection["id"],
    )


_BEHIND: Final = """
SELECT h.organization_id, h.mode, h.seq, coalesce(c.seq, 0) AS looked_at FROM chain_heads h
LEFT JOIN outbox_cursors c ON c.relay = {} AND c.organization_id = h.organization_id AND c.mode = h.mode
WHERE h.seq > coalesce(c.seq, 0)
"""
_CONNECTED: Final = """
SELECT c.id, c.organization_id, c.mode, c.name, c.stripe_account_id, c.connected_by FROM outbox o
JOIN stripe_connections c ON c.id = o.payload ->> 'connection_id'
WHERE o.organization_id = {} AND o.mode = {} AND o.seq > {} AND o.seq <= {} AND o.topic = 'connection'
    AND o.payload ->> 'change' = 'connected' AND c.status = 'active' AND c.connected_by IS NOT NULL
ORDER BY o.seq
"""
