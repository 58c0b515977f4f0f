import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { calculateJwkThumbprint, CompactSign, exportJWK, generateKeyPair, type JWK } from "jose";

import { KeyNotFound, KeysUnavailable, SignatureInvalid, Verifier } from "../src/index.ts";
import { freshSeconds } from "../src/published-keys.ts";
import { type Scripted, ScriptedServer } from "./scripted-server.ts";

const ISSUER = "https://api.axiru.example";
const AUDIENCE = "org_1";
const FINGERPRINT = "a".repeat(64);

let now: number;
let axiru: ScriptedServer;
let verified: (token: string) => Promise<string>;

class Signer {
  readonly jwk: JWK;
  readonly kid: string;
  readonly #sign: (header: object, claims: object) => Promise<string>;

  private constructor(jwk: JWK, kid: string, sign: (header: object, claims: object) => Promise<string>) {
    this.jwk = jwk;
    this.kid = kid;
    this.#sign = sign;
  }

  static async made(): Promise<Signer> {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwk = await exportJWK(publicKey);
    const kid = await calculateJwkThumbprint(jwk);
    return new Signer({ ...jwk, kid, use: "sig", alg: "ES256" }, kid, (header, claims) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
        .setProtectedHeader({ alg: "ES256", ...header })
        .sign(privateKey),
    );
  }

  token(kid: string = this.kid): Promise<string> {
    const iat = Math.floor(now);
    return this.#sign(
      { kid, typ: "axiru-authz+jwt" },
      {
        ...{ jti: "jti_1", iss: ISSUER, aud: AUDIENCE, iat, nbf: iat, exp: iat + 300, sub: "a" },
        ...{ ovt_fingerprint: FINGERPRINT, rail: "stripe_daa", rail_action: "agent_payment" },
        ...{ amount_cents: 1, currency: "usd", decision_id: "ed_1", mode: "test" },
      },
    );
  }
}

function publish(signers: Signer[], answer: Scripted = {}, cacheControl = "max-age=300"): void {
  axiru.says({
    body: { keys: signers.map((signer) => signer.jwk) },
    headers: { "cache-control": cacheControl },
    ...answer,
  });
}

beforeEach(async () => {
  now = 1_800_000_000;
  axiru = await ScriptedServer.started();
  const verifier = new Verifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    jwksUrl: `${axiru.url}/axiru-jwks.json`,
    now: () => now,
    timeoutSeconds: 1,
  });
  verified = async (token) => (await verifier.verify(token, { fingerprint: FINGERPRINT })).jti;
});

afterEach(() => axiru.close());

test("keys are fetched once, and again when their time is over", async () => {
  const signer = await Signer.made();
  publish([signer], {}, "public, max-age=60");
  for (const seconds of [0, 30, 29.9]) {
    now += seconds;
    await verified(await signer.token());
  }
  assert.equal(axiru.asked.length, 1);
  now += 0.1;
  await verified(await signer.token());
  assert.equal(axiru.asked.length, 2);
});

test("an unknown kid has the keys fetched before their time, once in a cooldown", async () => {
  const [signer, later, latest] = [await Signer.made(), await Signer.made(), await Signer.made()];
  publish([signer]);
  await verified(await signer.token());
  publish([signer, later]);
  assert.equal(await verified(await later.token()), "jti_1");
  publish([signer, later, latest]);
  for (let times = 0; times < 20; times++) await assert.rejects(verified(await latest.token()), KeyNotFound);
  assert.equal(axiru.asked.length, 2);
  now += 10;
  assert.equal(await verified(await latest.token()), "jti_1");
  assert.equal(axiru.asked.length, 3);
});

test("a key that is taken back is believed until the answer is over", async () => {
  const signer = await Signer.made();
  publish([signer]);
  await verified(await signer.token());
  publish([await Signer.made()]);
  now += 299;
  await verified(await signer.token());
  now += 1;
  await assert.rejects(verified(await signer.token()), KeyNotFound);
});

const FAILURES: { [name: string]: Scripted } = {
  "a failure": { status: 500 },
  nothing: { status: 404 },
  "a redirection": { status: 302, headers: { location: "/elsewhere" } },
  "a page": { body: "<html>" },
  "no set": { body: { keys: "none" } },
  "a name twice": { body: '{"keys":[],"keys":[]}' },
  "a broken key": { body: { keys: [{ kty: "EC", crv: "P-256", kid: "k", x: "AA", y: "AA" }] } },
  "too much": { body: " ".repeat(300_000) },
  "half an answer": { drops: true },
  "an answer that does not come": { hangsMs: 1500 },
};

for (const [name, answer] of Object.entries(FAILURES)) {
  test(`keys that cannot be fetched are no keys: ${name}`, async () => {
    const signer = await Signer.made();
    publish([signer]);
    await verified(await signer.token());
    publish([signer], answer);
    await assert.rejects(verified(await (await Signer.made()).token()), KeysUnavailable);
    assert.equal(await verified(await signer.token()), "jti_1");
    now += 300;
    await assert.rejects(verified(await signer.token()), KeysUnavailable);
    const asked = axiru.asked.length;
    await assert.rejects(verified(await signer.token()), KeysUnavailable);
    assert.equal(axiru.asked.length, asked, "asked again within a second");
    publish([signer]);
    now += 1;
    assert.equal(await verified(await signer.token()), "jti_1");
  });
}

test("two keys of one kid are no set", async () => {
  const signer = await Signer.made();
  publish([signer, signer]);
  await assert.rejects(verified(await signer.token()), KeysUnavailable);
});

test("a key says nothing under the kid of another", async () => {
  const [signer, other] = [await Signer.made(), await Signer.made()];
  publish([signer, other]);
  await assert.rejects(verified(await signer.token(other.kid)), SignatureInvalid);
});

test("a clock that is set back makes nothing fresh", async () => {
  const signer = await Signer.made();
  publish([signer]);
  await verified(await signer.token());
  now -= 3600;
  await verified(await signer.token());
  assert.equal(axiru.asked.length, 2);
});

test("any number of calls cause one fetch", async () => {
  const signer = await Signer.made();
  publish([signer], { hangsMs: 100 });
  const token = await signer.token();
  const said = await Promise.all(Array.from({ length: 64 }, () => verified(token)));
  assert.deepEqual(new Set(said), new Set(["jti_1"]));
  assert.equal(axiru.asked.length, 1);
});

test("a token of a known key does not wait for another's", async () => {
  const signer = await Signer.made();
  publish([signer]);
  await verified(await signer.token());
  publish([signer], { hangsMs: 500 });
  let answered = false;
  const stranger = assert.rejects(verified(await (await Signer.made()).token()), KeyNotFound).then(() => {
    answered = true;
  });
  assert.equal(await verified(await signer.token()), "jti_1");
  assert.equal(answered, false);
  await stranger;
});

test("an answer is believed for as long as it says", () => {
  const cases: [string, string, number][] = [
    ["max-age=0", "", 1],
    ["no-store", "", 1],
    ["no-cache, max-age=600", "", 1],
    ["max-age=600", "590", 10],
    ["max-age=600", "9999", 1],
    ["max-age=999999999", "", 3600],
    ["MAX-AGE=60", "", 60],
    ["s-maxage=5, max-age=60", "", 60],
    ["max-age=-1", "", 300],
    ["", "", 300],
  ];
  for (const [cacheControl, age, seconds] of cases) assert.equal(freshSeconds(cacheControl, age), seconds, cacheControl);
});
