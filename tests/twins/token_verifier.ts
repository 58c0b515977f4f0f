// The TypeScript verifier as a twin: a question a line on standard input, an answer a line on standard output.
import { canonicalSha256FingerprintSync, VerificationError, Verifier } from "../../sdk/auth-token-verifier/src/index.ts";

interface Question {
  fingerprint_of?: object;
  tokens?: { token: string; now: number }[];
  leeway_seconds?: number;
  issuer: string;
  audience: string;
  jwks: object;
  fingerprint: string;
}

/** All at once: one after the other each would wait for the thread that computes its signature. */
async function codesOf({ tokens = [], ...question }: Question): Promise<string[]> {
  const verifiers = new Map(tokens.map(({ now }) => [now, verifierAt(now, question)]));
  return Promise.all(tokens.map(({ token, now }) => codeOf(verifiers.get(now)!, token, question.fingerprint)));
}

function verifierAt(now: number, { leeway_seconds, issuer, audience, jwks }: Question): Verifier {
  return new Verifier({ issuer, audience, keys: jwks, leewaySeconds: leeway_seconds ?? 0, now: () => now });
}

async function codeOf(verifier: Verifier, token: string, fingerprint: string): Promise<string> {
  try {
    await verifier.verify(token, { fingerprint });
    return "accepted";
  } catch (error) {
    return error instanceof VerificationError ? error.code : String(error);
  }
}

/** Lines end with a line feed alone: `node:readline` also ends them at U+2028, which a text may have. */
async function* lines(): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

for await (const line of lines()) {
  const question: Question = JSON.parse(line);
  const { fingerprint_of: ovt } = question;
  console.log(JSON.stringify(ovt ? canonicalSha256FingerprintSync(ovt) : await codesOf(question)));
}
