import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { AnswerLost, RequestRefused, SettlementClient, TokenNotUsable } from "../src/index.ts";
import { type Scripted, ScriptedServer } from "./scripted-server.ts";

const USED = { jti: "jti_1", decision_id: "ed_1", at: "2026-05-01T14:00:00Z", audit: { ledger_id: "lr_1" } };
const CONSUMED = { error: "conflict", message: "This token was used.", state: "consumed" };

let axiru: ScriptedServer;
let client: SettlementClient;
let pauses: number[];

beforeEach(async () => {
  axiru = await ScriptedServer.started();
  pauses = [];
  client = clientOf(axiru.url);
});

afterEach(() => axiru.close());

function clientOf(apiUrl: string): SettlementClient {
  const sleep = async (seconds: number): Promise<void> => void pauses.push(seconds);
  return new SettlementClient({ apiUrl, apiKey: "ak_test_1", timeoutSeconds: 0.5, sleep });
}

test("a consumed token says where it is sealed", async () => {
  axiru.says({ body: USED });
  const use = await client.consume("jti_1");
  assert.deepEqual(use, { jti: "jti_1", decisionId: "ed_1", at: "2026-05-01T14:00:00Z", ledgerId: "lr_1" });
  const asked = { path: "/api/v1/authorizations/jti_1/consume", body: "", authorization: "Bearer ak_test_1" };
  assert.deepEqual(axiru.asked, [asked]);
});

for (const state of ["consumed", "expired", "withheld", "revoked"]) {
  test(`a token that may not be used is told with its state: ${state}`, async () => {
    axiru.says({ status: 409, body: { ...CONSUMED, state } });
    await assert.rejects(
      client.consume("jti_1"),
      (error) => error instanceof TokenNotUsable && error.state === state && error.code === "token_not_usable",
    );
    assert.equal(axiru.asked.length, 1);
  });
}

for (const [status, error] of [[400, "invalid_request"], [401, "invalid_api_key"], [404, "not_found"]] as const) {
  test(`a refusal is not asked again: ${status}`, async () => {
    axiru.says({ status, body: { error, message: "No." } });
    await assert.rejects(
      client.consume("jti_1"),
      (refused) => refused instanceof RequestRefused && refused.error === error && refused.code === "request_refused",
    );
    assert.equal(axiru.asked.length, 1);
  });
}

const LOST: Scripted[] = [
  { status: 500 },
  { status: 503, body: "no upstream" },
  { body: "<html>sign in to the wireless</html>" },
  { body: [USED] },
  { body: USED, drops: true },
  { body: USED, hangsMs: 800 },
  { status: 302, headers: { location: "/elsewhere" } },
];

describe("a lost answer", () => {
  for (const lost of LOST) {
    test(`may be followed by one that is as good: ${JSON.stringify(lost)}`, async () => {
      axiru.says(lost, { body: USED });
      assert.equal((await client.consume("jti_1")).decisionId, "ed_1");
    });

    test(`before "consumed" is no leave to settle: ${JSON.stringify(lost)}`, async () => {
      axiru.says(lost, { status: 409, body: CONSUMED });
      await assert.rejects(client.consume("jti_1"), AnswerLost);
    });
  }

  test("each time is no leave to settle", async () => {
    axiru.says({ status: 500 });
    await assert.rejects(client.consume("jti_1"), AnswerLost);
    assert.deepEqual([axiru.asked.length, ...pauses], [3, 0.2, 0.4]);
    const nowhere = clientOf(axiru.url);
    axiru.close();
    await assert.rejects(nowhere.consume("jti_1"), AnswerLost);
  });
});

test("being asked to wait loses no answer", async () => {
  axiru.says({ status: 429, headers: { "retry-after": "3" } }, { status: 409, body: CONSUMED });
  await assert.rejects(client.consume("jti_1"), TokenNotUsable);
  assert.deepEqual(pauses, [3]);
});

test("an answer that is not about this token is none", async () => {
  for (const body of [{}, { ...USED, jti: "jti_2" }, { ...USED, audit: null }]) {
    axiru.says({ body });
    await assert.rejects(client.consume("jti_1"), AnswerLost);
  }
});

test("settlements say what was moved", async () => {
  axiru.says({ status: 500 }, { body: USED });
  await client.settled("jti_1");
  await client.settled("jti_1", { amountUnits: "340282366920938463463374607431768211456" });
  await client.failed("jti_1");
  assert.deepEqual(
    axiru.asked.map(({ body }) => JSON.parse(body)),
    [
      { settlement: "settled" },
      { settlement: "settled" },
      { settlement: "settled", amount_units: "340282366920938463463374607431768211456" },
      { settlement: "failed" },
    ],
  );
});

test("a jti cannot lead elsewhere", async () => {
  axiru.says({ status: 404, body: { error: "not_found" } });
  await assert.rejects(client.consume("../x?"), RequestRefused);
  assert.equal(axiru.asked[0]?.path, "/api/v1/authorizations/..%2Fx%3F/consume");
});
