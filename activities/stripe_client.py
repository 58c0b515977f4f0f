"""Clients of Stripe with a connection's token, and the one thing that two activities read there: the payment."""

import stripe

from axiru.settings import Settings
from axiru.stripe_access import StripeAccess
from axiru.vault import Vault
from ledger.acts.connection import revoking_with


class StripeClients:
    """Makes clients that share one pool of HTTP connections.

    A connection whose token Stripe takes no more is marked as revoked, whichever call finds it out.
    """

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._access = StripeAccess(settings, vault, revoking_with(vault))

    async def close(self) -> None:
        """Close the connections to Stripe."""
        await self._access.close()

    async def of(self, connection_id: str) -> stripe.StripeClient | None:
        """A client with the connection's token, exchanged first where it is about to end.

        None where there is no such connection, or it is not active. Raises stripe.APIConnectionError where a new token
        is needed and Stripe does not answer, ConfigurationInvalid, VaultSealBroken, VaultKeyUnknown.
        """
        return await self._access.client(connection_id)

    async def check(self, connection_id: str) -> bool:
        """Whether Stripe still takes the connection's token; one that it does not is revoked."""
        return await self._access.check(connection_id)


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
