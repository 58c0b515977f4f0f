import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { canonicalSha256FingerprintSync, VerificationError, Verifier } from "../src/index.ts";
import { expectations } from "./expectations.ts";

interface Vector {
  name: string;
  token: string;
  now: number;
  ovt?: object;
  fingerprint?: string;
  expected: { [claim: string]: unknown };
  code: string | null;
  claim: string | null;
}

const vectors = JSON.parse(readFileSync(new URL("../../vectors/vectors.json", import.meta.url), "utf8"));

async function outcomeOf(vector: Vector): Promise<{ code: string | null; claim: string | null }> {
  const verifier = new Verifier({
    issuer: vectors.issuer,
    audience: vectors.audience,
    keys: vectors.jwks,
    leewaySeconds: vectors.leeway_seconds,
    now: () => vector.now,
  });
  const boundTo = vector.ovt ? { ovt: vector.ovt } : { fingerprint: String(vector.fingerprint) };
  try {
    const claims = await verifier.verify(vector.token, { ...boundTo, ...expectations(vector.expected) });
    const signed = JSON.parse(Buffer.from(String(vector.token.split(".")[1]), "base64url").toString("utf8"));
    const said = Object.keys(claims).map((name) => [name, signed[name] ?? null]);
    assert.deepEqual(JSON.parse(JSON.stringify(claims)), Object.fromEntries(said));
    assert.match(claims.jti, /^jti_vectors_/);
    return { code: null, claim: null };
  } catch (error) {
    assert.ok(error instanceof VerificationError, String(error));
    return { code: error.code, claim: "claim" in error ? String(error.claim) : null };
  }
}

describe("tokens that are accepted", () => {
  for (const vector of vectors.accepted as Vector[]) {
    test(vector.name, async () => assert.deepEqual(await outcomeOf(vector), { code: null, claim: null }));
  }
});

describe("tokens that are refused, each for its cause", () => {
  for (const vector of vectors.refused as Vector[]) {
    test(vector.name, async () => assert.deepEqual(await outcomeOf(vector), { code: vector.code, claim: vector.claim }));
  }
});

test("fingerprints are those of the canonical form", () => {
  for (const { sent, fingerprint } of vectors.fingerprints) {
    assert.equal(canonicalSha256FingerprintSync(JSON.parse(sent)), fingerprint, sent);
  }
});
