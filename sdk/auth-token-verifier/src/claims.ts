/** The claims of an authorization token, and what they are held against. */

import { timingSafeEqual } from "node:crypto";

import {
  AudienceMismatch,
  ClaimInvalid,
  ExpectationMismatch,
  FingerprintMismatch,
  IssuerMismatch,
  TokenExpired,
  TokenNotYetValid,
} from "./errors.ts";
import { isObject, type JsonObject } from "./strict-json.ts";

export type Mode = "test" | "live";

/** An amount of any size: `units` is a decimal string in the asset's smallest unit. */
export interface Amount {
  readonly units: string;
  readonly asset: string;
  readonly exponent: number;
}

/**
 * What a verified token says, under the names it has there.
 *
 * `iat`, `nbf` and `exp` are seconds since 1970; `sub` is the agent, `aud` the organization. `amount_cents` is null for an
 * asset that is no currency, and `amount` says it.
 */
export interface Claims {
  readonly jti: string;
  readonly iss: string;
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  readonly sub: string;
  readonly aud: string;
  readonly ovt_fingerprint: string;
  readonly rail: string;
  readonly rail_action: string;
  readonly amount_cents: number | null;
  readonly currency: string;
  readonly decision_id: string;
  readonly mode: Mode;
  readonly amount: Amount | null;
}

/**
 * What the settling code knows of the payment by itself. The fingerprint binds all of it already; these bind it once more
 * where the request comes from elsewhere than the order that is paid.
 */
export interface Expected {
  readonly rail?: string;
  readonly railAction?: string;
  readonly amountCents?: number;
  readonly currency?: string;
  readonly mode?: Mode;
}

/** What the claims are held against besides the expectations; times in seconds. */
export interface Held {
  readonly issuer: string;
  readonly audience: string;
  readonly fingerprint: string;
  readonly now: number;
  readonly leewaySeconds: number;
}

const CLAIM_OF = {
  rail: "rail",
  railAction: "rail_action",
  amountCents: "amount_cents",
  currency: "currency",
  mode: "mode",
} as const satisfies Record<keyof Expected, keyof Claims>;

export function isExpectable(name: string): name is keyof Expected {
  return Object.hasOwn(CLAIM_OF, name);
}

const FINGERPRINT = /^[0-9a-f]{64}$/;
const UNITS = /^(?:0|[1-9][0-9]{0,77})$/;

/** The claims, each of its kind. Throws ClaimInvalid naming the first that is not. */
export function readClaims(raw: JsonObject): Claims {
  const mode = raw["mode"];
  if (mode !== "test" && mode !== "live") throw new ClaimInvalid("mode");
  const fingerprint = text(raw, "ovt_fingerprint");
  if (!FINGERPRINT.test(fingerprint)) throw new ClaimInvalid("ovt_fingerprint");
  const currency = text(raw, "currency");
  const amount = amountOf(raw, currency);
  const cents = amount !== null && raw["amount_cents"] === null ? null : number(raw, "amount_cents");
  if (amount !== null && cents !== null && amount.units !== String(cents)) throw new ClaimInvalid("amount");
  return {
    jti: text(raw, "jti"),
    iss: text(raw, "iss"),
    iat: number(raw, "iat"),
    nbf: number(raw, "nbf"),
    exp: number(raw, "exp"),
    sub: text(raw, "sub"),
    aud: text(raw, "aud"),
    ovt_fingerprint: fingerprint,
    rail: text(raw, "rail"),
    rail_action: text(raw, "rail_action"),
    amount_cents: cents,
    currency,
    decision_id: text(raw, "decision_id"),
    mode,
    amount,
  };
}

/**
 * Throws IssuerMismatch, AudienceMismatch, TokenExpired, TokenNotYetValid, FingerprintMismatch, ExpectationMismatch, in
 * this order.
 */
export function checkClaims(claims: Claims, held: Held, expected: Expected): void {
  if (claims.iss !== held.issuer) throw new IssuerMismatch("The token was issued by somebody else.");
  if (claims.aud !== held.audience) throw new AudienceMismatch("The token was issued for another organization.");
  if (held.now >= claims.exp + held.leewaySeconds) throw new TokenExpired("The token has expired.");
  if (held.now < Math.max(claims.nbf, claims.iat) - held.leewaySeconds) {
    throw new TokenNotYetValid("The token is not valid yet.");
  }
  if (!sameText(claims.ovt_fingerprint, held.fingerprint)) {
    throw new FingerprintMismatch("The token was issued for another request.");
  }
  for (const [name, value] of Object.entries(expected)) {
    const claim = CLAIM_OF[name as keyof Expected];
    const wanted = claim === "currency" && typeof value === "string" && value.length === 3 ? value.toLowerCase() : value;
    if (claims[claim] !== wanted) throw new ExpectationMismatch(claim);
  }
}

function sameText(one: string, other: string): boolean {
  const [left, right] = [new TextEncoder().encode(one), new TextEncoder().encode(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function amountOf(raw: JsonObject, currency: string): Amount | null {
  if (!Object.hasOwn(raw, "amount")) return null;
  const amount = raw["amount"];
  if (!isObject(amount)) throw new ClaimInvalid("amount");
  const { units, asset, exponent } = amount;
  if (typeof units !== "string" || !UNITS.test(units)) throw new ClaimInvalid("amount");
  if (typeof exponent !== "number" || exponent < 0) throw new ClaimInvalid("amount");
  if (asset !== currency) throw new ClaimInvalid("amount");
  return { units, asset: currency, exponent };
}

function text(raw: JsonObject, claim: string): string {
  const value = raw[claim];
  if (typeof value !== "string" || value === "") throw new ClaimInvalid(claim);
  return value;
}

function number(raw: JsonObject, claim: string): number {
  const value = raw[claim];
  if (typeof value !== "number" || value < 0) throw new ClaimInvalid(claim);
  return value;
}
