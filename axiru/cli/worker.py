"""The worker process: workflows, activities and the outbox relay, started and stopped in order."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from datetime import timedelta

import structlog
import uvloop
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.acts import Acts
from activities.breakers import watch_breakers_forever
from activities.deliveries import deliver_forever
from activities.dispute_relay import watch_over_disputes_forever
from activities.disputes import DisputeResponses
from activities.email import EmailChannel
from activities.first_history import look_back_forever
from activities.forgetting import forget_forever
from activities.history import Replays
from activities.payment_context import PaymentContexts
from activities.payout_pauses import PayoutPauses
from activities.reconciliation import Reconciliation
from activities.relay import relay_forever
from activities.slack import SlackChannel
from activities.stripe.executor import StripeExecutor
from activities.stripe.undoer import StripeUndoer
from activities.stripe_client import StripeClients
from activities.stripe_events import observe_forever
from activities.stripe_history import StripeHistory
from activities.sweep import release_overdue_forever, sweep_forever
from activities.token_keys import TokenKeys
from activities.webhooks import WebhookChannel
from api import logs
from axiru.database import connected
from axiru.domain.delivery import Channel
from axiru.settings import Settings
from axiru.temporal import connect
from axiru.vault import Vault
from ledger.keys import load_signer
from ledger.token_keys import KeyTimes
from workflows.dispute_response import DisputeResponse
from workflows.history_replay import HistoryReplay, ReplayExpiry
from workflows.money_movement import MoneyMovement
from workflows.reconciliation import StripeReconciliation
from workflows.schedules import create_schedules
from workflows.token_keys import TokenKeyRotation
from workflows.undoing import Undoing

log = structlog.get_logger()

_CONCURRENT_ACTIVITIES = 100
_SHUTDOWN_SECONDS = 5.0

# How long a vote waits for the worker that last held its workflow before any other takes over; the SDK waits 10 s.
_ANOTHER_WORKER_AFTER = timedelta(seconds=2)


def serve(settings: Settings, *, tasks_only: bool = False) -> None:
    """Run until SIGTERM or SIGINT, then let what is under way finish. Raises ConfigurationInvalid.

    `tasks_only`: take tasks from the queue, and leave what watches over everybody's tables to other workers.
    """
    # As the API's: structlog's own format for terminals writes out local variables, decrypted secrets among them.
    logs.configure(settings.log_level)
    uvloop.run(_serve(settings, tasks_only))


async def _serve(settings: Settings, tasks_only: bool) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with working(settings, tasks_only=tasks_only):
        log.info("worker_started", task_queue=settings.temporal_task_queue)
        await stopping.wait()
    log.info("worker_stopped")


@contextlib.asynccontextmanager
async def working(settings: Settings, *, tasks_only: bool = False) -> AsyncIterator[Client]:
    """A running worker and relay, for as long as the context lasts; yields their Temporal client."""
    vault = Vault.from_settings(settings)
    async with connected(settings):
        signer = await load_signer(vault)
        client = await connect(settings)
        executor, contexts = StripeExecutor(settings, vault, signer), PaymentContexts(settings, vault, signer)
        clients = StripeClients(settings, vault)
        history = StripeHistory(settings, clients)
        disputes = DisputeResponses(settings, clients, signer, client)
        beside = (
            []
            if tasks_only
            else [
                asyncio.create_task(relay_forever(client, settings.temporal_task_queue)),
                asyncio.create_task(sweep_forever(client, settings.temporal_task_queue)),
                asyncio.create_task(release_overdue_forever(signer)),
                asyncio.create_task(
                    create_schedules(
                        client, settings.temporal_task_queue, token_keys_every=KeyTimes.from_settings(settings).tick
                    )
                ),
                asyncio.create_task(watch_breakers_forever(signer)),
                asyncio.create_task(deliver_forever(channels_of(settings, vault))),
                asyncio.create_task(forget_forever()),
                asyncio.create_task(watch_over_disputes_forever(client, settings.temporal_task_queue)),
                asyncio.create_task(observe_forever(client, settings.temporal_task_queue, clients, signer)),
                asyncio.create_task(PayoutPauses(settings, clients, signer).work_forever()),
                asyncio.create_task(look_back_forever(client, settings.temporal_task_queue)),
            ]
        )
        try:
            # Leaving the block shuts the worker down before its client and pool go: the other order can crash at exit.
            worker = worker_of(
                client,
                settings.temporal_task_queue,
                Acts(signer),
                executor,
                contexts,
                history,
                disputes,
                Reconciliation(clients, signer),
                StripeUndoer(settings, clients, signer),
                TokenKeys(settings, vault),
            )
            async with worker:
                yield client
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await executor.close()
            await contexts.close()
            await clients.close()


def channels_of(settings: Settings, vault: Vault) -> list[Channel]:
    """Every way out of the house, each sending on its own."""
    return [WebhookChannel(settings, vault), SlackChannel(settings, vault), EmailChannel(settings, vault)]


def worker_of(
    client: Client,
    task_queue: str,
    acts: Acts,
    executor: StripeExecutor,
    contexts: PaymentContexts,
    history: StripeHistory,
    disputes: DisputeResponses,
    reconciliation: Reconciliation,
    undoer: StripeUndoer,
    token_keys: TokenKeys,
) -> Worker:
    """The worker, not started. Why it has no sandbox: `docs/decisions/0004-no-workflow-sandbox.md`."""
    replays = Replays()
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[
            MoneyMovement,
            HistoryReplay,
            ReplayExpiry,
            DisputeResponse,
            StripeReconciliation,
            Undoing,
            TokenKeyRotation,
        ],
        activities=[
            *(acts.decide, acts.read_approval, acts.expire_approval, acts.give_notice),
            *(executor.execute, undoer.undo, contexts.read),
            *(replays.replay, replays.give_up, replays.delete_expired, history.pull),
            *(disputes.prepare, disputes.due_soon, disputes.past_due, disputes.answer),
            token_keys.rotate,
            *(reconciliation.active_connections, reconciliation.reconcile, reconciliation.delete_old),
        ],
        workflow_runner=UnsandboxedWorkflowRunner(),
        sticky_queue_schedule_to_start_timeout=_ANOTHER_WORKER_AFTER,
        max_concurrent_activities=_CONCURRENT_ACTIVITIES,
        max_concurrent_local_activities=_CONCURRENT_ACTIVITIES,
        graceful_shutdown_timeout=timedelta(seconds=_SHUTDOWN_SECONDS),
    )
