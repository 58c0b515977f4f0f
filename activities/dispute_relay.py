"""Tells the workflows of disputes, from the outbox, what has changed, and starts those anew that were lost."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec
import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from activities.names import DISPUTE_SIGNAL, DISPUTE_WORKFLOW
from axiru.database import rows
from axiru.domain.dispute import ANSWERABLE
from axiru.domain.dispute_response import DisputeInput
from ledger.acts.evidence import AXIRU

_RPC_TIMEOUT: Final = timedelta(seconds=5)
_WATCH_SECONDS: Final = 600.0
_WATCHED_DAYS: Final = 3
_BY_STRIPE: Final = frozenset({"opened", "changed", "closed", "submitted"})

log = structlog.get_logger()


async def watch_over_disputes_forever(client: Client, task_queue: str) -> None:
    """Look for disputes whose workflow was lost until cancelled; what fails is tried again with the next look."""
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        try:
            await watch_over_disputes(client, task_queue)
        except Exception:
            log.exception("disputes_not_watched")


async def watch_over_disputes(client: Client, task_queue: str) -> int:
    """See to it that every dispute that is due within days has its workflow; returns how many those are.

    Temporal may have lost one (a restored backup, a terminated run), and a deadline does not come twice.
    """
    due = await rows(
        "SELECT id AS dispute_id, organization_id, mode FROM disputes WHERE status = ANY({}) "
        "AND evidence_due_by BETWEEN clock_timestamp() AND clock_timestamp() + make_interval(days => {})",
        *(list(ANSWERABLE), _WATCHED_DAYS),
    )
    for one in due:
        dispute = msgspec.convert(one, DisputeInput)
        await client.start_workflow(
            DISPUTE_WORKFLOW,
            dispute,
            id=dispute.workflow_id,
            task_queue=task_queue,
            rpc_timeout=_RPC_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )
    return len(due)


async def tell_disputes(
    client: Client, task_queue: str, chain: Mapping[str, Any], messages: Iterable[Mapping[str, Any]]
) -> None:
    """Start or wake the workflow of every dispute that these messages of one chain concern."""
    concerned: set[str] = set()
    decided: set[str] = set()
    for message in messages:
        if message["topic"] == "dispute":
            told = msgspec.json.decode(message["payload"])
            given = told["state"] == "packet_built" and told["built_by"] != AXIRU
            if given or told["state"] in _BY_STRIPE:
                concerned.add(told["dispute_id"])
        elif message["topic"] in {"decision", "execution"}:
            decided.add(msgspec.json.decode(message["payload"])["decision_id"])
    if decided:
        concerned |= await _about_the_same_charge(chain, decided)
    for dispute_id in sorted(concerned):
        dispute = DisputeInput(dispute_id, chain["organization_id"], chain["mode"])
        await client.start_workflow(
            DISPUTE_WORKFLOW,
            dispute,
            id=dispute.workflow_id,
            task_queue=task_queue,
            start_signal=DISPUTE_SIGNAL,
            rpc_timeout=_RPC_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )


async def _about_the_same_charge(chain: Mapping[str, Any], decision_ids: set[str]) -> set[str]:
    found = await rows(
        """
        SELECT DISTINCT p.id FROM decisions d JOIN disputes p ON p.organization_id = d.organization_id
            AND p.mode = d.mode AND p.charge = d.charge
        WHERE d.id = ANY({}) AND p.organization_id = {} AND p.mode = {} AND p.status = ANY({})
        """,
        *(list(decision_ids), chain["organization_id"], chain["mode"], list(ANSWERABLE)),
    )
    return {one["id"] for one in found}
