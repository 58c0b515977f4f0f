"""What Stripe says now of an object that a call made: whether it can be taken back depends on it."""

import stripe

from axiru.domain.execution import StripeCall


async def object_status(client: stripe.StripeClient, call: StripeCall, object_id: str) -> str | None:
    """The state of a refund or payout; None for what has none. Raises StripeError."""
    options: stripe.RequestOptions = {"stripe_account": call.stripe_account_id} if call.stripe_account_id else {}
    match call.operation:
        case "refunds.create":
            return (await client.v1.refunds.retrieve_async(object_id, options=options)).status
        case "payouts.create":
            return (await client.v1.payouts.retrieve_async(object_id, options=options)).status
        case _:
            return None
