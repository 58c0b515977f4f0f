/** The fingerprint that binds a token to the request it was issued for. */

import { createHash } from "node:crypto";

import canonicalize from "canonicalize";

import { OvtInvalid } from "./errors.ts";
import { isObject } from "./strict-json.ts";

/**
 * SHA-256 (hex) of the canonical form (RFC 8785) of the body that is sent to `POST /api/v1/authorizations`.
 *
 * All of it, `idempotency_key` included, as `JSON.stringify` sends it: `undefined` is left out. Throws OvtInvalid for what
 * JSON cannot say: NaN, integers beyond 2^53 - 1, half of a surrogate pair, what contains itself.
 */
export function canonicalSha256FingerprintSync(ovt: object): string {
  if (!isObject(ovt)) throw new OvtInvalid("The request is not an object.");
  let canonical: string | undefined;
  try {
    canonical = canonicalize(ovt);
    refuseUnsafeIntegers(JSON.parse(canonical ?? "null"));
  } catch (error) {
    throw new OvtInvalid(`The request has no canonical form: ${String(error)}`);
  }
  if (canonical === undefined || !canonical.startsWith("{")) throw new OvtInvalid("The request is not an object.");
  return createHash("sha256").update(canonical, "utf8").digest("hex");
}

/** The same, for code that awaits it. */
export async function canonicalSha256Fingerprint(ovt: object): Promise<string> {
  return canonicalSha256FingerprintSync(ovt);
}

function refuseUnsafeIntegers(value: unknown): void {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RangeError("an integer is beyond 2^53 - 1");
  }
  if (typeof value === "object" && value !== null) Object.values(value).forEach(refuseUnsafeIntegers);
}
