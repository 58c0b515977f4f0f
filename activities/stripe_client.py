"""Clients of Stripe with a connection's token, and the one thing that two activities read there: the payment."""

import stripe

from axiru.database import row
from axiru.settings import Settings
from axiru.vault import Vault, token_context


class StripeClients:
    """Makes clients that share one pool of HTTP connections."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._settings = settings
        self._vault = vault
        self._http = stripe.HTTPXClient(timeout=settings.stripe_timeout_seconds)

    async def close(self) -> None:
        """Close the connections to Stripe."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def of(self, connection_id: str) -> stripe.StripeClient | None:
        """A client with the connection's token; None where there is no such connection.

        Raises VaultSealBroken and VaultKeyUnknown.
        """
        connection = await row("SELECT token_ciphertext FROM stripe_connections WHERE id = {}", connection_id)
        if connection is None:
            return None
        token = self._vault.open(bytes(connection["token_ciphertext"]), context=token_context(connection_id))
        # The library's own retries would pass the check that every attempt to move money has to make.
        return stripe.StripeClient(
            token.decode(),
            base_addresses={"api": self._settings.stripe_api_base},
            max_network_retries=0,
            http_client=self._http,
        )


async def read_charge(
    client: stripe.StripeClient, charge: str | None, payment_intent: str | None, *, stripe_account_id: str
) -> stripe.Charge | None:
    """The charge that a refund of either would be made of; None where a payment intent has none yet.

    Raises StripeError.
    """
    options: stripe.RequestOptions = {"stripe_account": stripe_account_id} if stripe_account_id else {}
    if charge is None and payment_intent is not None:
        intent = await client.v1.payment_intents.retrieve_async(payment_intent, options=options)
        latest = intent.latest_charge
        if isinstance(latest, stripe.Charge):
            return latest
        charge = latest
    return await client.v1.charges.retrieve_async(charge, options=options) if charge else None
