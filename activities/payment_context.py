"""Payment context: asks Stripe about the payment that people are to decide on. Behind the answer, and best effort."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import stripe
import structlog
from temporalio import activity

from activities.stripe_client import StripeClients, read_charge
from axiru.database import row
from axiru.domain.approval_sheet import PaymentContext
from axiru.domain.decision import MovementInput
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.payment_context import keep_payment_context
from ledger.acts.projection import read_request
from ledger.entry import EntrySigner

_PATIENCE_SECONDS: Final = 5.0
"""A Stripe that hangs must not take the places in which this worker executes."""

_REFUSED: Final = frozenset({400, 401, 402, 403, 404})
"""Stripe will not say, however often it is asked (https://docs.stripe.com/api/errors)."""

log = structlog.get_logger()


class PaymentContexts:
    """Reads payments with the token of their connection, and seals what Stripe says."""

    def __init__(self, settings: Settings, vault: Vault, signer: EntrySigner) -> None:
        self._clients = StripeClients(settings, vault)
        self._signer = signer

    async def close(self) -> None:
        """Close the connections to Stripe."""
        await self._clients.close()

    @activity.defn(name="read_payment_context")
    async def read(self, movement: MovementInput) -> None:
        """Read the charge and keep what people may know of it. A payment that Stripe will not show is left unknown."""
        if await row("SELECT FROM approvals WHERE decision_id = {} AND context IS NOT NULL", movement.decision_id):
            return
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                payment = await self._payment(movement.decision_id)
        except stripe.StripeError as error:
            if error.http_status not in _REFUSED:
                raise
            log.info("payment_not_shown", decision_id=movement.decision_id, status=error.http_status)
            return
        if payment is not None:
            await keep_payment_context(
                movement.decision_id,
                payment,
                organization_id=movement.organization_id,
                mode=movement.mode,
                signer=self._signer,
            )

    async def _payment(self, decision_id: str) -> PaymentContext | None:
        request = await read_request(decision_id)
        connection_id, target = request.ovt.merchant.stripe_connection_id, request.ovt.target
        # Without an account it is no connection of this organization, whatever the request calls it.
        if connection_id is None or not request.connection_account_id:
            return None
        client = await self._clients.of(connection_id)
        if client is None:
            return None
        charge = await read_charge(
            client,
            target.charge,
            target.payment_intent,
            stripe_account_id=request.ovt.merchant.stripe_account_id or "",
        )
        return _context_of(charge) if charge is not None else None


def _context_of(charge: stripe.Charge) -> PaymentContext:
    customer = charge.customer
    return PaymentContext(
        amount_cents=charge.amount,
        amount_refunded_cents=charge.amount_refunded,
        remaining_cents=charge.amount - charge.amount_refunded,
        currency=charge.currency,
        status=charge.status,
        created_at=datetime.fromtimestamp(charge.created, UTC),
        disputed=charge.disputed,
        customer_id=customer.id if isinstance(customer, stripe.Customer) else customer,
        description=charge.description,
        read_at=datetime.now(UTC),
    )
