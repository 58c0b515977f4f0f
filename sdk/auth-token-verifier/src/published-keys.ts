/** The keys that Axiru publishes (RFC 7517), fetched when they are needed and believed no longer than they say. */

import { importJWK, type CryptoKey } from "jose";

import { ALGORITHM, bytesOf } from "./compact-jws.ts";
import { AuthorizationTokenError, KeyNotFound, KeysUnavailable } from "./errors.ts";
import { isObject, strictObject } from "./strict-json.ts";

/** A set of keys is fetched again at least this often, whatever its answer said. */
export const LONGEST_AGE_SECONDS = 3600;
export const UNSAID_AGE_SECONDS = 300;
/** Neither a `max-age=0` nor a failed fetch has the keys asked for more often. */
export const SHORTEST_PAUSE_SECONDS = 1;

const LARGEST_SET_BYTES = 256 * 1024;
const COORDINATE_BYTES = 32;
const MAX_AGE = /(?:^|[\s,])max-age="?(\d{1,9})"?(?=$|[\s,])/i;
const NOT_KEPT = /(?:^|[\s,])(?:no-store|no-cache)(?=$|[\s,])/i;
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

type KeysByKid = ReadonlyMap<string, CryptoKey>;

/** Where the key of a `kid` is found. Throws KeyNotFound, KeysUnavailable. */
export interface Keys {
  key(kid: string): Promise<CryptoKey>;
}

/** Keys that were handed over; they change with the program that names them. */
export class GivenKeys implements Keys {
  readonly #keys: Promise<KeysByKid>;

  constructor(jwks: unknown) {
    this.#keys = usableKeys(jwks);
    // Told where a key is asked for; a rejection nobody awaits would end the process.
    this.#keys.catch(() => undefined);
  }

  async key(kid: string): Promise<CryptoKey> {
    return found(await this.#keys, kid);
  }
}

interface HeldSet {
  readonly keys: KeysByKid;
  readonly fetchedAt: number;
  readonly freshUntil: number;
}

/**
 * The set at a URL. Any number of calls cause one fetch, and a token of a known key never waits for another's.
 *
 * A set is used until its `max-age` is over; then a new one is needed, and without it nothing is verified. A `kid` that is
 * not in it has it fetched before its time, once in `cooldownSeconds`.
 */
export class PublishedKeys implements Keys {
  readonly #url: URL;
  readonly #cooldownSeconds: number;
  readonly #timeoutSeconds: number;
  readonly #now: () => number;
  #held: HeldSet = { keys: new Map(), fetchedAt: -Infinity, freshUntil: -Infinity };
  #fetching: Promise<void> | null = null;
  #failedAt = -Infinity;
  #lookedAgainAt = -Infinity;

  constructor(url: string, options: { cooldownSeconds: number; timeoutSeconds: number; now: () => number }) {
    this.#url = secureUrl(url);
    this.#cooldownSeconds = options.cooldownSeconds;
    this.#timeoutSeconds = options.timeoutSeconds;
    this.#now = options.now;
  }

  async key(kid: string): Promise<CryptoKey> {
    if (!this.#fresh(this.#now())) {
      await this.#refreshed();
    } else if (!this.#held.keys.has(kid)) {
      if (this.#fetching !== null) {
        await this.#fetching;
      } else if (!within(this.#now() - this.#lookedAgainAt, this.#cooldownSeconds)) {
        this.#lookedAgainAt = this.#now();
        await this.#refreshed();
      }
    }
    return found(this.#held.keys, kid);
  }

  #fresh(now: number): boolean {
    // A clock that was set back makes nothing fresh.
    return this.#held.fetchedAt <= now && now < this.#held.freshUntil;
  }

  async #refreshed(): Promise<void> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = null;
    });
    await this.#fetching;
  }

  async #fetch(): Promise<void> {
    const now = this.#now();
    if (within(now - this.#failedAt, SHORTEST_PAUSE_SECONDS)) {
      throw new KeysUnavailable(`The keys could not be fetched from ${this.#url} a moment ago.`);
    }
    try {
      const { headers, raw } = await this.#get();
      const keys = await usableKeys(strictObject(raw));
      const seconds = freshSeconds(headers.get("cache-control") ?? "", headers.get("age") ?? "");
      this.#held = { keys, fetchedAt: now, freshUntil: now + seconds };
    } catch (error) {
      this.#failedAt = this.#now();
      throw new KeysUnavailable(`The keys cannot be fetched from ${this.#url}: ${reasonOf(error)}`);
    }
  }

  async #get(): Promise<{ headers: Headers; raw: Uint8Array }> {
    const answer = await fetch(this.#url, {
      // A cache in between would answer an unknown `kid` with the set that does not have it.
      headers: { accept: "application/jwk-set+json, application/json", "cache-control": "no-cache" },
      redirect: "error",
      signal: AbortSignal.timeout(this.#timeoutSeconds * 1000),
    });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new KeysUnavailable(`the answer's status is ${answer.status}`);
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of answer.body ?? []) {
      bytes += chunk.length;
      if (bytes > LARGEST_SET_BYTES) throw new KeysUnavailable("the answer is too long");
      chunks.push(chunk);
    }
    return { headers: answer.headers, raw: Buffer.concat(chunks) };
  }
}

/**
 * The keys of a set that can have signed a token, by `kid`; others are passed over (RFC 7517 §5).
 *
 * Throws KeysUnavailable for what is no set, or has a broken key, or two of one `kid`.
 */
export async function usableKeys(jwks: unknown): Promise<KeysByKid> {
  const listed = isObject(jwks) ? jwks["keys"] : undefined;
  if (!Array.isArray(listed) || !listed.every(isObject)) throw new KeysUnavailable("This is no JWK set.");
  const keys = new Map<string, CryptoKey>();
  for (const jwk of listed.filter(canHaveSigned)) {
    const kid = String(jwk["kid"]);
    if (keys.has(kid)) throw new KeysUnavailable(`Two keys go by ${kid}.`);
    keys.set(kid, await imported(jwk, kid));
  }
  return keys;
}

/** For how long an answer may be used (RFC 9111 §4.2), between a second and an hour. */
export function freshSeconds(cacheControl: string, age: string): number {
  if (NOT_KEPT.test(cacheControl)) return SHORTEST_PAUSE_SECONDS;
  const said = MAX_AGE.exec(cacheControl);
  const seconds = said ? Number(said[1]) : UNSAID_AGE_SECONDS;
  const spent = /^\d{1,9}$/.test(age) ? Number(age) : 0;
  return Math.min(Math.max(seconds - spent, SHORTEST_PAUSE_SECONDS), LONGEST_AGE_SECONDS);
}

/** Throws TypeError for an address that somebody on the way could answer for. */
export function secureUrl(url: string): URL {
  const parsed = new URL(url);
  if (parsed.protocol === "https:" || (parsed.protocol === "http:" && LOOPBACK.includes(parsed.hostname))) return parsed;
  throw new TypeError(`${url} is not https; http is taken for this machine alone.`);
}

function canHaveSigned(jwk: { [name: string]: unknown }): boolean {
  const { kty, crv, alg = ALGORITHM, use = "sig", key_ops: operations, kid } = jwk;
  return (
    kty === "EC" &&
    crv === "P-256" &&
    alg === ALGORITHM &&
    use === "sig" &&
    (operations === undefined || (Array.isArray(operations) && operations.includes("verify"))) &&
    typeof kid === "string"
  );
}

async function imported(jwk: { [name: string]: unknown }, kid: string): Promise<CryptoKey> {
  const { x, y } = jwk;
  try {
    if (typeof x !== "string" || typeof y !== "string") throw new TypeError("a coordinate is missing");
    if (bytesOf(x).length !== COORDINATE_BYTES || bytesOf(y).length !== COORDINATE_BYTES) {
      throw new TypeError("a coordinate has the wrong length");
    }
    return (await importJWK({ kty: "EC", crv: "P-256", x, y }, ALGORITHM)) as CryptoKey;
  } catch (error) {
    throw new KeysUnavailable(`The key ${kid} is broken: ${reasonOf(error)}`);
  }
}

function found(keys: KeysByKid, kid: string): CryptoKey {
  const key = keys.get(kid);
  if (key === undefined) throw new KeyNotFound(`No published key goes by the kid ${JSON.stringify(kid.slice(0, 100))}.`);
  return key;
}

function within(elapsed: number, seconds: number): boolean {
  return elapsed >= 0 && elapsed < seconds;
}

function reasonOf(error: unknown): string {
  if (error instanceof AuthorizationTokenError) return error.message;
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
