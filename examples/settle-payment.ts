/**
 * Pay an order on Stripe with an agent's authorization: authorize, verify, consume, pay, report.
 *
 *     node settle-payment.ts order_1042 2500 usd agent_shopper
 *
 * The agent runs `authorize`, your settling service runs `settle`: it takes nothing from the agent but the token, and makes
 * the request it is held against from the order that it is about to pay.
 */

import { SettlementClient, Verifier } from "@axiru/auth-token-verifier";
import Stripe from "stripe";

const AXIRU_URL = required("AXIRU_URL");
const AXIRU_API_KEY = required("AXIRU_API_KEY");
const STRIPE_API_BASE = new URL(process.env["STRIPE_API_BASE"] ?? "https://api.stripe.com");

const verifier = new Verifier({
  issuer: required("AXIRU_ISSUER"),
  audience: required("AXIRU_ORGANIZATION"),
  jwksUrl: `${AXIRU_URL}/axiru-jwks.json`,
});
const axiru = new SettlementClient({ apiUrl: AXIRU_URL, apiKey: AXIRU_API_KEY });
const stripe = new Stripe(required("STRIPE_API_KEY"), {
  protocol: STRIPE_API_BASE.protocol === "http:" ? "http" : "https",
  host: STRIPE_API_BASE.hostname,
  port: STRIPE_API_BASE.port || 443,
  maxNetworkRetries: 2,
});

/** What is paid, as your own records have it. */
export interface Order {
  readonly id: string;
  readonly amountCents: number;
  readonly currency: string;
  readonly agent: string;
}

/** Axiru gave no token, so nothing may be paid. */
export class PaymentBlocked extends Error {}

/** The body of `POST /api/v1/authorizations` for this order, and always the same one. */
export function requestOf(order: Order): object {
  return {
    rail: "stripe_daa",
    rail_action: "agent_payment",
    amount_cents: order.amountCents,
    currency: order.currency,
    initiator: { kind: "agent", id: order.agent, scopes: ["payments:write"] },
    idempotency_key: order.id,
  };
}

/** The token. Throws PaymentBlocked unless this is allowed now; asking again is safe. */
export async function authorize(order: Order): Promise<string> {
  const answer = await fetch(`${AXIRU_URL}/api/v1/authorizations`, {
    method: "POST",
    headers: { authorization: `Bearer ${AXIRU_API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify(requestOf(order)),
    signal: AbortSignal.timeout(15_000),
  });
  const authorization = await answer.json();
  if (authorization.outcome !== "allow" || !authorization.authorization_token) {
    throw new PaymentBlocked(authorization.token_status ?? authorization.reason ?? authorization.error);
  }
  return authorization.authorization_token;
}

/** Pay the order once. Whatever is thrown before Stripe is called: nothing was paid, and nothing may be. */
export async function settle(token: string, order: Order): Promise<Stripe.PaymentIntent> {
  const claims = await verifier.verify(token, {
    ovt: requestOf(order),
    amountCents: order.amountCents,
    currency: order.currency,
    rail: "stripe_daa",
  });
  await axiru.consume(claims.jti);
  let payment: Stripe.PaymentIntent;
  try {
    payment = await stripe.paymentIntents.create(
      {
        amount: order.amountCents,
        currency: order.currency,
        payment_method_types: ["card"],
        payment_method: process.env["STRIPE_PAYMENT_METHOD"] ?? "pm_card_visa",
        confirm: true,
        // The token itself is longer than the 500 characters of a value, and settles nothing twice.
        metadata: { axiru_decision_id: claims.decision_id, axiru_jti: claims.jti },
      },
      // One decision is one payment, however often this line is repeated after a crash.
      { idempotencyKey: claims.decision_id },
    );
  } catch (error) {
    // Stripe said no, so no money moved and its budget is free again. After any other error it may have moved: say nothing
    // then, and repeat the call with the same idempotency key.
    if (error instanceof Stripe.errors.StripeCardError || error instanceof Stripe.errors.StripeInvalidRequestError) {
      await axiru.failed(claims.jti);
    }
    throw error;
  }
  if (payment.status === "succeeded") {
    await axiru.settled(claims.jti, { amountUnits: String(payment.amount_received) });
  }
  return payment;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

if (import.meta.main) {
  const [id, amountCents, currency, agent] = process.argv.slice(2);
  const order: Order = { id: id!, amountCents: Number(amountCents), currency: currency!, agent: agent! };
  console.log((await settle(await authorize(order), order)).status);
}
