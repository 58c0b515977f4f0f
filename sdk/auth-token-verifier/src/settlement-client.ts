/** What settling code tells Axiru: that it uses a token, and what came of it. */

import { AnswerLost, RequestRefused, TokenNotUsable } from "./errors.ts";
import { secureUrl } from "./published-keys.ts";
import { isObject } from "./strict-json.ts";

const FIRST_PAUSE_SECONDS = 0.2;
const LONGEST_PAUSE_SECONDS = 10;

/** A token that was used, and the entry of the ledger that holds it. */
export interface TokenUse {
  readonly jti: string;
  readonly decisionId: string;
  readonly at: string;
  readonly ledgerId: string;
}

/** `apiUrl` is the API's address, without a path; the key needs the scope `authorizations:write`. */
export interface SettlementClientOptions {
  readonly apiUrl: string;
  readonly apiKey: string;
  /** How often Axiru is asked before an answer is lost; 3 if not said. */
  readonly attempts?: number;
  /** How long one attempt may take; 10 if not said. */
  readonly timeoutSeconds?: number;
  readonly sleep?: (seconds: number) => Promise<void>;
}

/** Consumes tokens and reports settlements. */
export class SettlementClient {
  readonly #apiUrl: URL;
  readonly #apiKey: string;
  readonly #attempts: number;
  readonly #timeoutSeconds: number;
  readonly #sleep: (seconds: number) => Promise<void>;

  /** Throws TypeError and RangeError for options that are none. */
  constructor(options: SettlementClientOptions) {
    const { apiKey, attempts = 3, timeoutSeconds = 10 } = options;
    this.#apiUrl = secureUrl(options.apiUrl);
    if (!apiKey) throw new TypeError("apiKey has to be named.");
    if (!(attempts >= 1) || !(timeoutSeconds > 0)) throw new RangeError("attempts and timeoutSeconds have to be more than 0.");
    this.#apiKey = apiKey;
    this.#attempts = attempts;
    this.#timeoutSeconds = timeoutSeconds;
    this.#sleep = options.sleep ?? ((seconds) => new Promise((done) => setTimeout(done, seconds * 1000)));
  }

  /**
   * Use a token. Settle after this resolved, once, and never otherwise.
   *
   * Of all that ask for one decision, one is answered. Where no answer came it is asked again, and an answer then is as
   * good. TokenNotUsable: it was not you, or it may not be used any more. AnswerLost: it may have been you, and nobody can
   * tell: somebody else may be settling, so do not, and let a person look at the decision. Throws RequestRefused for
   * everything else.
   */
  async consume(jti: string): Promise<TokenUse> {
    return this.#report(jti, "consume");
  }

  /**
   * The payment was made: all of it, or `amountUnits` in the asset's smallest unit. Repeating changes nothing.
   *
   * Throws AnswerLost, RequestRefused, TokenNotUsable where it was never consumed or said to have ended otherwise.
   */
  async settled(jti: string, made: { readonly amountUnits?: string } = {}): Promise<TokenUse> {
    return this.#report(jti, "settlement", {
      settlement: "settled",
      ...(made.amountUnits === undefined ? {} : { amount_units: made.amountUnits }),
    });
  }

  /** The payment was not made and will not be, so its budget is free again: say so only when you know. Throws as `settled`. */
  async failed(jti: string): Promise<TokenUse> {
    return this.#report(jti, "settlement", { settlement: "failed" });
  }

  /** Ask until there is an answer. Its loss in an earlier attempt makes a later `consumed` ambiguous. */
  async #report(jti: string, act: "consume" | "settlement", body?: object): Promise<TokenUse> {
    let lost = false;
    let reason = "";
    let pause = FIRST_PAUSE_SECONDS;
    for (let attempt = 0; attempt < this.#attempts; attempt++) {
      if (attempt > 0) {
        await this.#sleep(pause);
        pause *= 2;
      }
      let answer: Response;
      let said: unknown;
      try {
        answer = await this.#post(jti, act, body);
        said = await answer.json();
      } catch (error) {
        [lost, reason] = [true, String(error)];
        continue;
      }
      if (answer.status === 429) {
        [pause, reason] = [Math.max(pause, retryAfterSeconds(answer)), "429 rate_limited"];
        continue;
      }
      if (answer.status >= 500 || !isObject(said)) {
        [lost, reason] = [true, `status ${answer.status}`];
        continue;
      }
      if (answer.status === 200) return useOf(said, jti);
      if (lost && act === "consume" && said["state"] === "consumed") {
        throw new AnswerLost(`Consumed, perhaps by this call, whose answer was lost (${reason}): do not settle.`);
      }
      throw refusalOf(answer.status, said);
    }
    throw new AnswerLost(`Axiru gave no answer to rely on (${reason}).`);
  }

  async #post(jti: string, act: string, body?: object): Promise<Response> {
    return fetch(new URL(`/api/v1/authorizations/${encodeURIComponent(jti)}/${act}`, this.#apiUrl), {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.#apiKey}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "error",
      signal: AbortSignal.timeout(this.#timeoutSeconds * 1000),
    });
  }
}

function useOf(said: { [name: string]: unknown }, jti: string): TokenUse {
  const { decision_id: decisionId, at, audit } = said;
  const ledgerId = isObject(audit) ? audit["ledger_id"] : undefined;
  if (typeof decisionId !== "string" || typeof at !== "string" || typeof ledgerId !== "string") {
    throw new AnswerLost("What answered is not Axiru: do not settle.");
  }
  if (said["jti"] !== jti) throw new AnswerLost("What answered spoke of another token: do not settle.");
  return { jti, decisionId, at, ledgerId };
}

function refusalOf(status: number, said: { [name: string]: unknown }): RequestRefused {
  const Refusal = status === 409 ? TokenNotUsable : RequestRefused;
  const state = typeof said["state"] === "string" ? said["state"] : undefined;
  return new Refusal(String(said["message"]), { status, error: String(said["error"]), state });
}

function retryAfterSeconds(answer: Response): number {
  const said = answer.headers.get("retry-after") ?? "";
  return /^\d+$/.test(said) ? Math.min(Number(said), LONGEST_PAUSE_SECONDS) : 0;
}
