"""Whether Stripe has the payment that is to be refunded. Reads only; the API makes no call that moves money."""

import asyncio
from typing import Final

import stripe
import structlog

from api.errors import FieldError
from axiru.settings import Settings
from axiru.stripe_access import StripeAccess
from axiru.vault import Vault
from ledger.acts.connection import revoking_with

_LOOK_UP_SECONDS: Final = 3.0
_NOT_FOUND: Final = 404
_log = structlog.get_logger("api")


class PaymentLookup:
    """Looks payments up with the token of their connection."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._access = StripeAccess(settings, vault, revoking_with(vault), timeout_seconds=_LOOK_UP_SECONDS)

    async def close(self) -> None:
        await self._access.close()

    async def errors(
        self,
        connection_id: str,
        *,
        charge: str | None,
        payment_intent: str | None,
        stripe_account_id: str | None,
        currency: str,
    ) -> list[FieldError]:
        """Why there is nothing to refund, or not in this currency: Stripe would take the charge's own.

        Says nothing when Stripe does not answer: executing will find out, safely.
        """
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                opened = await self._access.account_of(connection_id)
                if opened is None:
                    message = "There is no such active connection."
                    return [FieldError("intent.stripe_connection_id", "unknown_connection", message)]
                client, account = opened
                options: stripe.RequestOptions = {"stripe_account": stripe_account_id or account}
                paid = currency
                if charge is not None:
                    paid = (await client.v1.charges.retrieve_async(charge, options=options)).currency
                elif payment_intent is not None:
                    paid = (await client.v1.payment_intents.retrieve_async(payment_intent, options=options)).currency
            if paid != currency:
                return [FieldError("intent.currency", "currency_mismatch", f"This was paid in {paid}.")]
        except stripe.StripeError as error:
            if error.http_status == _NOT_FOUND:
                kind = "charge" if charge is not None else "payment_intent"
                return [FieldError(f"intent.{kind}", f"unknown_{kind}", f"Stripe has no such {kind} on this account.")]
            _log.warning("payment_not_looked_up", connection_id=connection_id, error=type(error).__name__)
        except TimeoutError:
            _log.warning("payment_not_looked_up", connection_id=connection_id, error="TimeoutError")
        return []
