/** The verifier: a token and the request it was issued for in, its claims out, or an error that says why not. */

import { compactVerify } from "jose";

import { checkClaims, type Claims, type Expected, isExpectable, readClaims } from "./claims.ts";
import { ALGORITHM, readCompactJws } from "./compact-jws.ts";
import { SignatureInvalid } from "./errors.ts";
import { canonicalSha256FingerprintSync } from "./fingerprint.ts";
import { GivenKeys, type Keys, PublishedKeys } from "./published-keys.ts";

export const MOST_LEEWAY_SECONDS = 30;

/** Either `jwksUrl`, where the keys are published, or `keys`, a JWK set. `audience` is the organization's id. */
export interface VerifierOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl?: string;
  readonly keys?: object;
  /** 0 to 30, for clocks that differ; 5 if not said. */
  readonly leewaySeconds?: number;
  /** How often at most an unknown `kid` has the keys fetched before their time; 10 if not said. */
  readonly refreshCooldownSeconds?: number;
  /** How long the keys may take to come; 5 if not said. */
  readonly timeoutSeconds?: number;
  /** Seconds since 1970. */
  readonly now?: () => number;
}

/** The request that a token has to be for: the body that was sent, or its fingerprint. */
export type BoundTo = { readonly ovt: object; readonly fingerprint?: never } | { readonly fingerprint: string; readonly ovt?: never };

/** Verifies authorization tokens of one issuer for one organization. Make one for the whole process. */
export class Verifier {
  readonly #issuer: string;
  readonly #audience: string;
  readonly #leewaySeconds: number;
  readonly #now: () => number;
  readonly #keys: Keys;

  /** Throws TypeError and RangeError for options that are none. */
  constructor(options: VerifierOptions) {
    const { issuer, audience, jwksUrl, keys, leewaySeconds = 5, refreshCooldownSeconds = 10, timeoutSeconds = 5 } = options;
    if (!issuer || !audience) throw new TypeError("issuer and audience have to be named.");
    if (!Number.isInteger(leewaySeconds) || leewaySeconds < 0 || leewaySeconds > MOST_LEEWAY_SECONDS) {
      throw new RangeError(`leewaySeconds has to be 0 to ${MOST_LEEWAY_SECONDS}.`);
    }
    if (!(refreshCooldownSeconds >= 1) || !(timeoutSeconds > 0)) {
      throw new RangeError("refreshCooldownSeconds has to be 1 or more, timeoutSeconds more than 0.");
    }
    this.#issuer = issuer;
    this.#audience = audience;
    this.#leewaySeconds = leewaySeconds;
    this.#now = options.now ?? (() => Date.now() / 1000);
    if (keys !== undefined && jwksUrl === undefined) {
      this.#keys = new GivenKeys(keys);
    } else if (jwksUrl !== undefined && keys === undefined) {
      this.#keys = new PublishedKeys(jwksUrl, {
        cooldownSeconds: refreshCooldownSeconds,
        timeoutSeconds,
        now: this.#now,
      });
    } else {
      throw new TypeError("Name either jwksUrl or keys.");
    }
  }

  /**
   * The claims of a token that Axiru signed for this request, and that is valid now.
   *
   * Throws VerificationError, of the class that names the cause; TypeError for arguments that are none.
   */
  async verify(token: string, request: BoundTo & Expected): Promise<Claims> {
    const { ovt, fingerprint, ...expected } = request;
    refuseEmptyExpectations(expected);
    const boundTo = fingerprintOf(ovt, fingerprint);
    const read = readCompactJws(token);
    const key = await this.#keys.key(read.kid);
    try {
      await compactVerify(read.text, key, { algorithms: [ALGORITHM] });
    } catch {
      throw new SignatureInvalid("The signature is not by the key that the token names.");
    }
    const claims = readClaims(read.claims);
    checkClaims(
      claims,
      {
        issuer: this.#issuer,
        audience: this.#audience,
        fingerprint: boundTo,
        now: this.#now(),
        leewaySeconds: this.#leewaySeconds,
      },
      expected,
    );
    return claims;
  }
}

function fingerprintOf(ovt: unknown, fingerprint: unknown): string {
  if (typeof ovt === "object" && ovt !== null && fingerprint === undefined) return canonicalSha256FingerprintSync(ovt);
  if (typeof fingerprint === "string" && ovt === undefined) return fingerprint;
  throw new TypeError("A token is verified for a request: name either ovt or fingerprint.");
}

/** An expectation that is misspelt or empty would be one that is always met. */
function refuseEmptyExpectations(expected: object): void {
  for (const [name, value] of Object.entries(expected)) {
    if (!isExpectable(name)) throw new TypeError(`${name} is nothing that can be expected.`);
    if (value === undefined || value === null) throw new TypeError(`${name} is expected to be nothing.`);
  }
}
