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

async function codesOf({ tokens = [], leeway_seconds, issuer, audience, jwks, fingerprint }: Question): Promise<string[]> {
  let now = 0;
  const verifier = new Verifier({ issuer, audience, keys: jwks, leewaySeconds: leeway_seconds ?? 0, now: () => now });
  const codes: string[] = [];
  for (const one of tokens) {
    now = one.now;
    try {
      await verifier.verify(one.token, { fingerprint });
      codes.push("accepted");
    } catch (error) {
      codes.push(error instanceof VerificationError ? error.code : String(error));
    }
  }
  return codes;
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
