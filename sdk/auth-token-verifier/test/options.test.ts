import assert from "node:assert/strict";
import { test } from "node:test";

import * as verifying from "../src/index.ts";
import { canonicalSha256FingerprintSync, KeysUnavailable, OvtInvalid, SettlementClient, Verifier } from "../src/index.ts";
import { secureUrl } from "../src/published-keys.ts";

const NAMED = { issuer: "https://api.axiru.example", audience: "org_1" };
const NO_KEYS = { keys: [] };

test("a verifier cannot be made with options that are none", () => {
  for (const options of [
    {},
    { keys: NO_KEYS, jwksUrl: "https://axiru.example/axiru-jwks.json" },
    { jwksUrl: "http://axiru.example/axiru-jwks.json" },
    { jwksUrl: "ftp://axiru.example/axiru-jwks.json" },
    { jwksUrl: "/axiru-jwks.json" },
    { keys: NO_KEYS, leewaySeconds: 31 },
    { keys: NO_KEYS, leewaySeconds: -1 },
    { keys: NO_KEYS, leewaySeconds: 0.5 },
    { keys: NO_KEYS, leewaySeconds: Number.NaN },
    { keys: NO_KEYS, refreshCooldownSeconds: 0 },
    { keys: NO_KEYS, timeoutSeconds: Number.NaN },
    { keys: NO_KEYS, issuer: "" },
    { keys: NO_KEYS, audience: "" },
  ]) {
    assert.throws(() => new Verifier({ ...NAMED, ...options }), /./, JSON.stringify(options));
  }
});

test("keys that are none are told where one is asked for", async () => {
  for (const keys of [{}, { keys: {} }, { keys: [1] }, { keys: [{ kty: "EC", crv: "P-256", kid: "k", x: 1, y: 1 }] }]) {
    const verifier = new Verifier({ ...NAMED, keys });
    const header = Buffer.from('{"alg":"ES256","kid":"k","typ":"axiru-authz+jwt"}').toString("base64url");
    const token = `${header}.e30.${Buffer.alloc(64).toString("base64url")}`;
    await assert.rejects(verifier.verify(token, { ovt: {} }), KeysUnavailable);
  }
});

test("a verification that would bind nothing is a mistake", async () => {
  const verifier = new Verifier({ ...NAMED, keys: NO_KEYS });
  for (const asked of [
    {},
    { ovt: undefined, fingerprint: undefined },
    { ovt: null },
    { ovt: {}, fingerprint: "0".repeat(64) },
    { fingerprint: 0 },
    { ovt: {}, amount_cents: 25_000 },
    { ovt: {}, amountCents: undefined },
    { ovt: {}, currency: null },
  ]) {
    await assert.rejects(verifier.verify("a.b.c", asked as never), TypeError, JSON.stringify(asked));
  }
});

test("a request without a canonical form is refused", () => {
  const itself: { [name: string]: unknown } = {};
  itself["ovt"] = itself;
  const none = [{ a: Number.NaN }, { a: Infinity }, { a: 2 ** 53 }, { a: "\ud800" }, { "\udfff": 1 }, { a: 1n }];
  for (const ovt of [...none, itself, [], "{}", null, undefined, new Date(0)]) {
    assert.throws(() => canonicalSha256FingerprintSync(ovt as object), OvtInvalid);
  }
});

test("a request is fingerprinted as JSON.stringify sends it", () => {
  const written = { b: undefined, a: new Date(0), list: [undefined, -0], nested: { toJSON: () => ({ z: 1 }) } };
  const sent = JSON.parse(JSON.stringify(written));
  assert.equal(canonicalSha256FingerprintSync(written), canonicalSha256FingerprintSync(sent));
});

test("http is taken for this machine alone", () => {
  for (const url of ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:1", "https://axiru.example"]) secureUrl(url);
  for (const url of ["http://127.0.0.1.axiru.example", "http://localhost@axiru.example", "axiru.example"]) {
    assert.throws(() => secureUrl(url), TypeError);
    assert.throws(() => new SettlementClient({ apiUrl: url, apiKey: "ak_test_1" }), TypeError);
  }
});

test("errors are told apart by name and code", () => {
  const codes = Object.values(verifying)
    .filter((value) => typeof value === "function" && value.prototype instanceof verifying.AuthorizationTokenError)
    .filter((error) => ![verifying.VerificationError, verifying.SettlementError].includes(error as never))
    .map((error) => (Reflect.construct(error, ["message", {}]) as verifying.AuthorizationTokenError))
    .map((error) => [error.name, error.code]);
  assert.equal(new Set(codes.map(([, code]) => code)).size, 18);
  assert.deepEqual(
    codes.find(([name]) => name === "KeyNotFound"),
    ["KeyNotFound", "kid_not_found"],
  );
});
