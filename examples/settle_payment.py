"""Pay an order on Stripe with an agent's authorization: authorize, verify, consume, pay, report.

    python settle_payment.py order_1042 2500 usd agent_shopper

The agent runs `authorize`, your settling service runs `settle`: it takes nothing from the agent but the token, and
makes the request it is held against from the order that it is about to pay.
"""

import os
import sys
from dataclasses import dataclass
from typing import Any

import httpx
import stripe
from axiru_verifier import SettlementClient, Verifier

AXIRU_URL = os.environ["AXIRU_URL"]
AXIRU_API_KEY = os.environ["AXIRU_API_KEY"]

verifier = Verifier(
    issuer=os.environ["AXIRU_ISSUER"],
    audience=os.environ["AXIRU_ORGANIZATION"],
    jwks_url=f"{AXIRU_URL}/axiru-jwks.json",
)
axiru = SettlementClient(AXIRU_URL, AXIRU_API_KEY)
payments = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    base_addresses={"api": os.environ.get("STRIPE_API_BASE", "https://api.stripe.com")},
    stripe_version="2026-08-26.dahlia",
    max_network_retries=2,
)


@dataclass(frozen=True)
class Order:
    """What is paid, as your own records have it."""

    id: str
    amount_cents: int
    currency: str
    agent: str


class PaymentBlocked(Exception):
    """Axiru gave no token, so nothing may be paid."""


def request_of(order: Order) -> dict[str, Any]:
    """The body of `POST /api/v1/authorizations` for this order, and always the same one."""
    return {
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": order.amount_cents,
        "currency": order.currency,
        "initiator": {"kind": "agent", "id": order.agent, "scopes": ["payments:write"]},
        "idempotency_key": order.id,
    }


def authorize(order: Order) -> str:
    """The token. Raises PaymentBlocked unless this is allowed now; asking again is safe."""
    answer = httpx.post(
        f"{AXIRU_URL}/api/v1/authorizations",
        json=request_of(order),
        headers={"authorization": f"Bearer {AXIRU_API_KEY}"},
        timeout=15,
    )
    authorization = answer.raise_for_status().json()
    token: str | None = authorization.get("authorization_token")
    if authorization["outcome"] != "allow" or token is None:
        raise PaymentBlocked(authorization.get("token_status") or authorization["reason"])
    return token


def settle(token: str, order: Order) -> stripe.PaymentIntent:
    """Pay the order once. Whatever is raised before Stripe is called: nothing was paid, and nothing may be."""
    claims = verifier.verify(
        token, ovt=request_of(order), amount_cents=order.amount_cents, currency=order.currency, rail="stripe_daa"
    )
    axiru.consume(claims.jti)
    try:
        payment = payments.v1.payment_intents.create(
            {
                "amount": order.amount_cents,
                "currency": order.currency,
                "payment_method_types": ["card"],
                "payment_method": os.environ.get("STRIPE_PAYMENT_METHOD", "pm_card_visa"),
                "confirm": True,
                # The token itself is longer than the 500 characters of a value, and settles nothing twice.
                "metadata": {"axiru_decision_id": claims.decision_id, "axiru_jti": claims.jti},
            },
            # One decision is one payment, however often this line is repeated after a crash.
            {"idempotency_key": claims.decision_id},
        )
    except (stripe.CardError, stripe.InvalidRequestError):
        # Stripe said no, so no money moved and its budget is free again. After any other error it may have moved: say
        # nothing then, and repeat the call with the same idempotency key.
        axiru.failed(claims.jti)
        raise
    if payment.status == "succeeded":
        axiru.settled(claims.jti, amount_units=str(payment.amount_received))
    return payment


if __name__ == "__main__":
    asked = Order(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
    print(settle(authorize(asked), asked).status)
